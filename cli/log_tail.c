/* A tail a stream, which goes on from the bytes that were written.
 *
 * An answer that ends does not say whether the execution has ended or the server has.
 * So the execution is looked at, and that stream, whatever the other does, is asked for
 * again.  The answer to what was asked for once the execution was seen ended has
 * whatever was stored before its end: it is the last one.  Answers that end without a
 * byte before are asked for at growing pauses: something between us and the server does
 * not let them wait. */
#include "cli/log_tail.h"

#include <errno.h>
#include <string.h>

enum { STREAMS = 2 };

struct log {
    struct sq_tail tail;
    char path[80];
    int64_t at;     /* bytes copied */
    int64_t skip;   /* bytes that come again where Range is not understood */
    int64_t before; /* bytes copied when it was asked for */
    int empty;      /* answers in a row that brought nothing */
    bool last;      /* asked for once the execution was seen ended */
    FILE *to;       /* NULL: not followed, or not any more */
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

static bool one_is(const struct log logs[STREAMS], bool whole)
{
    for (int i = 0; i < STREAMS; i++)
        if (logs[i].to && (!whole || logs[i].tail.whole))
            return true;
    return false;
}

/* Copy what there is and what comes, until the server ends an answer. */
static int copy_some(struct sq_follow *f, struct log logs[STREAMS], struct sq_err *err)
{
    int rc = 0;
    while (rc == 0 && !one_is(logs, true))
        rc = sq_follow_wait(f, -1, -1, err);
    return rc;
}

/* An answer has ended. */
static void ask_again(struct log *l, bool ended)
{
    if (l->last) {
        sq_tail_close(&l->tail);
        l->to = NULL;
        return;
    }
    l->last = ended;
    l->empty = ended || l->at > l->before ? 0 : l->empty + 1;
    l->before = l->at;
    sq_tail_again(&l->tail, l->empty);
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

enum seen { RUNS, ENDED, GONE };

static int look(struct sq_follow *f, int64_t execution_id, enum seen *ret,
                struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *execution = NULL;
    int rc = find_take(f, json_pack("{s:I}", "execution_id", (json_int_t)execution_id),
                       &execution, err);
    if (rc)
        return rc;
    *ret =
        !execution ? GONE
        : sq_word_among("pending accepted running", sq_cli_member(execution, "status"))
            ? RUNS
            : ENDED;
    return 0;
}

/* One or both have an answer that has ended, or (`refused`) that was 404. */
static int go_on_after(struct sq_follow *f, int64_t execution_id,
                       struct log logs[STREAMS], int refused, enum seen *seen,
                       struct sq_err *err)
{
    struct sq_err why;
    int rc = *seen == RUNS || refused ? look(f, execution_id, seen, &why) : 0;
    if (rc)
        *err = why;
    if (rc || *seen == GONE)
        return rc;
    for (int i = 0; i < STREAMS && !refused; i++)
        if (logs[i].to && logs[i].tail.whole)
            ask_again(&logs[i], *seen == ENDED);
    return refused; /* it is there, but its log is not */
}

int sq_log_follow(struct sq_follow *f, int64_t execution_id,
                  const struct sq_log_outs *outs, struct sq_err *err)
{
    struct log logs[STREAMS] = {{.to = outs->out}, {.to = outs->err}};
    enum seen seen = RUNS;
    int rc = 0;
    for (int i = 0; i < STREAMS; i++) {
        snprintf(logs[i].path, sizeof logs[i].path, "/executions/%lld/log/%s%s",
                 (long long)execution_id, i == 0 ? "stdout" : "stderr", "?follow=1");
        if (logs[i].to)
            open_log(&logs[i], f);
    }
    while (rc == 0 && seen != GONE && one_is(logs, false)) {
        rc = copy_some(f, logs, err);
        if (rc == 0 || rc == SQ_ENOENT)
            rc = go_on_after(f, execution_id, logs, rc, &seen, err);
    }
    for (int i = 0; i < STREAMS; i++)
        sq_tail_close(&logs[i].tail);
    return rc;
}
