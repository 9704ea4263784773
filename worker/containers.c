/* The life of a container: made (a child process of ours), started and followed (a
 * client of the engine, run by the supervisor), asked about, signalled. */
#include "worker/containers.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "worker/memo.h"
#include "worker/oom.h"
#include "worker/tasks_impl.h"

enum {
    ENGINE_FAILED = 125, /* the return code of what failed before the command ran */
    ASK_S = 60,          /* for an answer of the engine */
    SILENCE_S = 600,     /* an engine that is being upgraded is back before that */
    AGAIN_US = 1000000,
    SIGNAL_AGAIN_US = 300000
};

static void ask(struct sq_container *c);
static void send_next(struct sq_container *c);

static void ask_again(void *arg)
{
    ask(arg);
}

static void send_again(void *arg)
{
    send_next(arg);
}

struct sq_container *sq_container_new(struct sq_tasks *t, struct sq_execution *e,
                                      const char *image, const char *options)
{
    struct sq_container *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    *c = (struct sq_container){.t = t, .e = e, .oom_base = -1};
    c->again = (struct sq_timer){.fn = ask_again, .arg = c};
    c->signal_again = (struct sq_timer){.fn = send_again, .arg = c};
    c->image = strdup(image);
    c->options = options ? strdup(options) : NULL;
    if (c->image && (c->options || !options))
        return c;
    sq_container_free(c);
    return NULL;
}

struct sq_container *sq_container_recall(struct sq_tasks *t, struct sq_execution *e,
                                         const struct sq_memo *m)
{
    struct sq_container *c = sq_container_new(t, e, m->container, m->container_options);
    if (!c || !m->container_id || !sq_runtime_parse(m->runtime, &c->runtime))
        return c;
    c->id = strdup(m->container_id);
    if (c->id)
        return c;
    sq_container_free(c);
    return NULL;
}

void sq_container_free(struct sq_container *c)
{
    if (!c)
        return;
    sq_child_free(c->life);
    sq_child_free(c->call);
    sq_timer_stop(c->t->loop, &c->again);
    sq_timer_stop(c->t->loop, &c->signal_again);
    free(c->image);
    free(c->options);
    free(c->id);
    free(c);
}

/* ---- calls */

int sq_container_call(struct sq_tasks *t, struct sq_container_call *call, int limit_s,
                      sq_child_fn *fn, void *arg, struct sq_child **ret,
                      struct sq_err *err)
{
    sq_arena_reset(&t->arena);
    int rc = sq_runtime_find(call->runtime, sq_task_env_path(&t->env), &t->arena,
                             &call->program, err);
    char **line = rc ? NULL : sq_container_line(call, &t->arena);
    if (!rc && !line)
        rc = sq_fail(err, SQ_ENOMEM, "no memory to call %s", call->program);
    return rc ? rc
              : sq_child_start(t->loop, line, t->env.base, limit_s, fn, arg, ret, err);
}

static int call_own(struct sq_container *c, enum sq_container_verb verb, int signal,
                    sq_child_fn *fn, struct sq_child **ret, struct sq_err *err)
{
    struct sq_container_call call = {
        .runtime = c->runtime, .verb = verb, .id = c->id, .signal = signal};
    /* A stop lasts as long as the container takes. */
    int limit_s = verb == SQ_CT_STOP ? 0 : ASK_S;
    return sq_container_call(c->t, &call, limit_s, fn, c, ret, err);
}

static bool succeeded(const struct sq_child_end *end)
{
    return !end->timed_out && WIFEXITED(end->status) && WEXITSTATUS(end->status) == 0;
}

/* What it said, or why it said nothing. */
static const char *complaint_of(const struct sq_child_end *end)
{
    return end->timed_out ? "no answer within a minute" : end->err;
}

/* ---- following */

/* The program that the supervisor is to run.  In the arena. */
static char **client_line(struct sq_container *c, enum sq_container_verb verb,
                          struct sq_err *err)
{
    const struct sq_workdir *d = c->e->dir;
    struct sq_container_call call = {
        .runtime = c->runtime,
        .verb = verb,
        .id = c->id,
        .have = {sq_workdir_output_size(d, SQ_STDOUT),
                 sq_workdir_output_size(d, SQ_STDERR) - c->foreign},
    };
    sq_arena_reset(&c->t->arena);
    if (sq_runtime_find(c->runtime, sq_task_env_path(&c->t->env), &c->t->arena,
                        &call.program, err) != 0)
        return NULL;
    char **line = sq_container_line(&call, &c->t->arena);
    if (!line)
        sq_fail(err, SQ_ENOMEM, "no memory to start the container");
    return line;
}

