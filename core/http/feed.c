/* One mutex and a ring.  When anything may have changed (changes->failed), nothing that
 * was remembered is of use to anybody: the ring is emptied, and who comes to read is
 * told so. */
#include "core/http/feed.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct sq_feed {
    pthread_mutex_t lock;
    uint64_t process;    /* a number of its own */
    int64_t last, first; /* numbers; first: the oldest one remembered */
    struct sq_feed_change ring[SQ_FEED_ROOM];
};

int sq_feed_new(struct sq_feed **ret, struct sq_err *err)
{
    struct sq_feed *f = calloc(1, sizeof *f);
    if (!f || getrandom(&f->process, sizeof f->process, 0) != sizeof f->process) {
        free(f);
        return sq_fail(err, SQ_ENOMEM, "cannot prepare the feed of changes: %s",
                       strerror(errno));
    }
    pthread_mutex_init(&f->lock, NULL);
    f->first = 1;
    *ret = f;
    return 0;
}

void sq_feed_free(struct sq_feed *f)
{
    if (!f)
        return;
    pthread_mutex_destroy(&f->lock);
    free(f);
}

static void add(struct sq_feed *f, enum sq_feed_kind kind, const struct sq_id_set *ids)
{
    for (size_t i = 0; i < ids->n; i++) {
        int64_t number = ++f->last;
        f->ring[number % SQ_FEED_ROOM] =
            (struct sq_feed_change){.number = number, .id = ids->ids[i], .kind = kind};
    }
    if (f->last - f->first >= SQ_FEED_ROOM)
        f->first = f->last - SQ_FEED_ROOM + 1;
}

void sq_feed_add(struct sq_feed *f, const struct sq_changes *c)
{
    pthread_mutex_lock(&f->lock);
    if (c->failed)
        f->first = ++f->last + 1;
    add(f, SQ_FEED_WORKER, &c->workers);
    add(f, SQ_FEED_JOB, &c->job_rows);
    add(f, SQ_FEED_EXECUTION, &c->executions);
    add(f, SQ_FEED_TASK, &c->tasks);
    pthread_mutex_unlock(&f->lock);
}

int64_t sq_feed_last(struct sq_feed *f)
{
    pthread_mutex_lock(&f->lock);
    int64_t last = f->last;
    pthread_mutex_unlock(&f->lock);
    return last;
}

int sq_feed_read(struct sq_feed *f, int64_t number, struct sq_feed_change *ret, int max)
{
    int n = 0;
    pthread_mutex_lock(&f->lock);
    if (number < f->first - 1 || number > f->last)
        n = -1;
    while (n >= 0 && n < max && number < f->last)
        ret[n++] = f->ring[++number % SQ_FEED_ROOM];
    pthread_mutex_unlock(&f->lock);
    return n;
}

void sq_feed_text(const struct sq_feed *f, int64_t number, char ret[SQ_FEED_TEXT])
{
    snprintf(ret, SQ_FEED_TEXT, "%016" PRIx64 "-%" PRId64, f->process, number);
}

int64_t sq_feed_parse(struct sq_feed *f, const char *text)
{
    char again[SQ_FEED_TEXT];
    const char *dash = strchr(text, '-');
    int64_t number = dash ? strtoll(dash + 1, NULL, 10) : SQ_NULL;
    sq_feed_text(f, number, again);
    return strcmp(again, text) == 0 ? number : SQ_NULL;
}
