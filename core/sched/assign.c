/* Giving pending tasks to free slots.
 *
 * After every transaction, of each batch, either nothing is pending or no slot is
 * free.  So only what the transaction changed can matter: batches with new pending
 * tasks, and workers with freed slots.  For each batch touched: its workers with free
 * slots (remembered, or read once), as many pending tasks as they can take, lowest id
 * first, spread evenly.  A worker remembered from an earlier transaction is read again
 * before it is given anything.  One set-based call then writes all assignments. */
#include "core/sched/impl.h"

#include <string.h>

#include "core/store/execution.h"

/* One settle's work. */
struct round {
    struct sq_sched *s;
    struct sq_tx *tx;
    struct sq_err *err;
    struct sq_place **touched;
    size_t n_touched, cap_touched;
    struct sq_assignment *given;
    size_t n_given, cap_given;
    struct sq_stmt *asked; /* tasks for the only worker there is, asked_n at most */
    size_t asked_n;
    bool unfinished;
};

static int no_memory(struct sq_err *err)
{
    return sq_fail(err, SQ_ENOMEM, "the scheduler is out of memory");
}

static int touch(struct round *r, struct sq_place *place)
{
    if (place->touched == r->s->turn)
        return 0;
    struct sq_place **v = sq_sched_grow(r->tx->arena, r->touched, r->n_touched,
                                        &r->cap_touched, r->n_touched + 1, sizeof *v);
    if (!v)
        return no_memory(r->err);
    r->touched = v;
    place->touched = r->s->turn;
    r->touched[r->n_touched++] = place;
    return 0;
}

/* The batch has, or may have, pending tasks. */
static int touch_pending(struct round *r, const char *batch)
{
    struct sq_place *place = sq_places_get(&r->s->places, batch);
    if (!place)
        return no_memory(r->err);
    place->drained = false;
    return touch(r, place);
}

/* Every batch with something pending: what a sweep looks at. */
static int touch_all(struct round *r)
{
    sq_places_forget(&r->s->places);
    r->n_touched = 0;
    struct sq_stmt *st = sq_db_query(r->tx->db, SQ_Q_SCHED_PENDING_BATCHES);
    int rc = 0;
    while (rc == 0 && sq_row(st))
        rc = touch_pending(r, sq_col_text(st, 0, NULL));
    sq_stmt_end(st);
    return rc ? rc : sq_db_error(r->tx->db, r->err);
}

/* Workers whose slots changed, read by id, enter their batches' memory.  What they may
 * be given ahead counts in this turn alone: the next one that gives reads them anew. */
static int touch_workers(struct round *r, const int64_t *ids, size_t n)
{
    struct sq_worker_rows rows;
    int rc = sq_sched_load(r->s, r->tx, SQ_Q_SCHED_WORKERS_BY_ID,
                           sq_sched_ids(r->tx->arena, ids, n), &rows, r->err);
    for (size_t i = 0; rc == 0 && i < rows.n; i++) {
        struct sq_slot *slot = &rows.v[i].slot;
        struct sq_place *place = sq_places_get(&r->s->places, rows.v[i].batch);
        slot->ahead = sq_changes_ahead_of(r->tx->changes, slot->worker_id);
        if (!place || !sq_place_set(place, slot))
            return no_memory(r->err);
        rc = touch(r, place);
    }
    return rc;
}

/* Most often one worker has ended some tasks: as many others are asked for in the same
 * round trip as its row. */
static void ask_pending(struct round *r)
{
    const struct sq_changes *c = r->tx->changes;
    if (c->slots.n != 1 || c->n_batches > 0 || c->executions.n > SQ_SCHED_IDS_MAX)
        return;
    r->asked_n = c->executions.n + (size_t)sq_changes_ahead_of(c, c->slots.ids[0]);
    r->asked = sq_db_query(r->tx->db, SQ_Q_SCHED_PENDING_FOR);
    sq_bind_int(r->asked, 1, c->slots.ids[0]);
    sq_bind_int(r->asked, 2, (int64_t)r->asked_n);
    sq_ask(r->asked);
}