static void attach(struct sq_container *c, enum sq_container_verb verb)
{
    struct sq_err err;
    struct sq_execution *e = c->e;
    struct sq_tasks *t = c->t;
    char **line = client_line(c, verb, &err);
    c->verb = verb;
    c->exited = false;
    c->client_start = sq_monotonic();
    if (e->spawned && t->sup)
        sq_sup_forget(t->sup, e->id, &err);
    if (!line || sq_spawn_ask(t, e, line, verb == SQ_CT_START, &err) != 0)
        sq_tasks_refuse(t, e, ENGINE_FAILED, SQ_EV_LOST, "%s", err.text);
    else
        sq_supervision_flush(t);
}

/* ---- making */

static int create_line(struct sq_container *c, char ***ret, struct sq_err *err)
{
    struct sq_tasks *t = c->t;
    char name[80];
    snprintf(name, sizeof name, "scitq-%" PRId64 "-%.8s-%08" PRIx32, c->e->id,
             t->containers.worker, (uint32_t)(sq_now() / 1000));
    struct sq_container_spec s = {
        .runtime = c->runtime,
        .image = c->image,
        .options = c->options,
        .command = c->e->command,
        .dir = c->e->dir->path,
        .name = name,
        .worker = t->containers.worker,
        .execution_id = c->e->id,
        .task_id = c->e->task_id,
        .cpu = sq_spawn_cpu(t),
        .init = sq_runtime_has_init(c->runtime),
        .data = sq_container_has_data("/"),
    };
    int rc = sq_runtime_find(c->runtime, sq_task_env_path(&t->env), &t->arena,
                             &s.program, err);
    return rc ? rc : sq_container_create(&s, &t->arena, ret, err);
}

/* It was to end before it was started. */
static bool ended_early(struct sq_container *c)
{
    struct sq_execution *e = c->e;
    if (e->state == SQ_STATE_KILLING)
        sq_tasks_step(c->t, e, SQ_EV_LOST);
    else if (c->deadly)
        sq_tasks_refuse(c->t, e, -c->deadly,
                        e->state == SQ_STATE_STARTING ? SQ_EV_UNABLE : SQ_EV_LOST,
                        "killed by %s before it started", sq_verdict_signal(c->deadly));
    else
        return false;
    return true;
}

static void created(void *arg, const struct sq_child_end *end)
{
    struct sq_container *c = arg;
    struct sq_err err;
    char id[SQ_CT_ID], why[800];
    c->life = NULL;
    bool made = succeeded(end) && sq_container_parse_id(end->out, id);
    c->id = made ? strdup(id) : NULL;
    if (!c->id)
        sq_containers_sweep(c->t); /* it may have been made all the same */
    if (ended_early(c))
        return;
    if (!c->id) {
        sq_container_explain(c->runtime, c->image, end->err, why, sizeof why);
        sq_tasks_refuse(c->t, c->e, ENGINE_FAILED, SQ_EV_UNABLE, "%s", why);
    } else if (c->t->sup_ready)
        attach(c, SQ_CT_START);
    else if (sq_spawn_save(c->e, &err) != 0) /* the supervisor's return starts it */
        sq_tasks_refuse(c->t, c->e, ENGINE_FAILED, SQ_EV_UNABLE, "%s", err.text);
}

static int make(struct sq_container *c, struct sq_err *err)
{
    char **line;
    struct sq_tasks *t = c->t;
    sq_arena_reset(&t->arena);
    const char *path = sq_task_env_path(&t->env);
    int rc =
        sq_runtime_choose(t->containers.runtime, path, &t->arena, &c->runtime, err);
    if (!rc)
        rc = create_line(c, &line, err);
    if (rc)
        return rc;
    /* Whoever finds this makes it anew: what was made meanwhile is swept. */
    c->e->dir->header.stage = SQ_DIR_HELD;
    rc = sq_spawn_save(c->e, err);
    if (rc)
        return rc;
    sq_containers_use(t, c->runtime);
    c->oom_base = sq_oom_kills();
    /* No limit: it may have to fetch the image. */
    return sq_child_start(t->loop, line, t->env.base, 0, created, c, &c->life, err);
}

