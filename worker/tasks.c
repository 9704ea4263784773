/* What is done on entering each state, and the slots. */
#include "worker/tasks_impl.h"

#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"

enum { ARENA_MAX = 16 << 20, STOCK_MAX = 64 };

static void finish(struct sq_tasks *t, struct sq_execution *e, bool keep);

struct sq_execution *sq_tasks_new(struct sq_tasks *t, int64_t id, int64_t task_id)
{
    struct sq_execution *e = calloc(1, sizeof *e);
    if (!e || !sq_idmap_put(&t->by_id, id, e)) {
        free(e);
        return NULL;
    }
    e->id = id;
    e->task_id = task_id;
    TAILQ_INSERT_TAIL(&t->all, e, all);
    t->untold++;
    return e;
}

static void free_execution(struct sq_execution *e)
{
    sq_staging_free(e);
    sq_container_free(e->container);
    free(e->command);
    free(e->input);
    free(e->resource);
    free(e->output);
    free(e->batch);
    free(e->note);
    free(e->output_files);
    free(e);
}

void sq_tasks_mark(struct sq_tasks *t, struct sq_execution *e, bool urgent)
{
    if (!e->dirty) {
        e->dirty = true;
        TAILQ_INSERT_TAIL(&t->dirty, e, tell);
    }
    t->conf->tell(t->conf->tell_arg, urgent);
}

static void list_outputs(struct sq_tasks *t, struct sq_execution *e)
{
    struct sq_buf names SQ_CLEANUP(sq_buf_fini);
    sq_buf_init(&names, 1 << 20); /* the sync body has its limit too */
    if (!e->dir)
        return;
    sq_watcher_look(&t->watcher);
    if (!sq_workdir_outputs(e->dir, &names)) {
        const char *words = "the list of its output files is cut: there is more in the "
                            "output folder than can be listed";
        sq_log(SQ_LOG_WARNING, "worker", "execution %lld: %s", (long long)e->id, words);
        sq_verdict_add(e, words);
    }
    if (names.len) {
        e->output_files = names.data;
        sq_buf_init(&names, 0); /* taken */
    }
}

static void start(struct sq_tasks *t, struct sq_execution *e)
{
    struct sq_err err;
    t->worked = true;
    e->asked_at = sq_monotonic();
    if (t->conf->no_spawn) {
        e->succeeded = true;
        sq_tasks_step(t, e, SQ_EV_EXITED);
        return;
    }
    if (e->container)
        sq_container_start(e->container);
    else if (sq_spawn_start(t, e, &err) != 0)
        sq_tasks_refuse(t, e, 127, SQ_EV_UNABLE, "%s", err.text);
    sq_watcher_active(&t->watcher, true);
}

/* Started at once, or written down: it must be found again before it is told that we
 * have it. */
static void wait_for_slot(struct sq_tasks *t, struct sq_execution *e)
{
    struct sq_err err;
    TAILQ_INSERT_TAIL(&t->waiting, e, queue);
    sq_tasks_start_waiting(t);
    if (e->state != SQ_STATE_WAITING || !e->dir)
        return;
    e->dir->header.stage = SQ_DIR_HELD;
    if (sq_spawn_save(e, &err) != 0)
        sq_tasks_refuse(t, e, -1001, SQ_EV_UNABLE, "%s", err.text);
    else if (e->fetched) /* its download limit is over */
        sq_tasks_mark(t, e, true);
}

/* Written down first: it must be found again before it is told that we have it. */
static void fetch(struct sq_tasks *t, struct sq_execution *e)
{
    struct sq_err err;
    e->dir->header.stage = SQ_DIR_FETCHING;
    if (sq_spawn_save(e, &err) != 0) {
        sq_tasks_refuse(t, e, -1001, SQ_EV_UNABLE, "%s", err.text);
        return;
    }
    sq_tasks_mark(t, e, false);
    sq_staging_fetch(t, e, false);
}

static void signal_command(struct sq_tasks *t, struct sq_execution *e, int signal)
{
    if (e->container)
        sq_container_signal(e->container, signal);
    else
        sq_supervision_signal(t, e->id, signal);
}

