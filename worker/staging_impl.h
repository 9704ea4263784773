/* What the files of staging.h share: one execution's stage.
 *
 * A stage has parts under way: the transfer of the inputs (or of the outputs), each
 * resource, the emptying of folders.  The first failure cancels the others, and when
 * none is left what came of it is told. */
#ifndef SQ_WORKER_STAGING_IMPL_H
#define SQ_WORKER_STAGING_IMPL_H

#include "worker/tasks_impl.h"

struct sq_stage_uri {
    char *text;
    bool check; /* the output's, before the command: could it be stored? */
    bool done;
};

struct sq_stage_need {
    struct sq_stage *s;
    struct sq_use *use;
    bool waiting; /* a part under way */
};

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
    bool unstorable; /* what the trouble is: a check said so */
    char *trouble;   /* of this attempt; NULL: none */
    struct sq_stage_uri *uris;
    size_t n_uris;
    size_t *asked; /* which of them, by the number of a job less one */
    /* Resources. */
    struct sq_stage_need *needs;
    size_t n_needs;
    int to; /* the folder they are linked into, or -1 */
    /* Emptying. */
    struct sq_aside_job aside;
    struct sq_err aside_err;
    int aside_rc;
};

/* ---- staging.c */

/* One part is over; `why` NULL: well.  It may be the last one. */
void sq_stage_end_part(struct sq_stage *s, const char *why);

/* ---- staging_move.c: the transfer of inputs or outputs */

/* Add the URIs of a text to those that are there, done where they are there already.
 * False: no memory, and what there is by then. */
bool sq_uris_add(const char *text, bool check, struct sq_stage_uri **v, size_t *n);
void sq_uris_free(struct sq_stage_uri *v, size_t n);
/* What is to be moved: each once, be it named twice.  False: no memory. */
bool sq_stage_take_uris(struct sq_stage *s);
/* One part: a transfer of what is not done yet. */
void sq_stage_move(struct sq_stage *s);

/* ---- staging_needs.c: resources */

/* Use all of them: linked into `to`, each a part, or (-1) held only.  False: no
 * memory. */
bool sq_stage_use_resources(struct sq_stage *s, int to);
/* Those that are waited for are not, any more. */
void sq_stage_give_up(struct sq_stage *s);

#endif
