/* What tests of the writer share: see writer_world.h. */
#include "tests/contract/writer_world.h"

#include <stdio.h>
#include <string.h>

static int insertion_run(struct sq_op *op, struct sq_tx *tx, struct sq_err *err)
{
    struct insertion *i = (struct insertion *)op;
    if (i->inside)
        sem_post(i->inside);
    if (i->gate)
        sem_wait(i->gate);
    struct sq_stmt *st = sq_db_sql(
        tx->db,
        i->sql ? i->sql : "insert into region (name, provider) values ($1, 'p')");
    if (!i->sql)
        sq_bind_text(st, 1, i->name);
    sq_send(st);
    sq_changes_batch(tx->changes, i->name);
    if (i->fail)
        return sq_fail(err, i->fail, "%s does not want to", i->name);
    return 0;
}

static void insertion_done(struct sq_op *op)
{
    struct insertion *i = (struct insertion *)op;
    i->answered++;
    if (i->done)
        sem_post(i->done);
}

void insertion_init(struct insertion *i, const char *name, sem_t *done)
{
    *i = (struct insertion){.op = {.run = insertion_run, .done = insertion_done},
                            .done = done,
                            .read = SQ_NULL};
    snprintf(i->name, sizeof i->name, "%s", name);
    sq_arena_init(&i->arena, 1000);
    i->op.arena = &i->arena;
}

static int settle(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    struct seen *seen = arg;
    seen->settled++;
    seen->sweep = tx->changes->sweep;
    if (seen->looks) {
        struct sq_stmt *st = sq_db_sql(tx->db, "select count(*) from region");
        return sq_row(st) ? 0 : sq_db_error(tx->db, err);
    }
    if (!seen->refuse)
        return 0;
    sq_run(sq_db_sql(tx->db,
                     "insert into region (name, provider) values ('settle', 's')"));
    return sq_fail(err, SQ_EINVAL, "this test's scheduler fails, as it should");
}

static void committed(void *arg, const struct sq_changes *changes)
{
    struct seen *seen = arg;
    seen->committed++;
    seen->batches += (int)changes->n_batches;
    if (changes->n_batches)
        snprintf(seen->last, sizeof seen->last, "%s",
                 changes->batches[changes->n_batches - 1]);
}

struct sq_writer *writer_start(struct contract *c, struct seen *seen, int queue_max)
{
    struct sq_err err = {0};
    struct sq_writer *w;
    struct sq_writer_conf conf = {.uri = c->uri,
                                  .queue_max = queue_max,
                                  .settle = settle,
                                  .committed = committed,
                                  .arg = seen};
    *seen = (struct seen){0};
    OK(err, sq_writer_start(&conf, &w, &err));
    return w;
}

int writer_call(struct sq_writer *w, const char *name, const char *sql, int fail,
                struct sq_err *err)
{
    struct insertion i;
    insertion_init(&i, name, NULL);
    i.sql = sql;
    i.fail = fail;
    int rc = sq_writer_call(w, &i.op, err);
    assert_int_equal(rc, i.op.result);
    sq_arena_fini(&i.arena);
    return rc;
}

int64_t regions(struct contract *c)
{
    return contract_int(c->db, "select count(*) from region");
}

void writer_hold(struct held *h, struct sq_writer *w)
{
    struct sq_err err = {0};
    sem_init(&h->gate, 0, 0);
    sem_init(&h->inside, 0, 0);
    sem_init(&h->done, 0, 0);
    insertion_init(&h->i, "held", &h->done);
    h->i.gate = &h->gate;
    h->i.inside = &h->inside;
    OK(err, sq_writer_submit(w, &h->i.op, &err));
    sem_wait(&h->inside);
}

void writer_let_go(struct held *h)
{
    sem_post(&h->gate);
    sem_wait(&h->done);
    assert_int_equal(h->i.op.result, 0);
    sq_arena_fini(&h->i.arena);
}
