/* Inputs and outputs: a transfer, begun again where that may help. */
#include "worker/staging_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/uri.h"

enum { ATTEMPTS = 3, PAUSE_US = 2000000 };

/* ---- the list of URIs in a text */

/* The same for the same side by side, in the order of the list. */
static int by_text(const void *a, const void *b)
{
    const struct sq_stage_uri *x = *(struct sq_stage_uri *const *)a;
    const struct sq_stage_uri *y = *(struct sq_stage_uri *const *)b;
    int order = x->check - y->check;
    if (order == 0)
        order = strcmp(x->text, y->text);
    return order ? order : (x > y) - (x < y);
}

/* What is named again, for the same, is done with its first naming.  Sorted: a list of
 * 100,000 must not hold up the loop. */
static bool mark_repeats(struct sq_stage_uri *v, size_t n)
{
    struct sq_stage_uri **sorted SQ_CLEANUP(sq_freep) = calloc(n + 1, sizeof *sorted);
    if (!sorted)
        return false;
    for (size_t i = 0; i < n; i++)
        sorted[i] = &v[i];
    qsort(sorted, n, sizeof(struct sq_stage_uri *), by_text);
    for (size_t i = 1; i < n; i++)
        if (sorted[i]->check == sorted[i - 1]->check &&
            strcmp(sorted[i]->text, sorted[i - 1]->text) == 0)
            sorted[i]->done = true;
    return true;
}

bool sq_uris_add(const char *text, bool check, struct sq_stage_uri **v, size_t *n)
{
    size_t more = sq_uri_count(text), len;
    const char *one;
    struct sq_stage_uri *all = more ? realloc(*v, (*n + more) * sizeof *all) : *v;
    if (more && !all)
        return false;
    *v = all;
    while ((one = sq_uri_next(&text, &len))) {
        all[*n] = (struct sq_stage_uri){.text = strndup(one, len), .check = check};
        if (!all[*n].text)
            return false;
        ++*n;
    }
    return mark_repeats(all, *n);
}

void sq_uris_free(struct sq_stage_uri *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(v[i].text);
    free(v);
}

bool sq_stage_take_uris(struct sq_stage *s)
{
    const struct sq_execution *e = s->e;
    sq_uris_free(s->uris, s->n_uris);
    free(s->asked);
    s->uris = NULL;
    s->n_uris = s->attempts = 0;
    bool ok = s->storing ? sq_uris_add(e->output, false, &s->uris, &s->n_uris)
                         : sq_uris_add(e->output, true, &s->uris, &s->n_uris) &&
                               sq_uris_add(e->input, false, &s->uris, &s->n_uris);
    s->asked = calloc(s->n_uris + 1, sizeof *s->asked);
    return ok && s->asked;
}

/* ---- the transfer */

static void on_event(void *arg, const struct sq_transfer_event *event)
{
    struct sq_stage *s = arg;
    if (event->id < 1 || (size_t)event->id > s->n_uris)
        return;
    struct sq_stage_uri *u = &s->uris[s->asked[event->id - 1]];
    if (event->kind == SQ_TRANSFER_DONE) {
        u->done = true;
        if (s->storing)
            memcpy(s->e->output_hash, event->hash, sizeof event->hash);
        if (s->storing && event->skipped) {
            char words[1100];
            snprintf(words, sizeof words, "not uploaded, since no files: %s",
                     event->skipped);
            sq_verdict_add(s->e, words);
        }
    } else if (event->kind == SQ_TRANSFER_FAILED && !s->trouble) {
        s->trouble = strdup(event->message);
        s->retry = event->retry;
        s->unstorable = u->check;
        if (!s->storing && !s->retry) /* the others are fetched for nothing */
            sq_transfer_cancel(s->transfer);
    }
}

static void after_pause(void *arg)
{
    struct sq_stage *s = arg;
    s->parts--;
    sq_stage_move(s);
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
        sq_stage_end_part(s, NULL);
        return;
    }
    if (!s->trouble)
        s->retry = true; /* the child itself */
    snprintf(words, sizeof words, "%s: %.500s",
             s->storing      ? "the output is not uploaded"
             : s->unstorable ? "the command was not run, since its output cannot be "
                               "stored"
                             : "the input cannot be had",
             s->trouble ? s->trouble
             : why      ? why
                        : "scitq-fetch answered nothing");
    if (!s->retry || ++s->attempts >= ATTEMPTS) {
        sq_stage_end_part(s, words);
        return;
    }
    sq_log(SQ_LOG_WARNING, "worker", "execution %" PRId64 ": %s; trying again",
           s->e->id, words);
    s->pause.fn = after_pause;
    s->pause.arg = s;
    sq_timer_set(s->t->loop, &s->pause, PAUSE_US * s->attempts);
}

static struct sq_transfer_item item_of(const struct sq_stage *s,
                                       const struct sq_stage_uri *u, const char *folder)
{
    if (u->check)
        return (struct sq_transfer_item){.op = "check", .uri = u->text};
    return (struct sq_transfer_item){
        .op = s->storing ? "put" : "get",
        .uri = u->text,
        .to = s->storing ? NULL : folder,
        .from = s->storing ? folder : NULL,
        .hash = s->storing && s->e->use_cache,
    };
}

static int start_transfer(struct sq_stage *s, struct sq_err *err)
{
    enum sq_transfer_way way = s->storing ? SQ_TRANSFER_OUT : SQ_TRANSFER_LOOK;
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
        if (!s->storing && !s->uris[i].check)
            way = SQ_TRANSFER_IN;
        items[n++] = item_of(s, &s->uris[i], folder);
    }
    sq_transfer_list(&list, items, n);
    return sq_transfer_start(
        &s->t->staging.transfers,
        &(struct sq_transfer_request){
            .way = way, .list = &list, .event = on_event, .end = on_end, .arg = s},
        &s->transfer, err);
}

void sq_stage_move(struct sq_stage *s)
{
    struct sq_err err;
    s->parts++;
    sq_freep(&s->trouble);
    s->trouble = NULL;
    s->retry = s->unstorable = false;
    if (start_transfer(s, &err) != 0)
        sq_stage_end_part(s, err.text);
}
