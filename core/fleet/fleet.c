/* The dispatcher: one thread that sleeps until a job was made or ended, or one is late,
 * and gives each pending job that may run a thread of its own.
 *
 * At most `concurrency` workers are made at once.  Beside them as many jobs of each
 * other kind and provider run, so that a cloud that answers nobody holds up only what
 * is asked of itself.  Before a worker is destroyed the job that makes it is told to
 * end. */
#include "core/fleet/impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/store/job.h"
#include "lib/clock.h"
#include "lib/jsonio.h"
#include "lib/log.h"

enum { LOOK_AGAIN_US = 5000000 /* after an error of the database */ };

static void wake_locked(struct sq_fleet *f)
{
    f->due = true;
    pthread_cond_broadcast(&f->wake);
}

void sq_fleet_committed(struct sq_fleet *f, const struct sq_changes *changes)
{
    pthread_mutex_lock(&f->lock);
    for (struct sq_running *r = f->running; r; r = r->next)
        if (r->about.worker_id != SQ_NULL &&
            sq_id_set_has(&changes->tell, r->about.worker_id)) {
            r->woken = true;
            pthread_cond_broadcast(&f->wake);
        }
    if (changes->jobs || changes->failed)
        wake_locked(f);
    pthread_mutex_unlock(&f->lock);
    struct sq_janitor *janitor = f->janitor;
    if (janitor && (changes->silent.n || changes->failed))
        sq_janitor_wake(janitor);
}

/* ---- what runs */

static int is_canceled(const struct sq_call *call)
{
    return ((const struct sq_running *)call)->end != SQ_END_NONE;
}

static void on_progress(struct sq_call *call, int64_t done, int64_t total)
{
    if (total > 0)
        sq_fleet_percent((struct sq_running *)call, done * 100 / total);
}

static void end_locked(struct sq_running *r, enum sq_fleet_end why)
{
    int none = SQ_END_NONE;
    uint64_t one = 1;
    if (!atomic_compare_exchange_strong(&r->end, &none, (int)why))
        return;
    if (write(r->call.cancel_fd, &one, sizeof one) < 0)
        sq_log(SQ_LOG_ERROR, "fleet", "cannot end a job: %s", strerror(errno));
    /* it may wait for no call, but for time */
    pthread_cond_broadcast(&r->fleet->wake);
}

void sq_fleet_end(struct sq_running *r, enum sq_fleet_end why)
{
    pthread_mutex_lock(&r->fleet->lock);
    end_locked(r, why);
    pthread_mutex_unlock(&r->fleet->lock);
}

void sq_fleet_forgive_late(struct sq_running *r)
{
    int late = SQ_END_LATE;
    uint64_t n;
    pthread_mutex_lock(&r->fleet->lock);
    r->until_us = INT64_MAX;
    if (atomic_compare_exchange_strong(&r->end, &late, SQ_END_NONE))
        (void)!read(r->call.cancel_fd, &n, sizeof n);
    pthread_mutex_unlock(&r->fleet->lock);
}

static void running_free(struct sq_running *r)
{
    if (r->call.cancel_fd >= 0)
        close(r->call.cancel_fd);
    sq_arena_fini(&r->arena);
    free(r);
}

static bool is(const char *action, const char *name)
{
    return strcmp(action, name) == 0;
}

static void read_about(const struct sq_job *job, struct sq_job_about *ret)
{
    json_t *args = NULL;
    *ret = (struct sq_job_about){.worker_id = SQ_NULL};
    if (job->args)
        (void)sq_json_parse(job->args, strlen(job->args), &args, NULL);
    if (json_is_integer(json_object_get(args, "worker_id")))
        ret->worker_id = json_integer_value(json_object_get(args, "worker_id"));
    const char *provider = json_string_value(json_object_get(args, "provider"));
    if (!provider && is(job->action, "flavor_update"))
        provider = job->target;
    snprintf(ret->provider, sizeof ret->provider, "%s", provider ? provider : "");
    json_decref(args);
}

static struct sq_running *running_new(struct sq_fleet *f, const struct sq_job *job)
{
    struct sq_running *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->call = (struct sq_call){.canceled = is_canceled,
                               .cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                               .progress = on_progress};
    sq_arena_init(&r->arena, SQ_FLEET_ARENA);
    r->fleet = f;
    r->tuning = sq_tuning(f->setup.tuned);
    r->job = *job;
    r->job.target = sq_arena_strdup(&r->arena, job->target ? job->target : "");
    r->job.action = sq_arena_strdup(&r->arena, job->action ? job->action : "");
    r->job.args = sq_arena_strdup(&r->arena, job->args ? job->args : "{}");
    read_about(job, &r->about);
    r->until_us = sq_monotonic() + r->tuning->lifetime_s * INT64_C(1000000);
    if (r->call.cancel_fd >= 0 && r->job.target && r->job.action && r->job.args)
        return r;
    running_free(r);
    return NULL;
}