/* What follows from the new state; whatever is done twice here must be harmless. */
static void enter(struct sq_tasks *t, struct sq_execution *e)
{
    switch (e->state) {
    case SQ_STATE_DOWNLOADING:
        if (sq_staging_begins(e)) {
            fetch(t, e);
            break;
        }
        sq_tasks_mark(t, e, false);
        sq_tasks_step(t, e, SQ_EV_FETCHED);
        break;
    case SQ_STATE_WAITING: wait_for_slot(t, e); break;
    case SQ_STATE_STARTING: start(t, e); break;
    case SQ_STATE_RUNNING:
        free(e->command);
        e->command = NULL;
        sq_tasks_mark(t, e, false);
        break;
    case SQ_STATE_UPLOADING:
        sq_ahead_measure(t, e);
        list_outputs(t, e);
        sq_staging_store(t, e);
        break;
    case SQ_STATE_REPORTING: sq_tasks_mark(t, e, sq_ahead_low(t)); break;
    case SQ_STATE_KILLING: signal_command(t, e, SIGKILL); break;
    default: break;
    }
}

void sq_tasks_step(struct sq_tasks *t, struct sq_execution *e, enum sq_exec_event event)
{
    enum sq_exec_state from = e->state, to = sq_exec_next(from, event);
    if (to == from)
        return;
    sq_log(SQ_LOG_DEBUG, "worker", "execution %lld: %s -> %s", (long long)e->id,
           sq_exec_state_name(from), sq_exec_state_name(to));
    if (from == SQ_STATE_WAITING)
        TAILQ_REMOVE(&t->waiting, e, queue);
    if (e->ahead)
        sq_ahead_remove(t, e);
    if (from == SQ_STATE_DOWNLOADING || from == SQ_STATE_UPLOADING)
        sq_staging_cancel(e);
    e->fetched |= event == SQ_EV_FETCHED && sq_staging_fetches(e);
    sq_slots_count(t, e, from, to);
    e->state = to;
    if (to == SQ_STATE_DONE)
        finish(t, e, from == SQ_STATE_REPORTING && event == SQ_EV_ACKNOWLEDGED);
    else
        enter(t, e);
    if (sq_exec_holds_slot(from) && !sq_exec_holds_slot(to))
        sq_tasks_start_waiting(t);
    else if (sq_exec_holds_place(from) && !sq_exec_holds_place(to))
        sq_ahead_take(t);
}

void sq_tasks_start_waiting(struct sq_tasks *t)
{
    struct sq_execution *e;
    if (t->starting || !(t->sup_ready || t->conf->no_spawn))
        return;
    t->starting = true;
    while (sq_slots_any(t) && (e = TAILQ_FIRST(&t->waiting)))
        sq_tasks_step(t, e, SQ_EV_SLOT);
    t->starting = false;
    sq_ahead_take(t);
    if (t->slots_used == 0)
        sq_watcher_active(&t->watcher, false);
}

void sq_tasks_refuse(struct sq_tasks *t, struct sq_execution *e, int return_code,
                     enum sq_exec_event event, const char *fmt, ...)
{
    char text[1000];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    sq_verdict_note(e, "%s", text);
    e->return_code = return_code;
    sq_tasks_step(t, e, event);
}

void sq_tasks_autoclean(struct sq_tasks *t)
{
    if (sq_workdirs_autoclean(&t->dirs))
        sq_resources_clean(&t->staging.resources);
}

/* A big output does not stay on the disk in a directory that is free. */
static void trim(struct sq_execution *e)
{
    enum { LITTLE = 64 << 10 };
    const struct sq_stream *s = e->streams;
    if (s[SQ_STDOUT].cut > LITTLE || s[SQ_STDERR].cut > LITTLE)
        sq_workdir_trim(e->dir);
}

/* What finish left to be done: the container, the directory, the supervisor's record.
 */
static void put_away(struct sq_tasks *t, struct sq_execution *e)
{
    struct sq_err err;
    const struct sq_container *c = e->container;
    if (c && c->id && (!e->keep || c->gone))
        sq_containers_remove(t, c->runtime, c->id);
    if (e->dir) {
        if (!e->keep)
            trim(e);
        sq_workdir_release(&t->dirs, e->dir, e->keep);
    }
    if (e->spawned && t->sup && sq_sup_forget(t->sup, e->id, &err) != 0)
        sq_log(SQ_LOG_DEBUG, "worker", "%s", err.text);
    if (e->keep)
        sq_tasks_autoclean(t);
    free_execution(e);
}

