/* Answers without end that outlive their server: events, and logs that grow.
 *
 * A *tail* is one such answer.  When its connection is lost it is asked for again, at
 * growing pauses, from where it was; the user is told once that the server is away, and
 * once that it is back.  What the server refuses (401, 404…) is an error at once.
 *
 * A command's loop calls sq_follow_wait, which calls the tails' functions, and asks
 * with sq_follow_ask what it wants to know besides. */
#ifndef SQ_CLI_FOLLOW_H
#define SQ_CLI_FOLLOW_H

#include "cli/cli.h"
#include "lib/http_streams.h"

struct sq_tail;

struct sq_follow {
    struct sq_cli *cli;
    /* Where words about the server go; NULL: to standard error. */
    void (*say)(void *arg, const char *sentence);
    void *arg;
    /* Of the module: */
    struct sq_streams *streams;
    struct sq_tail *first;
    bool away; /* and the user was told */
};

struct sq_tail {
    const char *path; /* borrowed while it is open */
    /* It never ends of itself: where the server ends it, that is a loss. */
    bool endless;
    int quiet_s; /* so long without a byte is a loss; 0: bytes may take any time */
    /* The header to go on with after what was taken; none: from the start. */
    void (*resume)(void *arg, struct sq_buf *header);
    /* Bytes; non-zero, with `err` filled, ends the loop. */
    int (*take)(void *arg, const char *data, size_t len, struct sq_err *err);
    void *arg;
    /* Of the module: */
    struct sq_follow *follow;
    struct sq_tail *next;
    struct sq_stream *stream; /* NULL: to be asked for at `again_us` */
    int64_t again_us;         /* sq_monotonic() */
    int losses;               /* since bytes last came */
    bool answered;            /* the server did, when it was asked for last */
    bool partial;             /* HTTP's 206: from where it was asked for.  For `take` */
    bool whole;               /* its answer has come to its end.  For the loop */
    int rc;
    struct sq_err err; /* of what ends the loop */
    struct sq_buf header;
};

int sq_follow_init(struct sq_follow *f, struct sq_cli *cli, struct sq_err *err);
void sq_follow_fini(struct sq_follow *f); /* closes the tails */

/* The first six members are the caller's, the rest zeros. */
void sq_tail_open(struct sq_tail *t, struct sq_follow *f);
/* Ask once more for one whose answer is whole: at once, or after a pause that grows
 * with `empty`, how many in a row brought nothing. */
void sq_tail_again(struct sq_tail *t, int empty);
void sq_tail_close(struct sq_tail *t); /* one that is not open is left as it is */

/* One turn: until a tail has something, `fd` (-1: none) is readable, or `wait_ms` (-1:
 * no limit) have passed.  An error is a refusal, or what `take` said. */
int sq_follow_wait(struct sq_follow *f, int fd, int wait_ms, struct sq_err *err);
/* GET with a filter (borrowed, may be NULL), again and again while the server is away.
 * Tails go on meanwhile. */
int sq_follow_ask(struct sq_follow *f, const char *path, const json_t *filter,
                  json_t **ret, struct sq_err *err);

#endif