/* Do they count against one another? */
static bool same_lane(const struct sq_running *r, const char *action,
                      const struct sq_job_about *about)
{
    return is(r->job.action, action) &&
           (is(action, "worker_deploy") || is(r->about.provider, about->provider));
}

/* Only the dispatcher changes the list; others read it under the lock. */
static void start(struct sq_fleet *f, const struct sq_job *job)
{
    struct sq_running *r = running_new(f, job);
    if (!r) {
        sq_log(SQ_LOG_ERROR, "fleet", "out of memory for job %lld",
               (long long)job->job_id);
        return;
    }
    pthread_mutex_lock(&f->lock);
    r->next = f->running;
    f->running = r;
    pthread_mutex_unlock(&f->lock);
    if (pthread_create(&r->thread, NULL, sq_fleet_run, r) == 0)
        return;
    sq_log(SQ_LOG_ERROR, "fleet", "cannot start a thread for job %lld",
           (long long)job->job_id);
    pthread_mutex_lock(&f->lock);
    f->running = r->next;
    pthread_mutex_unlock(&f->lock);
    running_free(r);
}

static void collect(struct sq_fleet *f)
{
    struct sq_running **at = &f->running;
    while (*at) {
        struct sq_running *r = *at;
        if (!r->done) {
            at = &r->next;
            continue;
        }
        pthread_join(r->thread, NULL);
        pthread_mutex_lock(&f->lock);
        *at = r->next;
        pthread_mutex_unlock(&f->lock);
        running_free(r);
    }
}

static void end_late(struct sq_fleet *f)
{
    int64_t now = sq_monotonic();
    pthread_mutex_lock(&f->lock);
    for (struct sq_running *r = f->running; r; r = r->next)
        if (now >= r->until_us)
            end_locked(r, SQ_END_LATE);
    pthread_mutex_unlock(&f->lock);
}

/* May it begin now?  Of jobs for one worker one runs at a time, and whatever that is is
 * ended first for the worker's destruction. */
static bool may_start(struct sq_fleet *f, const struct sq_job *job)
{
    int n = 0;
    struct sq_job_about about;
    read_about(job, &about);
    for (struct sq_running *r = f->running; r; r = r->next) {
        if (r->job.job_id == job->job_id)
            return false;
        n += same_lane(r, job->action, &about);
        if (about.worker_id == SQ_NULL || r->about.worker_id != about.worker_id)
            continue;
        if (is(job->action, "worker_destroy"))
            sq_fleet_end(r, SQ_END_DESTROY);
        return false;
    }
    return n < sq_tuning(f->setup.tuned)->concurrency;
}

static int start_some(struct sq_fleet *f, struct sq_arena *arena, struct sq_err *err)
{
    struct sq_db *db;
    struct sq_job *jobs;
    size_t n = 0;
    int rc = sq_pool_get(f->setup.pool, &db, err);
    if (rc)
        return rc;
    rc = sq_jobs_open(db, arena, &jobs, &n, err);
    sq_pool_put(f->setup.pool, db);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (jobs[i].status == SQ_JOB_PENDING && jobs[i].action &&
            may_start(f, &jobs[i]))
            start(f, &jobs[i]);
    return rc;
}

/* ---- the thread */

static int64_t next_late(const struct sq_fleet *f)
{
    int64_t next = INT64_MAX;
    for (struct sq_running *r = f->running; r; r = r->next)
        if (r->end == SQ_END_NONE && r->until_us < next)
            next = r->until_us;
    return next;
}

/* False: the end. */
static bool wait_until_due(struct sq_fleet *f, int64_t at_latest)
{
    pthread_mutex_lock(&f->lock);
    while (!f->due && !f->stopping) {
        int64_t until = next_late(f);
        until = until < at_latest ? until : at_latest;
        struct timespec at = {until / 1000000, until % 1000000 * 1000};
        if (until == INT64_MAX)
            pthread_cond_wait(&f->wake, &f->lock);
        else if (pthread_cond_timedwait(&f->wake, &f->lock, &at) == ETIMEDOUT)
            f->due = true;
    }
    f->due = false;
    bool go_on = !f->stopping;
    pthread_mutex_unlock(&f->lock);
    return go_on;
}

static int reset(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    (void)arg;
    return sq_jobs_reset(tx, err);
}

static bool was_retuned(struct sq_fleet *f)
{
    pthread_mutex_lock(&f->lock);
    bool was = f->retuned;
    f->retuned = false;
    pthread_mutex_unlock(&f->lock);
    return was;
}

struct looked {
    struct sq_fleet *f;
    const struct sq_plugin *judged; /* its other names have the same settings */
};