static int touch_changes(struct round *r)
{
    const struct sq_changes *c = r->tx->changes;
    if (c->sweep || c->failed)
        return touch_all(r);
    int rc = 0;
    ask_pending(r);
    for (size_t i = 0; rc == 0 && i < c->slots.n; i += SQ_SCHED_IDS_MAX) {
        size_t n = c->slots.n - i;
        rc = touch_workers(r, c->slots.ids + i,
                           n < SQ_SCHED_IDS_MAX ? n : SQ_SCHED_IDS_MAX);
    }
    for (size_t i = 0; rc == 0 && i < c->n_batches; i++)
        rc = touch_pending(r, c->batches[i]);
    return rc;
}

static int load_place(struct round *r, struct sq_place *place)
{
    struct sq_worker_rows rows;
    int rc = sq_sched_load(r->s, r->tx, SQ_Q_SCHED_WORKERS_BY_BATCH, place->batch,
                           &rows, r->err);
    if (rc != 0)
        return rc;
    place->n = 0;
    for (size_t i = 0; i < rows.n; i++)
        if (!sq_place_set(place, &rows.v[i].slot))
            return no_memory(r->err);
    place->loaded = true;
    return 0;
}

static size_t free_slots(const struct sq_place *place, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < place->n && n < max; i++)
        n += (size_t)sq_slot_free(&place->slots[i]);
    return n < max ? n : max;
}

/* Up to `want` pending tasks of the batch, lowest id first. */
static int read_pending(struct round *r, const struct sq_place *place, size_t want,
                        int64_t **ret, size_t *ret_n)
{
    int64_t *ids = sq_arena_array(r->tx->arena, want, sizeof *ids);
    if (!ids)
        return no_memory(r->err);
    struct sq_stmt *st = r->asked;
    if (!st || want > r->asked_n) {
        st = sq_db_query(r->tx->db, SQ_Q_SCHED_PENDING);
        sq_bind_text(st, 1, place->batch);
        sq_bind_int(st, 2, (int64_t)want);
    }
    size_t n = 0;
    while (sq_row(st) && n < want)
        ids[n++] = sq_col_int(st, 0);
    sq_stmt_end(st);
    *ret = ids;
    *ret_n = n;
    return sq_db_error(r->tx->db, r->err);
}

/* Read again the chosen slots that were not read in this turn; those that are gone
 * from the batch leave its memory.  *ret_stale: how many there were. */
static int refresh(struct round *r, struct sq_place *place, const size_t *chosen,
                   size_t n, size_t *ret_stale)
{
    int64_t *ids = sq_arena_array(r->tx->arena, n + 1, sizeof *ids);
    if (!ids)
        return no_memory(r->err);
    size_t stale = 0;
    for (size_t i = 0; i < n; i++) {
        struct sq_slot *slot = &place->slots[chosen[i]];
        if (slot->seen == r->s->turn)
            continue;
        slot->seen = r->s->turn; /* once each, though it was chosen several times */
        ids[stale++] = slot->worker_id;
    }
    *ret_stale = stale;
    if (stale == 0)
        return 0;
    struct sq_worker_rows rows;
    int rc = sq_sched_load(r->s, r->tx, SQ_Q_SCHED_WORKERS_BY_ID,
                           sq_sched_ids(r->tx->arena, ids, stale), &rows, r->err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < stale; i++)
        sq_place_remove(place, ids[i]);
    for (size_t i = 0; i < rows.n; i++)
        if (strcmp(rows.v[i].batch, place->batch) == 0 &&
            !sq_place_set(place, &rows.v[i].slot))
            return no_memory(r->err);
    return 0;
}

