/* One job: running, its tries with growing pauses between them, succeeded or failed;
 * and the lines it says meanwhile, in which PERCENT_n is its progress. */
#include "core/fleet/impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/job.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/utf8.h"

enum {
    LINE_MAX_BYTES = 4000,
    FIRST_PAUSE_MS = 1000, /* doubles */
    PAUSE_MAX_MS = 60000,
    DESTROY_TRIES = 5, /* a machine costs money until it is gone */
    OUTAGE_PAUSE_MS = 2000
};

/* ---- changes */

static bool is_outage(int rc)
{
    return rc == SQ_ENOSPC || rc == SQ_EIO || rc == SQ_EBUSY || rc == SQ_ETIMEDOUT;
}

/* False: the server stops meanwhile. */
static bool outage_pause(struct sq_fleet *f)
{
    int64_t until = sq_monotonic() + OUTAGE_PAUSE_MS * INT64_C(1000);
    struct timespec at = {until / 1000000, until % 1000000 * 1000};
    int e = 0;
    pthread_mutex_lock(&f->lock);
    while (!f->stopping && e != ETIMEDOUT)
        e = pthread_cond_timedwait(&f->wake, &f->lock, &at);
    bool go_on = !f->stopping;
    pthread_mutex_unlock(&f->lock);
    return go_on;
}

int sq_fleet_insist(struct sq_fleet *f, sq_change_fn *fn, void *arg,
                    struct sq_arena *arena, struct sq_err *err)
{
    int rc = sq_writer_change(f->setup.writer, fn, arg, arena, err);
    if (is_outage(rc))
        sq_log(SQ_LOG_WARNING, "fleet", "a job waits until this can be written: %s",
               err->text);
    while (is_outage(rc) && outage_pause(f))
        rc = sq_writer_change(f->setup.writer, fn, arg, arena, err);
    return rc;
}

struct setting {
    const struct sq_running *r;
    enum sq_job_status status;
    int64_t percent;
    const char *lines;
};

static int set_status(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    const struct setting *s = arg;
    int rc = s->lines ? sq_job_log(tx, s->r->job.job_id, s->lines, SQ_NULL, err) : 0;
    return rc ? rc
              : sq_job_set(tx, s->r->job.job_id, s->status, s->r->job.retry, s->percent,
                           err);
}

static int set(struct sq_running *r, enum sq_job_status status, int64_t percent,
               const char *lines, struct sq_err *err)
{
    struct setting s = {r, status, percent, lines};
    return sq_fleet_insist(r->fleet, set_status, &s, &r->arena, err);
}

/* ---- the log */

static int add_log(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    const struct setting *s = arg;
    return sq_job_log(tx, s->r->job.job_id, s->lines, s->percent, err);
}

static void say(struct sq_running *r, const char *lines, int64_t percent)
{
    struct sq_err err;
    struct setting s = {.r = r, .percent = percent, .lines = lines};
    if (sq_writer_change(r->fleet->setup.writer, add_log, &s, &r->arena, &err) != 0)
        sq_log(SQ_LOG_WARNING, "fleet", "job %lld: a line of its log is lost: %s",
               (long long)r->job.job_id, err.text);
}

static int64_t percent_in(const char *line)
{
    const char *at = strstr(line, "PERCENT_");
    long n = at ? strtol(at + strlen("PERCENT_"), NULL, 10) : -1;
    return n >= 0 && n <= 100 ? n : SQ_NULL;
}

void sq_fleet_say(struct sq_running *r, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES + 2];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, LINE_MAX_BYTES, fmt, args);
    va_end(args);
    size_t len = n < LINE_MAX_BYTES ? (size_t)n : LINE_MAX_BYTES - 1;
    line[len] = '\n';
    line[len + 1] = 0;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf clean;
    sq_buf_init(&clean, 4 * LINE_MAX_BYTES);
    struct sq_utf8 u = {0};
    sq_utf8_feed(&u, line, len + 1, &clean, NULL);
    sq_utf8_finish(&u, &clean, NULL);
    if (sq_buf_ok(&clean))
        say(r, clean.data, percent_in(line));
}

void sq_fleet_percent(struct sq_running *r, int64_t percent)
{
    if (percent <= r->percent || percent > 100)
        return;
    r->percent = percent;
    say(r, "", percent);
}

/* ---- waiting */

int sq_fleet_wait(struct sq_running *r, int64_t ms, struct sq_err *err)
{
    struct sq_fleet *f = r->fleet;
    int64_t until = sq_monotonic() + ms * 1000;
    struct timespec at = {until / 1000000, until % 1000000 * 1000};
    int e = 0;
    pthread_mutex_lock(&f->lock);
    while (!r->woken && r->end == SQ_END_NONE && e != ETIMEDOUT)
        e = pthread_cond_timedwait(&f->wake, &f->lock, &at);
    r->woken = false;
    pthread_mutex_unlock(&f->lock);
    return r->end == SQ_END_NONE ? 0 : sq_fail(err, SQ_ECANCELED, "canceled");
}

