/* A tail a stream, which goes on from the bytes that were written.
 *
 * An answer that ends does not say whether the execution has ended or the server has.
 * So the execution is looked at, and what came until it was seen ended is asked for
 * once more: whatever was stored before its end is in that answer.  One that has not
 * ended, and whose answers end without a byte, is asked for at growing pauses:
 * something between us and the server does not let it wait. */
#include "cli/log_tail.h"

#include <errno.h>
#include <string.h>

enum { STREAMS = 2 };

struct log {
    struct sq_tail tail;
    char path[80];
    int64_t at;   /* bytes copied */
    int64_t skip; /* bytes that come again where Range is not understood */
    FILE *to;
};

static int copy(void *log, const char *data, size_t len, struct sq_err *err)
{
    struct log *l = log;
    int64_t again = l->tail.partial          ? 0
                    : l->skip < (int64_t)len ? l->skip
                                             : (int64_t)len;
    l->skip -= again;
    data += again;
    len -= (size_t)again;
    if (fwrite(data, 1, len, l->to) != len || fflush(l->to) != 0)
        return sq_fail(err, SQ_ECANCELED, "cannot write the output: %s",
                       strerror(errno));
    l->at += (int64_t)len;
    return 0;
}

static void go_on(void *log, struct sq_buf *header)
{
    struct log *l = log;
    l->skip = l->at;
    if (l->at)
        sq_buf_addf(header, "Range: bytes=%lld-", (long long)l->at);
}

static void open_log(struct log *l, struct sq_follow *f)
{
    l->tail =
        (struct sq_tail){.path = l->path, .resume = go_on, .take = copy, .arg = l};
    sq_tail_open(&l->tail, f);
}

/* Copy what there is and what comes, until the server ends each answer. */
static int copy_all(struct sq_follow *f, struct log logs[STREAMS], struct sq_err *err)
{
    int rc = 0;
    for (int i = 0; i < STREAMS; i++)
        if (logs[i].to)
            open_log(&logs[i], f);
    for (bool more = true; more && rc == 0;) {
        more = false;
        for (int i = 0; i < STREAMS; i++)
            more = more || (logs[i].to && !logs[i].tail.whole);
        if (more)
            rc = sq_follow_wait(f, -1, -1, err);
    }
    for (int i = 0; i < STREAMS; i++)
        sq_tail_close(&logs[i].tail);
    return rc;
}

/* The first execution that matches `filter` (taken); *ret NULL: none. */
static int find_take(struct sq_follow *f, json_t *filter, json_t **ret,
                     struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *list = NULL, *asked = filter;
    json_object_set_new(filter, "limit", json_integer(1));
    json_object_set_new(filter, "no_output", json_true());
    json_object_set_new(filter, "fields",
                        json_string("execution_id,status,return_code"));
    int rc = sq_follow_ask(f, "/executions/", asked, &list, err);
    if (rc == 0)
        *ret = json_incref(json_array_get(list, 0));
    return rc;
}

int sq_log_execution(struct sq_follow *f, int64_t task_id, int64_t after, json_t **ret,
                     struct sq_err *err)
{
    json_t *filter = json_pack("{s:I}", "task_id", (json_int_t)task_id);
    if (after != SQ_LOG_LATEST)
        json_object_set_new(filter, "after", json_integer(after));
    else
        json_object_set_new(filter, "reverse", json_true());
    return find_take(f, filter, ret, err);
}

static bool has_ended(const json_t *execution)
{
    const char *status = sq_cli_member(execution, "status");
    return strcmp(status, "pending") && strcmp(status, "accepted") &&
           strcmp(status, "running");
}

int sq_log_follow(struct sq_follow *f, int64_t execution_id,
                  const struct sq_log_outs *outs, struct sq_err *err)
{
    struct log logs[STREAMS] = {{.to = outs->out}, {.to = outs->err}};
    for (int i = 0; i < STREAMS; i++)
        snprintf(logs[i].path, sizeof logs[i].path, "/executions/%lld/log/%s%s",
                 (long long)execution_id, i == 0 ? "stdout" : "stderr", "?follow=1");
    int empty = 0; /* rounds in a row that brought nothing */
    for (bool ended = false;;) {
        SQ_CLEANUP(sq_json_unref) json_t *execution = NULL;
        int64_t before = logs[0].at + logs[1].at;
        int copied = copy_all(f, logs, err);
        if (copied && copied != SQ_ENOENT)
            return copied;
        if (ended)
            return copied;
        struct sq_err why;
        int rc =
            find_take(f, json_pack("{s:I}", "execution_id", (json_int_t)execution_id),
                      &execution, &why);
        if (rc) {
            *err = why;
            return rc;
        }
        if (!execution)
            return 0;
        if (copied)
            return copied; /* it is there, but its log is not */
        ended = has_ended(execution);
        empty = logs[0].at + logs[1].at > before ? 0 : empty + 1;
        if (!ended && empty && (rc = sq_follow_pause(f, empty, err)) != 0)
            return rc;
    }
}