static void look_at(void *arg, const char *name, const struct sq_plugin *plugin)
{
    struct looked *l = arg;
    struct sq_err err;
    int rc = 0;
    if (plugin->provider->flags & SQ_PROVIDER_OFFLINE)
        rc = sq_fleet_update(l->f, NULL, name, &err);
    else if (plugin != l->judged)
        rc = sq_fleet_judge(plugin, name, sq_tuning(l->f->setup.tuned)->conf, &err);
    l->judged = plugin;
    if (rc)
        sq_log(SQ_LOG_WARNING, "fleet", "%s: %s", name, err.text);
}

/* What needs nobody's answer is known from the start, be it that settings are wrong. */
static void look_at_all(struct sq_fleet *f)
{
    struct looked l = {.f = f};
    sq_fleet_each_name(f->setup.plugins, sq_tuning(f->setup.tuned)->providers, look_at,
                       &l);
}

static void *dispatch(void *arg)
{
    struct sq_fleet *f = arg;
    struct sq_arena arena;
    struct sq_err err;
    bool failing = false;
    sq_arena_init(&arena, SQ_FLEET_ARENA);
    while (wait_until_due(f, failing ? sq_monotonic() + LOOK_AGAIN_US : INT64_MAX)) {
        if (was_retuned(f))
            look_at_all(f);
        collect(f);
        end_late(f);
        int rc = start_some(f, &arena, &err);
        if (rc && !failing)
            sq_log(SQ_LOG_WARNING, "fleet", "%s", err.text);
        failing = rc != 0;
        sq_arena_reset(&arena);
    }
    sq_arena_fini(&arena);
    return NULL;
}

/* ---- its life */

static void set_owner(struct sq_fleet *f)
{
    snprintf(f->owner, sizeof f->owner, "s%.12s", f->setup.identity);
    for (char *p = f->owner; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
}

static void tell_broken(const struct sq_plugins *ps)
{
    for (size_t i = 0; i < sq_plugins_count(ps); i++)
        if (sq_plugins_at(ps, i)->problem)
            sq_log(SQ_LOG_WARNING, "fleet", "the provider %s cannot be used: %s",
                   sq_plugins_at(ps, i)->path, sq_plugins_at(ps, i)->problem);
}

static void init_lock(struct sq_fleet *f)
{
    pthread_condattr_t attr;
    pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&f->wake, &attr);
    pthread_condattr_destroy(&attr);
}

static int begin(struct sq_fleet *f, struct sq_err *err)
{
    struct sq_arena arena;
    tell_broken(f->setup.plugins);
    if (f->setup.knows_only)
        return 0;
    sq_arena_init(&arena, 1 << 20);
    int rc = sq_writer_change(f->setup.writer, reset, NULL, &arena, err);
    sq_arena_fini(&arena);
    f->due = f->retuned = true;
    if (rc == 0 && pthread_create(&f->thread, NULL, dispatch, f) != 0)
        rc = sq_fail(err, SQ_ENOMEM, "cannot start the fleet's thread");
    f->started = rc == 0;
    struct sq_janitor *janitor;
    if (rc == 0)
        rc = sq_janitor_start(f, &janitor, err);
    if (rc == 0)
        atomic_store(&f->janitor, janitor);
    return rc;
}

int sq_fleet_start(const struct sq_fleet_setup *setup, struct sq_fleet **ret,
                   struct sq_err *err)
{
    struct sq_fleet *f = calloc(1, sizeof *f);
    if (!f)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    f->setup = *setup;
    set_owner(f);
    init_lock(f);
    int rc = begin(f, err);
    if (rc)
        sq_fleet_free(f);
    else
        *ret = f;
    return rc;
}

void sq_fleet_tuned(struct sq_fleet *f)
{
    pthread_mutex_lock(&f->lock);
    f->retuned = true;
    wake_locked(f);
    pthread_mutex_unlock(&f->lock);
    struct sq_janitor *janitor = f->janitor;
    if (janitor)
        sq_janitor_tuned(janitor);
}

void sq_fleet_stop(struct sq_fleet *f)
{
    if (!f || !f->started)
        return;
    sq_janitor_stop(f->janitor);
    pthread_mutex_lock(&f->lock);
    f->stopping = true;
    pthread_cond_broadcast(&f->wake);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    f->started = false;
    for (struct sq_running *r = f->running; r; r = r->next)
        sq_fleet_end(r, SQ_END_STOP);
    while (f->running) {
        struct sq_running *r = f->running;
        pthread_join(r->thread, NULL);
        pthread_mutex_lock(&f->lock);
        f->running = r->next;
        pthread_mutex_unlock(&f->lock);
        running_free(r);
    }
}

void sq_fleet_free(struct sq_fleet *f)
{
    if (!f)
        return;
    sq_fleet_stop(f);
    sq_janitor_free(f->janitor);
    pthread_cond_destroy(&f->wake);
    pthread_mutex_destroy(&f->lock);
    free(f);
}
