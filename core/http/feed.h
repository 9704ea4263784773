/* The feed: what changed last, in a ring, each change with a number.  Whoever listens
 * to /events says up to which number he knows, also after a while away.
 *
 * A change is a kind and an id; the row is read when somebody is told of it.  Numbers
 * are of this process, so that one given by another is known for what it is. */
#ifndef SQ_HTTP_FEED_H
#define SQ_HTTP_FEED_H

#include <scitq/error.h>
#include "core/store/changes.h"
#include "lib/util.h"

enum { SQ_FEED_ROOM = 65536 }; /* changes remembered */

enum sq_feed_kind {
    SQ_FEED_TASK,
    SQ_FEED_EXECUTION,
    SQ_FEED_WORKER,
    SQ_FEED_JOB,
    SQ_FEED_KINDS
};

struct sq_feed_change {
    int64_t number, id;
    enum sq_feed_kind kind;
};

struct sq_feed;
int sq_feed_new(struct sq_feed **ret, struct sq_err *err);
void sq_feed_free(struct sq_feed *f); /* NULL is allowed */

/* What was committed.  Any thread. */
void sq_feed_add(struct sq_feed *f, const struct sq_changes *c);
/* The number of the newest change; 0 before the first. */
int64_t sq_feed_last(struct sq_feed *f);
/* The changes after `number`, oldest first, at most `max`: how many.  -1: they are not
 * remembered any more. */
int sq_feed_read(struct sq_feed *f, int64_t number, struct sq_feed_change *ret,
                 int max);

/* A number as text, "PROCESS-NUMBER", and back: SQ_NULL when another process said it,
 * or nobody. */
enum { SQ_FEED_TEXT = 48 };
void sq_feed_text(const struct sq_feed *f, int64_t number, char ret[SQ_FEED_TEXT]);
int64_t sq_feed_parse(struct sq_feed *f, const char *text);

#endif