/* Its directory is still written to; on the disk it is over already. */
static void put_off(struct sq_execution *e)
{
    struct sq_err err;
    enum sq_workdir_stage stage = e->keep ? SQ_DIR_KEPT : SQ_DIR_FREE;
    if (e->dir->header.stage == stage)
        return;
    e->dir->header.stage = stage;
    if (sq_workdir_save(e->dir, NULL, &err) != 0)
        sq_log(SQ_LOG_ERROR, "worker", "%s", err.text);
}

void sq_tasks_put_away(struct sq_tasks *t)
{
    struct sq_execution *e, *next;
    if (t->sup)
        sq_sup_cork(t->sup, true);
    for (e = TAILQ_FIRST(&t->done); e; e = next) {
        next = TAILQ_NEXT(e, all);
        if (sq_staging_busy(e)) {
            put_off(e);
            continue;
        }
        TAILQ_REMOVE(&t->done, e, all);
        put_away(t, e);
    }
    if (t->sup)
        sq_sup_cork(t->sup, false);
    sq_supervision_flush(t);
}

static void put_away_due(void *arg)
{
    sq_tasks_put_away(arg);
}

/* The server has its end, or does not want it.  Nothing of it stays but, after a
 * failure, the directory; that is seen to when what is more urgent (starting the
 * next one) is done. */
static void finish(struct sq_tasks *t, struct sq_execution *e, bool told)
{
    e->keep = told && e->started && !e->succeeded;
    /* Only that it is there counts; `t` is as good a value as any. */
    if (t->remember && !sq_idmap_put(&t->over, e->id, t))
        sq_log(SQ_LOG_ERROR, "worker", "out of memory");
    if (!e->accepted_cut)
        t->untold--;
    if (e->dirty)
        TAILQ_REMOVE(&t->dirty, e, tell);
    TAILQ_REMOVE(&t->all, e, all);
    sq_idmap_remove(&t->by_id, e->id);
    TAILQ_INSERT_TAIL(&t->done, e, all);
    sq_timer_hasten(t->loop, &t->done_timer, 0);
    t->conf->tell(t->conf->tell_arg, false);
}

static int take_directory(struct sq_tasks *t, struct sq_execution *e,
                          struct sq_err *err)
{
    int rc = sq_workdir_take(&t->dirs, &e->dir, err);
    if (rc)
        return rc;
    e->dir->header = (struct sq_workdir_header){
        .stage = SQ_DIR_HELD, .execution_id = e->id, .task_id = e->task_id};
    return 0;
}

static bool copy_texts(struct sq_execution *e, const struct sq_assignment *a)
{
    const struct {
        const char *from;
        char **to;
    } texts[] = {{a->command ? a->command : "", &e->command},
                 {a->input, &e->input},
                 {a->resource, &e->resource},
                 {a->output, &e->output},
                 {a->batch, &e->batch}};
    bool ok = true;
    e->use_cache = a->use_cache;
    for (size_t i = 0; i < SQ_LEN(texts); i++)
        if (texts[i].from)
            ok &= (*texts[i].to = strdup(texts[i].from)) != NULL;
    return ok;
}

void sq_tasks_accept(struct sq_tasks *t, struct sq_execution *e)
{
    struct sq_err err;
    if (!t->conf->no_spawn && take_directory(t, e, &err) != 0)
        sq_tasks_refuse(t, e, -1001, SQ_EV_UNABLE, "%s", err.text);
    else
        sq_tasks_step(t, e, SQ_EV_ACCEPT);
}

void sq_tasks_arrive(struct sq_tasks *t, const struct sq_assignment *a, bool ahead)
{
    if (sq_idmap_get(&t->by_id, a->execution_id) ||
        sq_idmap_get(&t->over, a->execution_id))
        return;
    struct sq_execution *e = sq_tasks_new(t, a->execution_id, a->task_id);
    if (!e || !copy_texts(e, a)) {
        sq_log(SQ_LOG_ERROR, "worker", "no memory to take on execution %lld",
               (long long)a->execution_id);
        if (e) /* the server will name it again */
            sq_tasks_step(t, e, SQ_EV_WITHDRAWN);
        return;
    }
    sq_slots_weigh(t, e);
    if (a->container)
        e->container = sq_container_new(t, e, a->container, a->container_options);
    if (a->container && !e->container)
        sq_tasks_refuse(t, e, -1001, SQ_EV_UNABLE, "no memory for a container");
    else if (t->closed || (ahead && !sq_slots_place(t)))
        sq_ahead_put(t, e);
    else
        sq_tasks_accept(t, e);
    sq_tasks_autoclean(t); /* what it needs is in use by now */
}