/* Choose a slot for each task, on a copy, until all chosen ones are freshly read. */
static int choose(struct round *r, struct sq_place *place, size_t n_tasks,
                  struct sq_slot **ret_slots, size_t **ret_chosen, size_t *ret_n)
{
    struct sq_arena *arena = r->tx->arena;
    struct sq_slot *slots = sq_arena_array(arena, place->n + 1, sizeof *slots);
    size_t *heap = sq_arena_array(arena, place->n + 1, sizeof *heap);
    size_t *chosen = sq_arena_array(arena, n_tasks + 1, sizeof *chosen);
    if (!slots || !heap || !chosen)
        return no_memory(r->err);
    size_t stale = 0, n;
    do {
        memcpy(slots, place->slots, place->n * sizeof *slots);
        n = sq_spread(slots, place->n, n_tasks, heap, chosen);
        int rc = refresh(r, place, chosen, n, &stale);
        if (rc != 0)
            return rc;
    } while (stale > 0 && place->n > 0);
    *ret_slots = slots;
    *ret_chosen = chosen;
    *ret_n = stale > 0 ? 0 : n;
    return 0;
}

static int assign_batch(struct round *r, struct sq_place *place)
{
    if (place->drained)
        return 0;
    if (!place->loaded) {
        int rc = load_place(r, place);
        if (rc != 0)
            return rc;
    }
    size_t room = SQ_SCHED_ASSIGN_MAX - r->n_given;
    size_t want = free_slots(place, room);
    place->unfinished = want > 0 || (place->n > 0 && room == 0);
    if (want == 0) {
        r->unfinished = r->unfinished || place->unfinished;
        return 0;
    }
    int64_t *tasks = NULL;
    struct sq_slot *slots = NULL;
    size_t n_tasks = 0, n = 0, *chosen = NULL;
    int rc = read_pending(r, place, want, &tasks, &n_tasks);
    if (rc == 0)
        rc = choose(r, place, n_tasks, &slots, &chosen, &n);
    if (rc != 0)
        return rc;
    struct sq_assignment *given =
        sq_sched_grow(r->tx->arena, r->given, r->n_given, &r->cap_given, r->n_given + n,
                      sizeof *given);
    if (!given && n > 0)
        return no_memory(r->err);
    r->given = given;
    for (size_t i = 0; i < n; i++)
        given[r->n_given++] = (struct sq_assignment){
            .task_id = tasks[i], .worker_id = slots[chosen[i]].worker_id};
    memcpy(place->slots, slots, place->n * sizeof *slots);
    sq_place_compact(place);
    place->drained = n_tasks < want && n == n_tasks;
    place->unfinished = !place->drained && place->n > 0;
    r->unfinished = r->unfinished || place->unfinished;
    return 0;
}

static int write_given(struct round *r)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < r->n_given; i += SQ_SCHED_IDS_MAX) {
        size_t n = r->n_given - i;
        rc = sq_execution_assign(r->tx, r->given + i,
                                 n < SQ_SCHED_IDS_MAX ? n : SQ_SCHED_IDS_MAX, r->err);
    }
    /* A task that stopped being pending under our hands left its slot free. */
    for (size_t i = 0; rc == 0 && i < r->n_given; i++)
        if (r->given[i].execution_id == SQ_NULL) {
            sq_places_forget(&r->s->places);
            break;
        }
    return rc;
}

int sq_assign(struct sq_sched *s, struct sq_tx *tx, struct sq_err *err)
{
    struct round r = {.s = s, .tx = tx, .err = err};
    int rc = touch_changes(&r);
    for (size_t i = 0; rc == 0 && i < r.n_touched; i++)
        rc = assign_batch(&r, r.touched[i]);
    if (r.asked)
        sq_stmt_end(r.asked);
    if (rc == 0)
        rc = write_given(&r);
    if (rc == 0 && r.unfinished)
        sq_sched_remind(s, SQ_NULL, true);
    return rc;
}