void sq_container_start(struct sq_container *c)
{
    struct sq_err err;
    if (make(c, &err) != 0)
        sq_tasks_refuse(c->t, c->e, ENGINE_FAILED, SQ_EV_UNABLE, "%s", err.text);
}

/* ---- asking */

/* The engine may be restarting: containers outlive it where it is set up so. */
static void silent(struct sq_container *c, const char *why)
{
    char text[800];
    int64_t now = sq_monotonic();
    if (!c->silent_since) {
        c->silent_since = now;
        sq_log(SQ_LOG_WARNING, "worker", "execution %lld: %s cannot be asked: %s",
               (long long)c->e->id, sq_runtime_name(c->runtime), why);
    }
    if (now - c->silent_since < (int64_t)SILENCE_S * 1000000) {
        sq_timer_set(c->t->loop, &c->again, AGAIN_US);
        return;
    }
    sq_container_explain(c->runtime, c->image, why, text, sizeof text);
    sq_tasks_refuse(c->t, c->e, ENGINE_FAILED, SQ_EV_LOST,
                    "what became of the container is not known: %s", text);
}

static void made(struct sq_container *c, const struct sq_container_state *s)
{
    if (s->error[0] || c->exited)
        sq_container_judge_unstarted(c, s);
    else if (!ended_early(c))
        attach(c, SQ_CT_START);
}

/* A client whose daemon went away says so on the stream of the container, which is to
 * be continued where that ended. */
static void count_foreign(struct sq_container *c, const struct sq_container_state *s)
{
    char end[SQ_CT_END];
    int status = c->exit.status;
    bool ended_with_it = s->phase == SQ_CT_ENDED && c->verb == SQ_CT_START &&
                         WIFEXITED(status) && WEXITSTATUS(status) == s->exit_code;
    if (!c->exited || !WIFEXITED(status) || ended_with_it)
        return;
    sq_container_stderr_end(c, end);
    c->foreign += (int64_t)sq_container_client_words(end);
}

/* It lives and nobody follows it. */
static void alive(struct sq_container *c, const struct sq_container_state *s)
{
    if (c->runtime == SQ_PODMAN && !c->exited) {
        c->gone = true; /* its monitor was a child of the supervisor's command */
        sq_tasks_refuse(c->t, c->e, -SIGKILL, SQ_EV_LOST,
                        "the supervisor was killed, and the container with it");
        return;
    }
    if (c->exited && sq_monotonic() - c->client_start < AGAIN_US) {
        c->client_start = 0; /* a client that ends at once is not to be run at once */
        sq_timer_set(c->t->loop, &c->again, AGAIN_US);
        return;
    }
    bool follow = s->logged && c->runtime == SQ_DOCKER;
    c->blind |= !follow;
    count_foreign(c, s);
    c->drained = false;
    attach(c, follow ? SQ_CT_FOLLOW : SQ_CT_WAIT);
}

/* Only of a success can be told from the client that all its output is here. */
static void ended(struct sq_container *c, const struct sq_container_state *s)
{
    bool whole =
        c->exited && c->verb == SQ_CT_START && c->exit.status == 0 && s->exit_code == 0;
    if (whole || c->drained || !s->logged || c->runtime != SQ_DOCKER ||
        c->e->state == SQ_STATE_KILLING) {
        sq_container_judge(c, s);
        return;
    }
    c->drained = true;
    count_foreign(c, s);
    attach(c, SQ_CT_FOLLOW);
}

static void asked(void *arg, const struct sq_child_end *end)
{
    struct sq_container *c = arg;
    struct sq_container_state s;
    c->life = NULL;
    if (!sq_exec_holds_slot(c->e->state))
        return;
    if (!succeeded(end) || !sq_container_parse(end->out, &s)) {
        if (sq_container_complaint(complaint_of(end)) == SQ_CT_ABSENT)
            sq_container_judge_absent(c);
        else
            silent(c, complaint_of(end));
        return;
    }
    c->silent_since = 0;
    if (s.phase == SQ_CT_MADE)
        made(c, &s);
    else if (s.phase == SQ_CT_ALIVE)
        alive(c, &s);
    else
        ended(c, &s);
}