void sq_tasks_signal(struct sq_tasks *t, int64_t execution_id, int signal)
{
    struct sq_execution *e = sq_idmap_get(&t->by_id, execution_id);
    if (!e)
        return;
    switch (e->state) {
    case SQ_STATE_STARTING:
    case SQ_STATE_RUNNING: signal_command(t, e, signal); break;
    case SQ_STATE_ASSIGNED:
    case SQ_STATE_DOWNLOADING:
    case SQ_STATE_WAITING:
        if (signal == SIGKILL || signal == SIGTERM || signal == SIGQUIT)
            sq_tasks_refuse(t, e, -signal, SQ_EV_KILL, "killed by %s before it started",
                            sq_verdict_signal(signal));
        break;
    case SQ_STATE_UPLOADING:
        if (signal != SIGKILL && signal != SIGTERM && signal != SIGQUIT)
            break;
        e->succeeded = false;
        sq_tasks_refuse(t, e, -signal, SQ_EV_KILL,
                        "killed by %s while its output was uploaded",
                        sq_verdict_signal(signal));
        break;
    default: break;
    }
}

void sq_tasks_withdraw(struct sq_tasks *t, int64_t execution_id)
{
    struct sq_execution *e = sq_idmap_get(&t->by_id, execution_id);
    /* One whose end is on its way looks withdrawn to an answer that crosses it. */
    if (!e || e->end_cut || e->state == SQ_STATE_KILLING)
        return;
    sq_log(SQ_LOG_INFO, "worker", "execution %lld is no longer ours: %s",
           (long long)e->id,
           sq_exec_holds_slot(e->state) ? "killing it" : "forgetting it");
    sq_tasks_step(t, e, SQ_EV_WITHDRAWN);
}

void sq_tasks_withdraw_all(struct sq_tasks *t)
{
    struct sq_execution *e, *next;
    for (e = TAILQ_FIRST(&t->all); e; e = next) {
        next = TAILQ_NEXT(e, all);
        e->end_cut = false;
        sq_tasks_withdraw(t, e->id);
    }
}

static int64_t count_directories(const struct sq_execution_list *list)
{
    const struct sq_execution *e;
    int64_t n = 0;
    TAILQ_FOREACH(e, list, all)
    n += e->dir != NULL;
    return n;
}

/* One at a time: each costs a millisecond or two.  For what runs and waits, and as many
 * that have ended: theirs come back when the server knows. */
static void stock_due(void *arg)
{
    struct sq_tasks *t = arg;
    int64_t n = 2 * (t->concurrency + t->prefetch + sq_ahead_most(t));
    if (n > STOCK_MAX)
        n = STOCK_MAX;
    n -= count_directories(&t->all) + count_directories(&t->done);
    if (sq_workdirs_stock(&t->dirs, n))
        sq_timer_set(t->loop, &t->stock_timer, 0);
}

void sq_tasks_stock(struct sq_tasks *t)
{
    if (t->sup_ready)
        sq_timer_set(t->loop, &t->stock_timer, 0);
}

void sq_tasks_set_places(struct sq_tasks *t, int64_t concurrency, int64_t prefetch)
{
    if (prefetch < 0 || prefetch > INT32_MAX)
        prefetch = 0;
    if (concurrency < 0 || concurrency > INT32_MAX ||
        (concurrency == t->concurrency && prefetch == t->prefetch))
        return;
    if (concurrency != t->concurrency)
        sq_log(SQ_LOG_INFO, "worker", "concurrency is now %lld",
               (long long)concurrency);
    t->concurrency = concurrency;
    t->prefetch = prefetch;
    sq_tasks_stock(t);
    sq_tasks_start_waiting(t);
}

void sq_tasks_reset_resources(struct sq_tasks *t)
{
    sq_resources_reset(&t->staging.resources);
}

void sq_tasks_acknowledged(struct sq_tasks *t, const struct sq_record *r)
{
    if (r->kind != SQ_RECORD_STATUS || !sq_record_ends(r->status))
        return;
    struct sq_execution *e = sq_idmap_get(&t->by_id, r->execution_id);
    if (e && e->end_cut)
        sq_tasks_step(t, e, SQ_EV_ACKNOWLEDGED);
}

