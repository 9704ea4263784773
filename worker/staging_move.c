/* Inputs and outputs: a transfer, begun again where that may help. */
#include "worker/staging_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

enum { ATTEMPTS = 3, PAUSE_US = 2000000 };

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

bool sq_uris_split(const char *text, struct sq_stage_uri **ret, size_t *ret_n)
{
    size_t n = text ? count_words(text) : 0;
    struct sq_stage_uri *v = n ? calloc(n, sizeof *v) : NULL;
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

void sq_uris_free(struct sq_stage_uri *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(v[i].text);
    free(v);
}

bool sq_uris_repeat(const struct sq_stage_uri *v, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (strcmp(v[j].text, v[i].text) == 0)
            return true;
    return false;
}

bool sq_stage_take_uris(struct sq_stage *s, const char *text)
{
    sq_uris_free(s->uris, s->n_uris);
    free(s->asked);
    s->uris = NULL;
    s->n_uris = s->attempts = 0;
    bool ok = sq_uris_split(text, &s->uris, &s->n_uris);
    for (size_t i = 0; ok && i < s->n_uris; i++)
        s->uris[i].done = sq_uris_repeat(s->uris, i);
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
             s->storing ? "the output is not uploaded" : "the input cannot be had",
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
            .hash = s->storing && s->e->use_cache,
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

void sq_stage_move(struct sq_stage *s)
{
    struct sq_err err;
    s->parts++;
    sq_freep(&s->trouble);
    s->trouble = NULL;
    s->retry = false;
    if (start_transfer(s, &err) != 0)
        sq_stage_end_part(s, err.text);
}
