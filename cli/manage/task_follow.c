/* A task is followed from one execution to the next.  Between them, and before the
 * first, its events are waited for; each says no more than that it is worth a look. */
#include "cli/manage/task_follow.h"

#include <string.h>

#include "cli/events.h"

struct following {
    struct sq_cli *cli;
    struct sq_follow follow;
    struct sq_listener listener;
    const struct sq_log_outs *outs; /* NULL: the task is waited for, no more */
    int64_t task_id;
    char path[40], events_path[60];
    json_t *last;     /* the execution followed last, as it ended */
    bool look, waits; /* there is something to look at; the user knows of waiting */
    bool failed;      /* the task has */
};

static int64_t id_of(const json_t *execution)
{
    return json_integer_value(json_object_get(execution, "execution_id"));
}

static int on_event(void *arg, const struct sq_sse_event *e, struct sq_err *err)
{
    struct following *w = arg;
    SQ_CLEANUP(sq_json_unref) json_t *row = sq_event_row(e, "task", w->task_id);
    (void)err;
    w->look = w->look || row || sq_event_is_anew(e);
    return 0;
}

/* "execution 9 failed (return code 3)" */
static const char *words_of(const json_t *execution, char text[120])
{
    const json_t *code = json_object_get(execution, "return_code");
    const char *status = sq_cli_member(execution, "status");
    bool passive = strcmp(status, "refused") == 0 || strcmp(status, "deleted") == 0;
    int n = snprintf(text, 120, "execution %lld %s%s", (long long)id_of(execution),
                     passive ? "was " : "", status);
    if (json_is_integer(code))
        snprintf(text + n, 120 - (size_t)n, " (return code %lld)",
                 (long long)json_integer_value(code));
    return text;
}

/* It has ended, or is gone: as what is remembered. */
static int look_back(struct following *w, int64_t execution_id, struct sq_err *err)
{
    json_t *last = NULL;
    int rc = sq_log_execution(&w->follow, w->task_id, execution_id - 1, &last, err);
    if (rc)
        return rc;
    if (id_of(last) != execution_id) {
        json_decref(last);
        last = json_pack("{s:I, s:s}", "execution_id", (json_int_t)execution_id,
                         "status", "deleted");
    }
    json_decref(w->last);
    w->last = last;
    return 0;
}

/* Follow what was not followed yet, one execution after the other. */
static int follow_executions(struct following *w, struct sq_err *err)
{
    char before[120];
    for (;;) {
        SQ_CLEANUP(sq_json_unref) json_t *next = NULL;
        /* Who saw that there was none follows them from the first. */
        int64_t after = w->last ? id_of(w->last) : w->waits ? 0 : SQ_LOG_LATEST;
        int rc = sq_log_execution(&w->follow, w->task_id, after, &next, err);
        if (rc || !next)
            return rc;
        if (w->last)
            sq_cli_note(w->cli, "%s: now follows execution %lld",
                        words_of(w->last, before), (long long)id_of(next));
        rc = sq_log_follow(&w->follow, id_of(next), w->outs, err);
        if (rc == 0)
            rc = look_back(w, id_of(next), err);
        if (rc)
            return rc;
    }
}

static void note_waiting(struct following *w, const char *status)
{
    char before[120];
    if (w->waits)
        return;
    if (w->last)
        sq_cli_note(w->cli, "%s: task %lld is %s, waiting for it to start again",
                    words_of(w->last, before), (long long)w->task_id, status);
    else
        sq_cli_note(w->cli, "task %lld is %s: waiting for it to start",
                    (long long)w->task_id, status);
    w->waits = true;
}

/* Look at the task: 1 it is to be waited for, 0 it has succeeded. */
static int look(struct following *w, struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *task = NULL;
    int64_t before = id_of(w->last);
    char text[120];
    w->look = false;
    /* The task first: where it has ended, its executions are all there. */
    int rc = sq_follow_ask(&w->follow, w->path, NULL, &task, err);
    if (rc == 0 && w->outs)
        rc = follow_executions(w, err);
    if (rc)
        return rc;
    const char *status = sq_cli_member(task, "status");
    if (id_of(w->last) != before) {
        w->look = true; /* that took its time: the task is another now */
        w->waits = false;
    } else if (strcmp(status, "succeeded") == 0)
        return 0;
    else if (strcmp(status, "failed") == 0) {
        w->failed = true;
        return sq_fail(err, SQ_ESTATE, "task %lld failed%s%s", (long long)w->task_id,
                       w->last ? ": " : "", w->last ? words_of(w->last, text) : "");
    } else if (w->outs)
        note_waiting(w, status);
    return 1;
}

static int follow(struct following *w, struct sq_err *err)
{
    int rc = 1;
    sq_listener_open(&w->listener, &w->follow, w->events_path, on_event, w);
    while (rc == 1) {
        rc = 0;
        while (!w->look && rc == 0)
            rc = sq_follow_wait(&w->follow, -1, -1, err);
        if (rc == 0)
            rc = look(w, err);
    }
    return rc;
}

int sq_task_follow(struct sq_cli *cli, int64_t task_id, const struct sq_log_outs *outs,
                   bool *ret_failed, struct sq_err *err)
{
    struct following w = {.cli = cli, .task_id = task_id, .outs = outs};
    snprintf(w.path, sizeof w.path, "/tasks/%lld", (long long)task_id);
    snprintf(w.events_path, sizeof w.events_path, "/events?kind=task&task_id=%lld",
             (long long)task_id);
    /* What cannot be followed at all is known before anything is waited for. */
    int rc = sq_cli_call_take(cli, "GET", w.path, NULL, NULL, err);
    if (rc)
        return rc;
    rc = sq_follow_init(&w.follow, cli, err);
    if (rc == 0)
        rc = follow(&w, err);
    sq_listener_close(&w.listener);
    sq_follow_fini(&w.follow);
    json_decref(w.last);
    if (ret_failed)
        *ret_failed = w.failed;
    return rc;
}