void sq_tasks_retell(struct sq_tasks *t)
{
    struct sq_execution *e;
    TAILQ_FOREACH(e, &t->all, all)
    {
        if (e->state == SQ_STATE_KILLING)
            continue;
        t->untold += e->accepted_cut;
        e->accepted_cut = e->fetched_cut = e->running_cut = e->end_cut = false;
        memset(e->streams, 0, sizeof e->streams);
        sq_tasks_mark(t, e, false);
    }
}

void sq_tasks_remember(struct sq_tasks *t, bool remember)
{
    t->remember = remember;
    if (!remember)
        sq_idmap_fini(&t->over);
}

bool sq_tasks_idle(const struct sq_tasks *t)
{
    return TAILQ_EMPTY(&t->all);
}

/* Output was written in this directory; NULL: perhaps in any. */
static void written(void *arg, struct sq_workdir *d)
{
    struct sq_tasks *t = arg;
    struct sq_execution *e;
    if (d) {
        e = sq_idmap_get(&t->by_id, d->header.execution_id);
        if (e && e->dir == d && e->state == SQ_STATE_RUNNING)
            sq_tasks_mark(t, e, false);
        return;
    }
    TAILQ_FOREACH(e, &t->all, all)
    if (e->state == SQ_STATE_RUNNING)
        sq_tasks_mark(t, e, false);
}

/* Directories of failures went: their containers go with them. */
static void kept_removed(void *arg)
{
    sq_containers_sweep(arg);
    sq_tasks_autoclean(arg);
}

int sq_tasks_init(struct sq_tasks *t, const struct sq_tasks_conf *conf,
                  struct sq_loop *loop, struct sq_spool *spool, struct sq_err *err)
{
    *t = (struct sq_tasks){.conf = conf, .loop = loop, .spool = spool};
    t->concurrency = conf->concurrency;
    t->cores = sq_task_cores();
    TAILQ_INIT(&t->all);
    TAILQ_INIT(&t->waiting);
    TAILQ_INIT(&t->dirty);
    TAILQ_INIT(&t->done);
    t->done_timer = (struct sq_timer){.fn = put_away_due, .arg = t};
    t->stock_timer = (struct sq_timer){.fn = stock_due, .arg = t};
    sq_ahead_init(t);
    sq_arena_init(&t->arena, ARENA_MAX);
    sq_watcher_init(&t->watcher, loop, written, t);
    const struct sq_workdirs_conf dirs = {
        .base = conf->base_workdir,
        .worker = conf->worker_file_name,
        .state_dir = conf->state_dir,
        .autoclean = conf->autoclean,
        .watcher = &t->watcher,
        .removed = kept_removed,
        .arg = t,
    };
    sq_containers_init(t);
    int rc = sq_workdirs_open(&t->dirs, &dirs, loop, err);
    if (!rc)
        rc = sq_task_env_init(&t->env, err);
    if (!rc)
        rc = sq_staging_init(t, err);
    if (!rc)
        rc = sq_recover_load(t, err);
    if (!rc && !conf->no_spawn)
        rc = sq_supervision_open(t, err);
    return rc;
}

void sq_tasks_fini(struct sq_tasks *t)
{
    struct sq_execution *e;
    sq_staging_end(t);
    sq_tasks_put_away(t);
    sq_timer_stop(t->loop, &t->done_timer);
    sq_timer_stop(t->loop, &t->stock_timer);
    sq_timer_stop(t->loop, &t->ahead_timer);
    sq_supervision_close(t);
    sq_containers_fini(t);
    while ((e = TAILQ_FIRST(&t->all))) {
        TAILQ_REMOVE(&t->all, e, all);
        if (e->dir)
            TAILQ_INSERT_TAIL(&t->dirs.found, e->dir, link); /* freed with these */
        free_execution(e);
    }
    sq_staging_fini(t);
    sq_workdirs_close(&t->dirs);
    sq_watcher_fini(&t->watcher);
    sq_task_env_fini(&t->env);
    sq_idmap_fini(&t->by_id);
    sq_idmap_fini(&t->over);
    sq_arena_fini(&t->arena);
    free(t->weights);
}
