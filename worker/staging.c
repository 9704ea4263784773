/* A stage has parts under way: the transfer of the inputs (or of the outputs), each
 * resource, the emptying of folders.  The first failure cancels the others, and when
 * none is left what came of it is told. */
#include "worker/staging.h"

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
#include "worker/tasks_impl.h"

enum { ATTEMPTS = 3, PAUSE_US = 2000000, NOT_FETCHED = -1001, NOT_STORED = -1000 };

struct sq_stage {
    struct sq_tasks *t;
    struct sq_execution *e;
    bool storing;          /* else fetching */
    int parts;             /* under way */
    bool canceled, failed; /* canceled: nothing is to be told */
    char error[700];
    /* The transfer of the inputs, or of the output. */
    struct sq_transfer *transfer;
    struct sq_timer pause;
    int attempts;
    bool retry;
    char *trouble; /* of this attempt; NULL: none */
    struct uri {
        char *text;
        bool done;
    } * uris;
    size_t n_uris;
    size_t *asked; /* which of them, by the number of a job less one */
    /* Resources. */
    struct need {
        struct sq_stage *s;
        struct sq_use *use;
        bool waiting; /* a part under way */
    } * needs;
    size_t n_needs;
    int to; /* the folder they are linked into, or -1 */
    /* Emptying. */
    struct sq_aside_job aside;
    struct sq_err aside_err;
    int aside_rc;
};

static void move(struct sq_stage *s);

/* ---- the list of URIs in a text */

static size_t count_words(const char *text)
{
    size_t n = 0;
    for (text += strspn(text, " \t\n"); *text; n++) {
        text += strcspn(text, " \t\n");
        text += strspn(text, " \t\n");
    }
    return n;
}

static bool split(const char *text, struct uri **ret, size_t *ret_n)
{
    size_t n = text ? count_words(text) : 0;
    struct uri *v = n ? calloc(n, sizeof *v) : NULL;
    if (n && !v)
        return false;
    *ret = v;
    *ret_n = n;
    for (size_t i = 0; i < n; i++) {
        text += strspn(text, " \t\n");
        size_t len = strcspn(text, " \t\n");
        v[i].text = strndup(text, len);
        if (!v[i].text)
            return false;
        text += len;
    }
    return true;
}

static void free_uris(struct uri *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(v[i].text);
    free(v);
}

/* ---- the end of it all, and of its parts */

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
            sq_tasks_refuse(t, e, NOT_FETCHED, SQ_EV_UNABLE, "%s", s->error);
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
    for (size_t i = 0; i < s->n_needs; i++) {
        struct need *n = &s->needs[i];
        if (!n->use || !n->waiting || !sq_resource_end_use(n->use))
            continue;
        n->use = NULL;
        n->waiting = false;
        s->parts--;
    }
}

static void end_part(struct sq_stage *s, const char *why)
{
    s->parts--;
    if (why && !s->failed && !s->canceled) {
        note_failure(s, why);
        stop_parts(s);
    }
    if (s->parts == 0)
        tell(s);
}

/* ---- inputs and outputs: a transfer, begun again where that may help */

static void on_event(void *arg, const struct sq_transfer_event *event)
{
    struct sq_stage *s = arg;
    if (event->id < 1 || (size_t)event->id > s->n_uris)
        return;
    struct uri *u = &s->uris[s->asked[event->id - 1]];
    if (event->kind == SQ_TRANSFER_DONE) {
        u->done = true;
        if (s->storing && event->skipped) {
            char words[1100];
            snprintf(words, sizeof words, "not uploaded, since no files: %s",
                     event->skipped);
            sq_verdict_add(s->e, words);
        }
    } else if (event->kind == SQ_TRANSFER_FAILED && !s->trouble) {
        s->trouble = strdup(event->message);
        s->retry = event->retry;
    }
}

static void after_pause(void *arg)
{
    struct sq_stage *s = arg;
    s->parts--;
    move(s);
}

static bool all_done(const struct sq_stage *s)
{
    for (size_t i = 0; i < s->n_uris; i++)
        if (!s->uris[i].done)
            return false;
    return true;
}

static void on_end(void *arg, const char *why)
{
    struct sq_stage *s = arg;
    char words[600];
    s->transfer = NULL;
    if (s->canceled || s->failed || (!why && !s->trouble && all_done(s))) {
        end_part(s, NULL);
        return;
    }
    if (!s->trouble)
        s->retry = true; /* the child itself */
    snprintf(words, sizeof words, "%s: %.500s",
             s->storing ? "the output is not uploaded" : "the input cannot be had",
             s->trouble ? s->trouble
             : why      ? why
                        : "scitq-fetch answered nothing");
    if (!s->retry || ++s->attempts >= ATTEMPTS) {
        end_part(s, words);
        return;
    }
    sq_log(SQ_LOG_WARNING, "worker", "execution %" PRId64 ": %s; trying again",
           s->e->id, words);
    sq_timer_set(s->t->loop, &s->pause, PAUSE_US * s->attempts);
}

