/* Recording results: of each execution that succeeded, are its inputs still as they
 * were when it was looked at, and is its output all there?  What its worker says that
 * it uploaded must be what is there: somebody may have written over it since.  Only a
 * 1.3 worker says nothing; ours does not when it was restarted meanwhile. */
#include "core/cache/impl.h"

#include <inttypes.h>
#include <string.h>

#include "lib/log.h"

struct outcome {
    int64_t execution_id;
    const char *key, *output_hash; /* NULL: it is not to be reused */
};
struct outcomes {
    struct outcome *v;
    size_t n;
};

static int write_outcomes(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    const struct outcomes *o = arg;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < o->n; i++)
        if (o->v[i].key)
            rc = sq_cache_record(tx, o->v[i].execution_id, o->v[i].key,
                                 o->v[i].output_hash, err);
        else
            sq_cache_leave(tx, o->v[i].execution_id);
    return rc ? rc : sq_db_error(tx->db, err);
}

/* Why the result cannot be reused; NULL: it can. */
static const char *refuse(const struct sq_cache *c, const struct sq_plan *plan,
                          struct sq_plan_item *item, struct sq_plan_answer *answer)
{
    const struct sq_cache_work *w = item->work;
    const struct sq_question *output = &plan->questions[item->output];
    if (!sq_plan_answer(plan, item, answer))
        return item->why;
    if (!output->done)
        return output->why;
    if (strcmp(answer->state, w->state) != 0)
        return "an input or a resource was changed while it ran";
    if (!w->output_hash && (w->ours || !w->hostname))
        return "its worker does not know what it uploaded";
    if (w->output_hash && strcmp(output->content, w->output_hash) != 0)
        return "its output is not any more what it uploaded";
    if ((answer->here || output->here) &&
        (!w->hostname || strcmp(w->hostname, c->hostname) != 0))
        return "it names a disk of this machine, and it ran on another";
    return NULL;
}

int sq_cache_settle(struct sq_cache *c, struct sq_cache_work *works, size_t n,
                    struct sq_arena *arena, struct sq_err *err)
{
    struct sq_plan plan;
    struct outcomes o = {.v = sq_arena_array(arena, n, sizeof *o.v)};
    struct sq_plan_answer *answers = sq_arena_array(arena, n, sizeof *answers);
    if (!o.v || !answers)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    int rc = sq_plan_make(works, n, true, arena, &plan, err);
    if (rc == 0)
        rc = sq_cache_ask(c, plan.questions, plan.n_questions, SQ_CACHE_LOOK_S, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < n; i++) {
        const char *why = refuse(c, &plan, &plan.items[i], &answers[i]);
        struct outcome *one = &o.v[o.n++];
        *one = (struct outcome){.execution_id = works[i].id};
        if (why) {
            sq_log(SQ_LOG_DEBUG, "cache", "execution %" PRId64 " is not for reuse: %s",
                   works[i].id, why);
            continue;
        }
        one->key = answers[i].key;
        one->output_hash = plan.questions[plan.items[i].output].content;
    }
    return sq_writer_change(c->conf.writer, write_outcomes, &o, arena, err);
}
