/* The stages of executions, begun, canceled and told (staging_impl.h says what one is).
 */
#include "worker/staging_impl.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/log.h"

enum { NOT_FETCHED = -1001, NOT_STORED = -1000 };

/* ---- the end of it all, and of its parts */

/* The first one counts. */
static void note_failure(struct sq_stage *s, const char *why)
{
    if (!s->failed)
        snprintf(s->error, sizeof s->error, "%s", why);
    s->failed = true;
}

static void tell(struct sq_stage *s)
{
    struct sq_tasks *t = s->t;
    struct sq_execution *e = s->e;
    if (s->canceled) { /* its directory was waited for */
        sq_timer_hasten(t->loop, &t->done_timer, 0);
    } else if (!s->storing) {
        if (s->failed)
            sq_tasks_refuse(t, e, s->unstorable ? NOT_STORED : NOT_FETCHED,
                            SQ_EV_UNABLE, "%s", s->error);
        else
            sq_tasks_step(t, e, SQ_EV_FETCHED);
    } else {
        if (s->failed) {
            sq_verdict_add(e, s->error);
            e->return_code = e->succeeded ? NOT_STORED : e->return_code;
            e->succeeded = false;
        }
        sq_tasks_step(t, e, SQ_EV_UPLOADED);
    }
}

/* May free nothing: the stage lives as long as its execution. */
static void stop_parts(struct sq_stage *s)
{
    if (s->transfer)
        sq_transfer_cancel(s->transfer);
    if (s->pause.due) {
        sq_timer_stop(s->t->loop, &s->pause);
        s->parts--;
    }
    sq_stage_give_up(s);
}

void sq_stage_end_part(struct sq_stage *s, const char *why)
{
    s->parts--;
    if (why && !s->failed && !s->canceled) {
        note_failure(s, why);
        stop_parts(s);
    }
    if (s->parts == 0)
        tell(s);
}

/* ---- the stage */

static struct sq_stage *stage_of(struct sq_tasks *t, struct sq_execution *e)
{
    struct sq_stage *s = e->stage ? e->stage : calloc(1, sizeof *s);
    if (!s || e->stage)
        return s;
    s->t = t;
    s->e = e;
    s->to = -1;
    e->stage = s;
    return s;
}

