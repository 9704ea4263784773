/* A job's log grows in its row; it is asked for again every half second, as long as the
 * job has not ended. */
#include "cli/manage/job.h"

#include <string.h>
#include <time.h>

enum { AGAIN_MS = 500 };

const char *sq_job_path(struct sq_cli *cli, int64_t id, const char *rest)
{
    const char *path =
        sq_arena_printf(&cli->args.arena, "/jobs/%lld%s", (long long)id, rest);
    return path ? path : "/jobs/";
}

int sq_job_follow(struct sq_cli *cli, int64_t id, struct sq_err *err)
{
    const struct timespec pause = {0, AGAIN_MS * 1000000L};
    const char *path = sq_job_path(cli, id, "");
    bool json = sq_args_has(&cli->args, "json");
    size_t shown = 0;
    for (;;) {
        SQ_CLEANUP(sq_json_unref) json_t *job = NULL;
        int rc = sq_cli_call_take(cli, "GET", path, NULL, &job, err);
        if (rc)
            return rc;
        const char *log = sq_cli_member(job, "log");
        const char *status = sq_cli_member(job, "status");
        if (!json && strlen(log) > shown)
            sq_cli_print_text(cli->out, log + shown);
        shown = strlen(log);
        fflush(cli->out);
        bool failed = strcmp(status, "failed") == 0;
        bool ended = failed || strcmp(status, "succeeded") == 0;
        if (json && ended)
            sq_cli_print_json(cli, job);
        if (failed)
            return sq_fail(err, SQ_EIO, "job %lld failed", (long long)id);
        if (ended)
            return 0;
        nanosleep(&pause, NULL);
    }
}