static void ask(struct sq_container *c)
{
    struct sq_err err;
    if (c->life || !c->t->sup_ready)
        return; /* an answer, or the supervisor, will come */
    if (call_own(c, SQ_CT_ASK, 0, asked, &c->life, &err) != 0)
        silent(c, err.text);
}

void sq_container_client_exited(struct sq_container *c, const struct sq_exit *exit)
{
    c->exit = *exit;
    c->exited = true;
    if (!c->unwritten)
        c->unwritten = exit->unwritten;
    ask(c);
}

void sq_container_settle(struct sq_container *c)
{
    if (c->id && (c->exited || !c->e->spawned))
        ask(c);
}

/* ---- signals */

static bool is_deadly(int signal)
{
    return signal == SIGKILL || signal == SIGTERM || signal == SIGQUIT;
}

static void drop_first(struct sq_container *c)
{
    memmove(c->signals, c->signals + 1, sizeof c->signals - sizeof *c->signals);
    c->n_signals--;
}

/* Not sent: is there a point in another try? */
static bool try_again(struct sq_container *c, const char *why)
{
    bool deadly = is_deadly(c->signals[0]);
    if (c->n_signals > 1 && c->signals[c->n_signals - 1] == SIGKILL)
        return false;
    if (!sq_exec_holds_slot(c->e->state) || c->exited)
        return false;
    switch (sq_container_complaint(why)) {
    case SQ_CT_IDLE: return true; /* it is being started */
    case SQ_CT_FROZEN:
        if (!deadly || c->n_signals == SQ_CT_SIGNALS)
            return false; /* paused twice */
        memmove(c->signals + 1, c->signals, sizeof c->signals - sizeof *c->signals);
        c->signals[0] = SIGCONT;
        c->n_signals++;
        return true;
    case SQ_CT_DOWN: return deadly;
    default: return deadly && c->signals[0] == SIGKILL;
    }
}

static void sent(void *arg, const struct sq_child_end *end)
{
    struct sq_container *c = arg;
    c->call = NULL;
    if (succeeded(end)) {
        drop_first(c);
        send_next(c);
        return;
    }
    sq_log(SQ_LOG_INFO, "worker", "execution %lld: %s is not taken: %s",
           (long long)c->e->id, sq_verdict_signal(c->signals[0]), complaint_of(end));
    if (!try_again(c, complaint_of(end)))
        drop_first(c);
    if (c->n_signals)
        sq_timer_set(c->t->loop, &c->signal_again, SIGNAL_AGAIN_US);
}

static enum sq_container_verb verb_of(const struct sq_container *c, int signal)
{
    if (signal == SIGTSTP || signal == SIGSTOP)
        return SQ_CT_PAUSE;
    if (signal == SIGCONT)
        return SQ_CT_RESUME;
    /* To be stopped for certain, though the first process of a container may ignore any
     * other signal: killed after the container's --stop-timeout. */
    if (signal == SIGTERM || signal == SIGQUIT)
        return SQ_CT_STOP;
    return SQ_CT_KILL;
}

static void send_next(struct sq_container *c)
{
    struct sq_err err;
    if (c->call || !c->n_signals)
        return;
    int signal = c->signals[0];
    if (is_deadly(signal))
        c->deadly = signal;
    if (call_own(c, verb_of(c, signal), signal, sent, &c->call, &err) == 0)
        return;
    sq_log(SQ_LOG_ERROR, "worker", "cannot signal execution %lld: %s",
           (long long)c->e->id, err.text);
    sq_timer_set(c->t->loop, &c->signal_again, AGAIN_US);
}

void sq_container_signal(struct sq_container *c, int signal)
{
    if (!c->id) {
        if (is_deadly(signal)) {
            c->deadly = signal;
            sq_child_kill(c->life);
        }
        return;
    }
    if (c->n_signals == SQ_CT_SIGNALS) /* the engine is slow: the last word counts */
        c->n_signals--;
    c->signals[c->n_signals++] = signal;
    if (signal == SIGKILL && c->call && verb_of(c, c->signals[0]) == SQ_CT_STOP)
        sq_child_kill(c->call); /* no more patience */
    send_next(c);
}
