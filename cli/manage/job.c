/* A job's log grows in its row, which every event of the job tells. */
#include "cli/manage/job.h"

#include <string.h>

#include "cli/events.h"

struct following {
    struct sq_cli *cli;
    int64_t id;
    const char *path;
    size_t shown; /* bytes of the log */
    bool json, look, ended;
};

const char *sq_job_path(struct sq_cli *cli, int64_t id, const char *rest)
{
    const char *path =
        sq_arena_printf(&cli->args.arena, "/jobs/%lld%s", (long long)id, rest);
    return path ? path : "/jobs/";
}

/* What is new of it; SQ_EIO when it has failed. */
static int show(struct following *w, const json_t *job, struct sq_err *err)
{
    FILE *out = w->cli->out;
    const char *log = sq_cli_member(job, "log"), *status = sq_cli_member(job, "status");
    bool failed = strcmp(status, "failed") == 0;
    w->ended = failed || strcmp(status, "succeeded") == 0;
    /* An event may be older than the last look; a log only grows. */
    if (strlen(log) > w->shown) {
        if (!w->json)
            sq_cli_print_text(out, log + w->shown);
        w->shown = strlen(log);
    }
    if (w->json && w->ended)
        sq_cli_print_json(w->cli, job);
    fflush(out);
    return failed ? sq_fail(err, SQ_EIO, "job %lld failed", (long long)w->id) : 0;
}

static int on_event(void *arg, const struct sq_sse_event *e, struct sq_err *err)
{
    struct following *w = arg;
    SQ_CLEANUP(sq_json_unref) json_t *row = sq_event_row(e, "job", w->id);
    if (sq_event_is_anew(e))
        w->look = true;
    if (!row || w->ended)
        return 0;
    if (json_is_true(json_object_get(row, "deleted")))
        return sq_fail(err, SQ_ENOENT, "job %lld was deleted", (long long)w->id);
    return show(w, row, err);
}

/* Look at it for oneself, since events may have been missed. */
static int look(struct following *w, struct sq_follow *f, struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *job = NULL;
    w->look = false;
    int rc = sq_follow_ask(f, w->path, NULL, &job, err);
    return rc == 0 && !w->ended ? show(w, job, err) : rc;
}

static int follow(struct following *w, struct sq_follow *f, struct sq_err *err)
{
    struct sq_listener listener;
    char path[60];
    snprintf(path, sizeof path, "/events?kind=job&job_id=%lld", (long long)w->id);
    sq_listener_open(&listener, f, path, on_event, w);
    int rc = 0;
    while (rc == 0 && !w->ended) {
        rc = sq_follow_wait(f, -1, -1, err);
        if (rc == 0 && w->look)
            rc = look(w, f, err);
    }
    sq_listener_close(&listener);
    return rc;
}

int sq_job_follow(struct sq_cli *cli, int64_t id, struct sq_err *err)
{
    struct following w = {.cli = cli,
                          .id = id,
                          .path = sq_job_path(cli, id, ""),
                          .json = sq_args_has(&cli->args, "json")};
    struct sq_follow f;
    SQ_CLEANUP(sq_json_unref) json_t *job = NULL;
    int rc = sq_cli_call_take(cli, "GET", w.path, NULL, &job, err);
    if (rc == 0)
        rc = show(&w, job, err);
    if (rc || w.ended)
        return rc;
    rc = sq_follow_init(&f, cli, err);
    if (rc == 0)
        rc = follow(&w, &f, err);
    sq_follow_fini(&f);
    return rc;
}
