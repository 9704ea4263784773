/* A tail is open, or lost and asked for again when its pause is over.  That one which
 * the server had answered is lost is no news: something between cut a connection that
 * was old or silent.  A server that does not answer then is away. */
#include "cli/follow.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"

enum { PAUSE_MS = 200, PAUSE_MAX_MS = 5000, HEADER_BYTES = 300 };

int sq_follow_init(struct sq_follow *f, struct sq_cli *cli, struct sq_err *err)
{
    memset(f, 0, sizeof *f);
    f->cli = cli;
    return sq_streams_new(&f->streams, err);
}

void sq_follow_fini(struct sq_follow *f)
{
    while (f->first)
        sq_tail_close(f->first);
    sq_streams_free(f->streams);
}

static void say(struct sq_follow *f, const char *fmt, ...) SQ_PRINTF(2, 3);
static void say(struct sq_follow *f, const char *fmt, ...)
{
    char sentence[sizeof(struct sq_err)];
    va_list args;
    va_start(args, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, args);
    va_end(args);
    if (f->say)
        f->say(f->arg, sentence);
    else
        sq_cli_note(f->cli, "%s", sentence);
}

/* ---- the server goes away and comes back */

static bool passes(int code)
{
    return code == SQ_EIO || code == SQ_EBUSY || code == SQ_ETIMEDOUT;
}

static int pause_ms(int losses)
{
    return losses > 5 ? PAUSE_MAX_MS : PAUSE_MS << (losses - 1);
}

static void note_loss(struct sq_follow *f, int losses, const struct sq_err *err)
{
    if (losses < 2 || f->away)
        return;
    f->away = true;
    say(f, "%s: waiting for it", err->text);
}

static void note_answer(struct sq_follow *f)
{
    if (f->away)
        say(f, "the server is back");
    f->away = false;
}

static void lose(struct sq_tail *t, const struct sq_err *err)
{
    t->losses++;
    t->again_us = sq_monotonic() + pause_ms(t->losses) * INT64_C(1000);
    if (!t->answered)
        note_loss(t->follow, t->losses, err);
}

/* ---- a tail */

static void on_opened(void *tail, long status)
{
    struct sq_tail *t = tail;
    t->partial = status == 206;
    t->answered = true;
    note_answer(t->follow);
}

static int on_bytes(void *tail, const char *data, size_t len)
{
    struct sq_tail *t = tail;
    t->losses = 0;
    t->rc = t->take(t->arg, data, len, &t->err);
    return t->rc;
}

static void on_ended(void *tail, int code, const struct sq_err *err)
{
    struct sq_tail *t = tail;
    struct sq_err ended = {0};
    sq_stream_close(t->stream);
    t->stream = NULL;
    if (t->rc)
        return; /* `take` has said why */
    if (code == 0 && !t->endless) {
        t->whole = true;
        return;
    }
    if (code == 0)
        sq_fail(&ended, SQ_EIO, "the server has ended %s", t->path);
    if (code == 0 || passes(code)) {
        lose(t, code == 0 ? &ended : err);
        return;
    }
    t->rc = code;
    t->err = *err;
}

static int ask_for(struct sq_tail *t, struct sq_err *err)
{
    struct sq_stream_conf conf = {.server = sq_cli_server_name(t->follow->cli),
                                  .path = t->path,
                                  .connect_s = t->follow->cli->timeout_s,
                                  .quiet_s = t->quiet_s,
                                  .opened = on_opened,
                                  .sink = on_bytes,
                                  .ended = on_ended,
                                  .arg = t};
    t->answered = false;
    sq_buf_clear(&t->header);
    if (t->resume)
        t->resume(t->arg, &t->header);
    if (t->header.len)
        conf.header = t->header.data;
    return sq_stream_open(t->follow->streams, &conf, &t->stream, err);
}

void sq_tail_open(struct sq_tail *t, struct sq_follow *f)
{
    t->follow = f;
    t->next = f->first;
    f->first = t;
    t->stream = NULL;
    t->again_us = 0;
    t->losses = 0;
    t->whole = false;
    t->rc = 0;
    sq_buf_init(&t->header, HEADER_BYTES);
}

void sq_tail_again(struct sq_tail *t, int empty)
{
    t->whole = false;
    t->again_us = empty ? sq_monotonic() + pause_ms(empty) * INT64_C(1000) : 0;
}

void sq_tail_close(struct sq_tail *t)
{
    if (!t->follow)
        return;
    struct sq_tail **at = &t->follow->first;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    sq_stream_close(t->stream);
    sq_buf_fini(&t->header);
    t->stream = NULL;
    t->follow = NULL;
}

/* ---- the loop */

/* Ask for the tails that are due; `wait_ms` shortened to the next that will be. */
static int ask_for_lost(struct sq_follow *f, int *wait_ms, struct sq_err *err)
{
    int64_t now = sq_monotonic();
    int rc = 0;
    for (struct sq_tail *t = f->first; t && rc == 0; t = t->next) {
        int64_t ms = (t->again_us - now + 999) / 1000;
        if (t->stream || t->whole)
            continue;
        if (ms <= 0)
            rc = ask_for(t, err);
        else if (*wait_ms < 0 || ms < *wait_ms)
            *wait_ms = (int)ms;
    }
    return rc;
}

int sq_follow_wait(struct sq_follow *f, int fd, int wait_ms, struct sq_err *err)
{
    int rc = ask_for_lost(f, &wait_ms, err);
    if (rc == 0)
        rc = sq_streams_wait(f->streams, fd, wait_ms, err);
    for (struct sq_tail *t = f->first; t && rc == 0; t = t->next)
        if (t->rc) {
            rc = t->rc;
            *err = t->err;
        }
    return rc;
}

static int pause_after(struct sq_follow *f, int losses, struct sq_err *err)
{
    int64_t end = sq_monotonic() + pause_ms(losses) * INT64_C(1000);
    int rc = 0;
    for (int64_t now = sq_monotonic(); rc == 0 && now < end; now = sq_monotonic())
        rc = sq_follow_wait(f, -1, (int)((end - now + 999) / 1000), err);
    return rc;
}

int sq_follow_ask(struct sq_follow *f, const char *path, const json_t *filter,
                  json_t **ret, struct sq_err *err)
{
    struct sq_http *http;
    int rc = sq_cli_server(f->cli, &http, err);
    for (int losses = 1; rc == 0; losses++) {
        rc = sq_http_call(http, "GET", path, filter, ret, err);
        if (rc == 0)
            note_answer(f);
        if (!passes(rc))
            return rc;
        note_loss(f, losses, err);
        rc = pause_after(f, losses, err);
    }
    return rc;
}
