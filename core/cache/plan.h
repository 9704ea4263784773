/* What must be asked to know what some tasks run on: every URI once, whoever names it.
 */
#ifndef SQ_CACHE_PLAN_H
#define SQ_CACHE_PLAN_H

#include "core/cache/ask.h"
#include "core/cache/key.h"

/* An input or resource of a task. */
struct sq_plan_part {
    const char *uri, *action;
    size_t question;
};
struct sq_plan_item {
    const struct sq_cache_work *work;
    struct sq_plan_part *parts; /* inputs, then resources */
    size_t n_inputs, n_parts;
    size_t output; /* the question about its output, when that was asked */
    bool possible; /* else its result can never be reused: why */
    const char *why;
};
struct sq_plan {
    struct sq_arena *arena;
    struct sq_plan_item *items; /* as the works given */
    size_t n_items;
    struct sq_question *questions;
    size_t n_questions;
};

/* Everything in `arena`; `works` are borrowed.  With `outputs`, the output files of
 * each are asked for too. */
int sq_plan_make(const struct sq_cache_work *works, size_t n, bool outputs,
                 struct sq_arena *arena, struct sq_plan *ret, struct sq_err *err);

struct sq_plan_answer {
    char key[SQ_CACHE_KEY_LEN], state[33];
    bool here; /* something of it is on a disk of this machine alone */
};
/* Once it was asked.  False, item->why says why, when there is no hash of something. */
bool sq_plan_answer(const struct sq_plan *plan, struct sq_plan_item *item,
                    struct sq_plan_answer *ret);

/* The two folders are one, or on one storage. */
bool sq_plan_same_folder(const char *a, const char *b);
bool sq_plan_same_storage(const char *a, const char *b);

#endif