/* ---- the tries */

static int unknown(struct sq_running *r, struct sq_err *err)
{
    return sq_fail(err, SQ_EINVAL, "no job is called %s", r->job.action);
}

static int update(struct sq_running *r, struct sq_err *err)
{
    return sq_fleet_update(r->fleet, r, r->job.target, err);
}

static const struct action {
    const char *name;
    int (*run)(struct sq_running *r, struct sq_err *err);
    int (*give_up)(struct sq_running *r, struct sq_err *err); /* or NULL */
    int tries;                                                /* at least */
} actions[] = {
    {"worker_deploy", sq_fleet_deploy, sq_fleet_give_up, 1},
    {"worker_destroy", sq_fleet_destroy, sq_fleet_keep, DESTROY_TRIES},
    {"machine_destroy", sq_fleet_destroy_unowned, NULL, DESTROY_TRIES},
    {"flavor_update", update, NULL, 1},
    {NULL, unknown, NULL, 1},
};

static const struct action *action_of(const struct sq_running *r)
{
    const struct action *a = actions;
    while (a->name && strcmp(a->name, r->job.action) != 0)
        a++;
    return a;
}

/* Before another try: what was canceled for good is not tried again. */
static int pause_before(struct sq_running *r, int tried, struct sq_err *err)
{
    int64_t ms = (int64_t)FIRST_PAUSE_MS << (tried < 8 ? tried - 1 : 7);
    ms = ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : ms;
    int64_t until = sq_monotonic() + ms * 1000;
    int rc = 0;
    sq_fleet_say(r, "trying again in %lld s", (long long)(ms / 1000));
    for (int64_t left; rc == 0 && (left = until - sq_monotonic()) > 0;)
        rc = sq_fleet_wait(r, left / 1000 + 1, err);
    return rc;
}

static bool is_last(const struct sq_running *r, const struct action *a, int tried)
{
    return r->end != SQ_END_NONE || (r->job.retry <= 0 && tried >= a->tries);
}

static int try_all(struct sq_running *r, const struct action *a, struct sq_err *err)
{
    int rc;
    for (int tried = 1;; tried++) {
        rc = a->run(r, err);
        if (rc == 0)
            return 0;
        if (r->end == SQ_END_LATE)
            sq_fail(err, SQ_ETIMEDOUT, "took longer than %d s (JOB_MAX_LIFETIME)",
                    r->tuning->lifetime_s);
        if (r->end != SQ_END_STOP && r->end != SQ_END_DESTROY)
            sq_fleet_say(r, "failed: %s", err->text);
        if (is_last(r, a, tried) || !(sq_code_retryable(rc)))
            return err->code;
        if (r->job.retry > 0)
            r->job.retry--;
        struct sq_err stop;
        if (pause_before(r, tried, &stop) != 0 ||
            set(r, SQ_JOB_RUNNING, SQ_NULL, NULL, &stop) != 0)
            return sq_fail(err, stop.code, "%s", stop.text);
    }
}

static void finish(struct sq_running *r, const struct action *a, int rc)
{
    struct sq_err err = {0};
    bool stopped = r->end == SQ_END_STOP;
    if (rc && a->give_up && !stopped && r->end != SQ_END_DESTROY) {
        sq_fleet_forgive_late(r);
        if (a->give_up(r, &err) != 0) {
            stopped = r->end == SQ_END_STOP;
            if (r->end == SQ_END_NONE)
                sq_fleet_say(r, "failed: %s", err.text);
        }
    }
    if (stopped)
        return; /* the next server takes it up */
    rc = rc ? set(r, SQ_JOB_FAILED, SQ_NULL,
                  r->end == SQ_END_DESTROY ? "canceled: the worker is to be destroyed\n"
                                           : NULL,
                  &err)
            : set(r, SQ_JOB_SUCCEEDED, 100, NULL, &err);
    if (rc)
        sq_log(SQ_LOG_WARNING, "fleet", "job %lld: its end is not written: %s",
               (long long)r->job.job_id, err.text);
}

void *sq_fleet_run(void *arg)
{
    struct sq_running *r = arg;
    struct sq_fleet *f = r->fleet;
    const struct action *a = action_of(r);
    struct sq_err err = {0};
    int rc = set(r, SQ_JOB_RUNNING, SQ_NULL, NULL, &err);
    if (rc == 0) {
        rc = try_all(r, a, &err);
        if (rc && r->end == SQ_END_NONE)
            sq_log(SQ_LOG_WARNING, "fleet", "job %lld (%s of %s) failed: %s",
                   (long long)r->job.job_id, r->job.action, r->job.target, err.text);
        finish(r, a, rc);
    }
    pthread_mutex_lock(&f->lock);
    r->done = true;
    f->due = true;
    pthread_cond_broadcast(&f->wake);
    pthread_mutex_unlock(&f->lock);
    return NULL;
}