static int start_transfer(struct sq_stage *s, struct sq_err *err)
{
    char *folder SQ_CLEANUP(sq_freep) = NULL;
    struct sq_transfer_item *items SQ_CLEANUP(sq_freep) =
        calloc(s->n_uris, sizeof *items);
    struct sq_buf list;
    size_t n = 0;
    if (asprintf(&folder, "%s/%s", s->e->dir->path, s->storing ? "output" : "input") <
        0)
        folder = NULL;
    if (!items || !folder)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    for (size_t i = 0; i < s->n_uris; i++) {
        if (s->uris[i].done)
            continue;
        s->asked[n] = i;
        items[n++] = (struct sq_transfer_item){
            .op = s->storing ? "put" : "get",
            .uri = s->uris[i].text,
            .to = s->storing ? NULL : folder,
            .from = s->storing ? folder : NULL,
        };
    }
    sq_transfer_list(&list, items, n);
    return sq_transfer_start(&s->t->staging.transfers,
                             &(struct sq_transfer_request){
                                 .way = s->storing ? SQ_TRANSFER_OUT : SQ_TRANSFER_IN,
                                 .list = &list,
                                 .event = on_event,
                                 .end = on_end,
                                 .arg = s},
                             &s->transfer, err);
}

/* One part: a transfer of what is not done yet. */
static void move(struct sq_stage *s)
{
    struct sq_err err;
    s->parts++;
    sq_freep(&s->trouble);
    s->trouble = NULL;
    s->retry = false;
    if (start_transfer(s, &err) != 0)
        end_part(s, err.text);
}

/* ---- resources */

static void linked(void *arg, const char *why)
{
    struct need *n = arg;
    if (n->s->canceled || n->s->failed)
        n->use = NULL; /* it was given up, and is gone now */
    n->waiting = false;
    end_part(n->s, why);
}

/* One part: it may be over before this returns. */
static void want(struct sq_stage *s, const char *uri, int to)
{
    struct need *n = &s->needs[s->n_needs++];
    *n = (struct need){.s = s, .waiting = true};
    s->parts++;
    struct sq_use *use = sq_resource_use(&s->t->staging.resources, uri, to, linked, n);
    if (use) {
        n->use = use;
        return;
    }
    n->waiting = false;
    end_part(s, "cannot use the folder of resources in BASE_WORKDIR");
}

/* Each once, be it named twice. */
static bool is_repeated(const struct uri *v, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (strcmp(v[j].text, v[i].text) == 0)
            return true;
    return false;
}

/* Use all of them: linked into `to`, or (-1) held only. */
static bool use_resources(struct sq_stage *s, int to)
{
    struct uri *v = NULL;
    size_t n = 0;
    bool ok = split(s->e->resource, &v, &n);
    s->needs = ok && n ? calloc(n, sizeof *s->needs) : NULL;
    ok = ok && (!n || s->needs);
    for (size_t i = 0; ok && i < n && !s->failed; i++) {
        if (is_repeated(v, i))
            continue;
        want(s, v[i].text, to);
        if (to < 0) {
            s->needs[s->n_needs - 1].waiting = false;
            s->parts--;
        }
    }
    free_uris(v, n);
    return ok;
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
    s->pause = (struct sq_timer){.fn = after_pause, .arg = s};
    e->stage = s;
    return s;
}

static bool take_uris(struct sq_stage *s, const char *text)
{
    free_uris(s->uris, s->n_uris);
    free(s->asked);
    s->uris = NULL;
    s->n_uris = s->attempts = 0;
    bool ok = split(text, &s->uris, &s->n_uris);
    for (size_t i = 0; ok && i < s->n_uris; i++)
        s->uris[i].done = is_repeated(s->uris, i);
    s->asked = calloc(s->n_uris + 1, sizeof *s->asked);
    return ok && s->asked;
}

static void begin_fetch(struct sq_stage *s)
{
    int to = -1;
    s->parts++; /* this: nothing is told before all has begun */
    if (s->e->resource)
        to = s->to = openat(s->e->dir->top, "resource",
                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (!take_uris(s, s->e->input))
        note_failure(s, "no memory to fetch inputs");
    else if (s->e->resource && to < 0)
        note_failure(s, "cannot open the folder for resources");
    if (!s->failed && s->n_uris)
        move(s);
    if (!s->failed && s->e->resource && !use_resources(s, to))
        note_failure(s, "no memory to fetch resources");
    if (s->failed)
        stop_parts(s);
    end_part(s, NULL);
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
    end_part(s, NULL);
}

bool sq_staging_fetches(const struct sq_execution *e)
{
    return e->dir && (e->input || e->resource);
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
    if (!take_uris(s, e->output))
        note_failure(s, "the output is not uploaded: out of memory");
    else if (has_output(e, s) && s->n_uris)
        move(s);
    end_part(s, NULL);
}

void sq_staging_hold(struct sq_tasks *t, struct sq_execution *e)
{
    struct sq_stage *s = e->resource ? stage_of(t, e) : NULL;
    if (!s)
        return;
    s->parts++;
    use_resources(s, -1); /* one that cannot be held is but kept less surely */
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
    free_uris(s->uris, s->n_uris);
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