static void begin_fetch(struct sq_stage *s)
{
    int to = -1;
    s->parts++; /* this: nothing is told before all has begun */
    if (s->e->resource)
        to = s->to = openat(s->e->dir->top, "resource",
                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (!sq_stage_take_uris(s))
        note_failure(s, "no memory to fetch inputs");
    else if (s->e->resource && to < 0)
        note_failure(s, "cannot open the folder for resources");
    if (!s->failed && s->n_uris)
        sq_stage_move(s);
    if (!s->failed && s->e->resource && !sq_stage_use_resources(s, to))
        note_failure(s, "no memory to fetch resources");
    if (s->failed)
        stop_parts(s);
    sq_stage_end_part(s, NULL);
}

static void empty_work(struct sq_aside_job *job)
{
    struct sq_stage *s =
        (struct sq_stage *)((char *)job - offsetof(struct sq_stage, aside));
    int top = s->e->dir->top;
    s->aside_rc = sq_dir_empty_at(top, "input", &s->aside_err);
    if (!s->aside_rc)
        s->aside_rc = sq_dir_empty_at(top, "resource", &s->aside_err);
}

static void empty_done(struct sq_aside_job *job)
{
    struct sq_stage *s =
        (struct sq_stage *)((char *)job - offsetof(struct sq_stage, aside));
    if (s->t->staging.ended)
        return;
    if (!s->canceled && s->aside_rc)
        note_failure(s, s->aside_err.text);
    if (!s->canceled && !s->failed)
        begin_fetch(s);
    sq_stage_end_part(s, NULL);
}

bool sq_staging_fetches(const struct sq_execution *e)
{
    return e->dir && (e->input || e->resource);
}

bool sq_staging_begins(const struct sq_execution *e)
{
    return e->dir && (e->input || e->resource || e->output);
}

void sq_staging_fetch(struct sq_tasks *t, struct sq_execution *e, bool again)
{
    struct sq_stage *s = stage_of(t, e);
    if (!s) {
        sq_tasks_refuse(t, e, NOT_FETCHED, SQ_EV_UNABLE, "no memory to fetch inputs");
        return;
    }
    if (!again) {
        begin_fetch(s);
        return;
    }
    s->parts++;
    s->aside = (struct sq_aside_job){.work = empty_work, .done = empty_done};
    sq_aside_add(&t->staging.aside, &s->aside);
}

/* What the command left of the folder, which may be something else by now. */
static bool has_output(const struct sq_execution *e, struct sq_stage *s)
{
    struct stat st;
    if (fstatat(e->dir->top, "output", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(st.st_mode))
        return true;
    note_failure(s, "the output is not uploaded: the command put something else in the "
                    "place of its output folder");
    return false;
}

void sq_staging_store(struct sq_tasks *t, struct sq_execution *e)
{
    struct sq_stage *s = e->dir && e->output ? stage_of(t, e) : NULL;
    if (!s) {
        if (e->dir && e->output)
            sq_verdict_add(e, "the output is not uploaded: out of memory");
        sq_tasks_step(t, e, SQ_EV_UPLOADED);
        return;
    }
    s->storing = true;
    s->parts++;
    if (!sq_stage_take_uris(s))
        note_failure(s, "the output is not uploaded: out of memory");
    else if (has_output(e, s) && s->n_uris)
        sq_stage_move(s);
    sq_stage_end_part(s, NULL);
}

void sq_staging_hold(struct sq_tasks *t, struct sq_execution *e)
{
    struct sq_stage *s = e->resource ? stage_of(t, e) : NULL;
    if (!s)
        return;
    s->parts++;
    sq_stage_use_resources(s, -1); /* one that cannot be held is but kept less surely */
    s->parts = 0;
    s->failed = false;
}

void sq_staging_cancel(struct sq_execution *e)
{
    struct sq_stage *s = e->stage;
    if (!s || s->parts == 0 || s->canceled)
        return;
    s->canceled = true;
    stop_parts(s);
}

bool sq_staging_busy(const struct sq_execution *e)
{
    const struct sq_stage *s = e->stage;
    return s && s->parts > 0 && !s->t->staging.ended;
}

void sq_staging_free(struct sq_execution *e)
{
    struct sq_stage *s = e->stage;
    if (!s)
        return;
    e->stage = NULL;
    for (size_t i = 0; i < s->n_needs && !s->t->staging.ended; i++)
        if (s->needs[i].use)
            sq_resource_end_use(s->needs[i].use);
    sq_timer_stop(s->t->loop, &s->pause);
    sq_closep(&s->to);
    free(s->needs);
    sq_uris_free(s->uris, s->n_uris);
    free(s->asked);
    free(s->trouble);
    free(s);
}

/* ---- all of them */

static void resource_cleaned(void *arg)
{
    sq_tasks_autoclean(arg);
}

int sq_staging_init(struct sq_tasks *t, struct sq_err *err)
{
    char name[600];
    struct sq_staging *g = &t->staging;
    /* Other workers, and this one's namesakes, may share BASE_WORKDIR. */
    snprintf(name, sizeof name, "%s-resources-%016" PRIx64, t->conf->worker_file_name,
             t->dirs.owner);
    int rc = sq_transfers_init(&g->transfers, t->loop, t->conf->settings_file, err);
    if (!rc)
        rc = sq_aside_init(&g->aside, t->loop, err);
    return rc ? rc
              : sq_resources_open(
                    &g->resources,
                    &(struct sq_resources_conf){.base = t->conf->base_workdir,
                                                .name = name,
                                                .loop = t->loop,
                                                .transfers = &g->transfers,
                                                .aside = &g->aside,
                                                .cleaned = resource_cleaned,
                                                .arg = t},
                    err);
}

void sq_staging_end(struct sq_tasks *t)
{
    struct sq_staging *g = &t->staging;
    g->ended = true;
    sq_resources_leave(&g->resources);
    sq_transfers_fini(&g->transfers);
    sq_aside_fini(&g->aside);
}

void sq_staging_fini(struct sq_tasks *t)
{
    sq_resources_close(&t->staging.resources);
}
