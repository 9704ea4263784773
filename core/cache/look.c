/* Looking for the earlier results of tasks.
 *
 * Those that have none, or whose inputs have no hash, may run at once; the others
 * follow one by one, since an output may be long to hash or to copy.  A result is taken
 * over only when its files, where the task wants them, have just been seen to be what
 * they were when it was recorded. */
#include "core/cache/impl.h"

#include <inttypes.h>
#include <string.h>

#include "lib/log.h"

struct looked {
    struct sq_plan_item *item;
    struct sq_plan_answer answer; /* key "": none can be told */
    struct sq_cache_result *results;
    size_t n_results;
};

/* Something on a disk of this machine is the same for the workers only if they are all
 * on this machine. */
static bool means_the_same(struct sq_cache *c, const struct sq_cache_work *work,
                           bool here, struct sq_err *err)
{
    struct sq_db *db;
    bool elsewhere = true;
    if (!here)
        return true;
    if (sq_pool_get(c->conf.pool, &db, err) != 0)
        return false;
    if (sq_cache_elsewhere(db, work->batch, c->hostname, &elsewhere, err) != 0)
        elsewhere = true;
    sq_pool_put(c->conf.pool, db);
    return !elsewhere;
}

static void say(const struct sq_cache_work *work, const char *what, const char *why)
{
    sq_log(SQ_LOG_DEBUG, "cache", "task %" PRId64 ": %s%s%s", work->task_id, what,
           why ? ": " : "", why ? why : "");
}

static int find(struct sq_cache *c, struct looked *l, struct sq_arena *arena,
                struct sq_err *err)
{
    struct sq_db *db;
    int rc = sq_pool_get(c->conf.pool, &db, err);
    if (rc)
        return rc;
    rc = sq_cache_find(db, l->answer.key, l->item->work->output, arena, &l->results,
                       &l->n_results, err);
    sq_pool_put(c->conf.pool, db);
    return rc;
}

static int look_up(struct sq_cache *c, struct sq_plan *plan, struct looked *l,
                   struct sq_arena *arena, struct sq_err *err)
{
    const struct sq_cache_work *work = l->item->work;
    struct sq_err why = {0};
    bool known = sq_plan_answer(plan, l->item, &l->answer);
    if (known && !means_the_same(c, work, l->answer.here, &why)) {
        known = false;
        l->item->why = "it reads a disk of this machine, and its batch has workers on "
                       "others";
    }
    if (why.code)
        return sq_fail(err, why.code, "%s", why.text);
    if (known)
        return find(c, l, arena, err);
    say(work, "nothing can be reused", l->item->why);
    l->answer.key[0] = l->answer.state[0] = 0;
    return 0;
}

/* ---- letting tasks run */

struct running {
    struct sq_cache_key *keys;
    size_t n;
};

static int run_change(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    const struct running *r = arg;
    return sq_cache_run(tx, r->keys, r->n, err);
}

static void add_running(struct running *r, const struct looked *l)
{
    r->keys[r->n++] =
        (struct sq_cache_key){.work = l->item->work,
                              .key = l->answer.key,
                              .state = l->answer.key[0] ? l->answer.state : NULL};
}

/* ---- reusing */

struct reuse {
    const struct sq_cache_work *work;
    const char *key;
    const struct sq_cache_result *result;
    bool done;
};

static int reuse_change(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    struct reuse *r = arg;
    return sq_cache_reuse(tx, r->work, r->key, r->result, &r->done, err);
}

/* Is the result's output in `folder`? */
static int is_intact(struct sq_cache *c, const struct sq_cache_work *work,
                     const char *folder, const struct sq_cache_result *result,
                     bool *ret, struct sq_err *err)
{
    struct sq_err why = {0};
    struct sq_question q = {.op = "hash",
                            .uri = folder,
                            .names = result->output_files ? result->output_files : ""};
    int rc = sq_cache_ask(c, &q, 1, SQ_CACHE_LOOK_S, err);
    *ret = rc == 0 && q.done && strcmp(q.content, result->output_hash) == 0 &&
           means_the_same(c, work, q.here, &why);
    if (rc == 0 && !*ret)
        say(work, "an earlier output is not what it was", q.done ? NULL : q.why);
    return rc ? rc : why.code ? sq_fail(err, why.code, "%s", why.text) : 0;
}

/* Copy the output to where the task wants it; *ret: it is there. */
static int take_over(struct sq_cache *c, const struct sq_cache_work *work,
                     const struct sq_cache_result *result, bool *ret,
                     struct sq_err *err)
{
    struct sq_question q = {.op = "copy",
                            .uri = result->output,
                            .names = result->output_files,
                            .to = work->output};
    int rc = 0;
    *ret = false;
    if (result->output_files && *result->output_files)
        rc = sq_cache_ask(c, &q, 1, 0, err);
    else
        q.done = true;
    if (rc == 0 && !q.done)
        say(work, "an earlier output cannot be copied", q.why);
    return rc || !q.done ? rc : is_intact(c, work, work->output, result, ret, err);
}

/* *ret: the task is done with. */
static int try_result(struct sq_cache *c, const struct looked *l,
                      const struct sq_cache_result *result, struct sq_arena *arena,
                      bool *ret, struct sq_err *err)
{
    const struct sq_cache_work *work = l->item->work;
    bool same = result->output && sq_plan_same_folder(result->output, work->output);
    struct reuse reuse = {.work = work, .key = l->answer.key, .result = result};
    *ret = false;
    if (!result->output || !sq_plan_same_storage(result->output, work->output))
        return 0;
    int rc = is_intact(c, work, result->output, result, ret, err);
    if (rc == 0 && *ret && !same)
        rc = take_over(c, work, result, ret, err);
    if (rc == 0 && *ret)
        rc = sq_writer_change(c->conf.writer, reuse_change, &reuse, arena, err);
    *ret = reuse.done;
    return rc;
}

static int reuse_or_run(struct sq_cache *c, const struct looked *l,
                        struct sq_arena *arena, struct sq_err *err)
{
    struct running one = {.keys = sq_arena_alloc(arena, sizeof *one.keys)};
    int rc = one.keys ? 0 : sq_fail(err, SQ_ENOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < l->n_results; i++) {
        bool done;
        rc = try_result(c, l, &l->results[i], arena, &done, err);
        if (rc == 0 && done)
            return 0;
    }
    if (rc)
        return rc;
    add_running(&one, l);
    return sq_writer_change(c->conf.writer, run_change, &one, arena, err);
}

int sq_cache_look(struct sq_cache *c, struct sq_cache_work *works, size_t n,
                  struct sq_arena *arena, struct sq_err *err)
{
    struct sq_plan plan;
    struct looked *l = sq_arena_array(arena, n, sizeof *l);
    struct running none = {.keys = sq_arena_array(arena, n, sizeof *none.keys)};
    if (!l || !none.keys)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    int rc = sq_plan_make(works, n, false, arena, &plan, err);
    if (rc == 0)
        rc = sq_cache_ask(c, plan.questions, plan.n_questions, SQ_CACHE_LOOK_S, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        l[i].item = &plan.items[i];
        rc = look_up(c, &plan, &l[i], arena, err);
        if (rc == 0 && l[i].n_results == 0)
            add_running(&none, &l[i]);
    }
    if (rc == 0 && none.n)
        rc = sq_writer_change(c->conf.writer, run_change, &none, arena, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (l[i].n_results)
            rc = reuse_or_run(c, &l[i], arena, err);
    return rc;
}
