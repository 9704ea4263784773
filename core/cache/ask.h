/* Asking scitq-fetch: one child for a list of questions (cli/fetch/worker.h is what is
 * said), which is waited for.  The server itself knows no storage. */
#ifndef SQ_CACHE_ASK_H
#define SQ_CACHE_ASK_H

#include <stdatomic.h>
#include <scitq/error.h>
#include "core/store/tuning.h"
#include "lib/util.h"

struct sq_asker {
    char *program;        /* scitq-fetch */
    const char *settings; /* its settings file, NULL: none; borrowed, as is */
    const struct sq_tuned *tuned;
    int stop_fd; /* readable once children are to end */
    atomic_bool stopping;
};
/* The program is $SCITQ_FETCH, or the one installed. */
int sq_asker_init(struct sq_asker *a, const char *settings,
                  const struct sq_tuned *tuned, struct sq_err *err);
void sq_asker_fini(struct sq_asker *a);
/* Any thread: what is being asked ends with SQ_ECANCELED, and all that will be. */
void sq_asker_stop(struct sq_asker *a);

struct sq_question {
    const char *op, *uri;   /* "hash" or "copy" */
    const char *names, *to; /* NULL: none */
    /* The answer: */
    bool done;
    char content[33], state[33]; /* of a hash */
    bool here;                   /* on a disk of this machine alone */
    char why[200];               /* of what is not done */
};
/* 0 when it was asked; each question says then whether it is done.  `limit_s` 0: no
 * limit but scitq-fetch's own, ten minutes without a byte. */
int sq_asker_ask(struct sq_asker *a, struct sq_question *questions, size_t n,
                 int limit_s, struct sq_err *err);

#endif
