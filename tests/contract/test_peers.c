/* Several processes on one database: notices, who hears what and when, turns, and the
 * leases of roles. */
#include "tests/contract/writer_world.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/notice.h"
#include "core/store/peers.h"

/* ---- notices */

static char *notice(const struct sq_changes *c, bool scheduler)
{
    static _Thread_local char text[SQ_NOTICE_MAX + 1];
    struct sq_buf b;
    sq_buf_init(&b, SQ_NOTICE_MAX);
    sq_notice_write(&b, c, scheduler);
    assert_true(sq_buf_ok(&b));
    snprintf(text, sizeof text, "%s", b.data ? b.data : "");
    sq_buf_fini(&b);
    return text;
}

static void fill(struct sq_changes *c)
{
    sq_changes_slots(c, 12);
    sq_changes_slots(c, 14);
    sq_changes_tell(c, 12);
    sq_changes_execution(c, 8);
    sq_changes_output(c, 9);
    sq_changes_task(c, 31);
    sq_changes_worker(c, 13);
    sq_changes_job(c, 2);
    sq_changes_evicted(c, 5);
    sq_changes_silent(c, 6);
    sq_changes_batch(c, "Default");
    sq_changes_batch(c, "my batch, 50%\n");
    sq_changes_ahead(c, 12, 3);
    sq_changes_ahead(c, 14, 1);
    c->sweep = c->due = c->jobs = c->cache = true;
}

static void test_notices_are_read_as_written(void **state)
{
    struct contract *c = *state;
    struct sq_changes read;
    static const char all[] =
        " s12,14 t12 x8 o9 k31 w13 j2 v5 l6 bDefault,my%20batch%2C%2050%25"
        "%0A a12=3,14=1 Fsdjc";
    sq_changes_clear(&c->changes);
    assert_string_equal(notice(&c->changes, false), "");
    fill(&c->changes);
    assert_string_equal(notice(&c->changes, false), all);
    assert_string_equal(notice(&c->changes, true), " t12 x8 o9 k31 w13 j2 Fj");
    sq_changes_init(&read);
    sq_notice_read(all, &read);
    assert_string_equal(notice(&read, false), all);
    assert_int_equal(sq_changes_ahead_of(&read, 12), 3);
    assert_string_equal(read.batches[1], "my batch, 50%\n");
    sq_changes_fini(&read);
}

static void test_notices_that_are_none(void **state)
{
    static const char *const wrong[] = {"x",   "z1",   "s1,x", "sa",    "b%",   "b%4",
                                        "a12", "a1=b", "Fz",   "s1,2;", "a1=2x"};
    for (size_t i = 0; i < SQ_LEN(wrong); i++) {
        struct sq_changes read;
        sq_changes_init(&read);
        sq_notice_read(wrong[i], &read);
        if (!read.failed && strcmp(wrong[i], "x") != 0)
            fail_msg("%s is understood", wrong[i]);
        sq_changes_fini(&read);
    }
}

static void test_too_much_is_told_as_anything(void **state)
{
    struct contract *c = *state;
    sq_changes_clear(&c->changes);
    for (int i = 0; i < 5000; i++)
        sq_changes_task(&c->changes, 1000000 + i);
    assert_string_equal(notice(&c->changes, false), " Ff");
}

/* What the scheduler has to look at: the rest was for those who wait. */
static void test_what_is_taken(void **state)
{
    struct contract *c = *state;
    struct sq_changes heard;
    sq_changes_init(&heard);
    fill(&heard);
    sq_changes_clear(&c->changes);
    sq_changes_take(&c->changes, &heard);
    assert_string_equal(notice(&c->changes, false),
                        " s12,14 k31 v5 l6 bDefault,my%20batch%2C%2050%25%0A "
                        "a12=3,14=1 Fsdjc");
    sq_changes_fini(&heard);
}

/* ---- processes */

struct process {
    struct sq_peers *peers;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    char heard[400]; /* notices, one after the other */
};

static void on_heard(void *arg, const struct sq_changes *changes)
{
    struct process *p = arg;
    pthread_mutex_lock(&p->lock);
    size_t len = strlen(p->heard);
    snprintf(p->heard + len, sizeof p->heard - len, "%s", notice(changes, false));
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

static void process_start(struct contract *c, struct process *p, enum sq_role role)
{
    struct sq_err err;
    const struct sq_peers_conf conf = {
        .uri = c->uri, .role = role, .heard = on_heard, .arg = p};
    *p = (struct process){.lock = PTHREAD_MUTEX_INITIALIZER,
                          .wake = PTHREAD_COND_INITIALIZER};
    OK(err, sq_peers_new(&conf, &p->peers, &err));
    OK(err, sq_peers_start(p->peers, &err));
}

static void wait_heard(struct process *p, const char *words)
{
    pthread_mutex_lock(&p->lock);
    while (!strstr(p->heard, words))
        pthread_cond_wait(&p->wake, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

static void tell(struct contract *c, struct process *p, int64_t task, bool commits)
{
    contract_begin(c);
    sq_changes_clear(&c->changes);
    sq_changes_task(&c->changes, task);
    sq_peers_tell(p->peers, c->db, &c->changes);
    if (commits)
        contract_commit(c);
    else
        sq_db_rollback(c->db);
}

static void test_what_is_committed_is_heard_by_others(void **state)
{
    struct contract *c = *state;
    struct process a, b;
    process_start(c, &a, SQ_ROLE_MAIN);
    process_start(c, &b, SQ_ROLE_QUEUE);
    tell(c, &a, 1, true);
    wait_heard(&b, "k1"); /* two that come at once are told as one */
    tell(c, &a, 2, false);
    tell(c, &a, 3, true);
    wait_heard(&b, "k3");
    assert_string_equal(b.heard, " k1 k3");
    tell(c, &b, 4, true);
    wait_heard(&a, "k4");
    assert_string_equal(a.heard, " k4"); /* nobody hears himself */
    sq_peers_free(a.peers);
    sq_peers_free(b.peers);
}

/* Away for a moment: anything may have changed. */
static void test_a_lost_connection_is_made_again(void **state)
{
    struct contract *c = *state;
    struct process a, b;
    process_start(c, &a, SQ_ROLE_MAIN);
    process_start(c, &b, SQ_ROLE_QUEUE);
    contract_kill_others(c);
    wait_heard(&b, "Ff");
    wait_heard(&a, "Ff");
    tell(c, &a, 7, true);
    wait_heard(&b, "k7");
    sq_peers_free(b.peers);
    sq_peers_free(a.peers);
}

struct turn {
    struct contract *c;
    struct sq_db *db;
    int64_t seen;
};

static void *take_turn(void *arg)
{
    struct turn *t = arg;
    struct sq_err err;
    OK(err, sq_db_begin(t->db, true, &err));
    sq_peers_turn(t->db);
    t->seen = contract_int(t->db, "select count(*) from region");
    OK(err, sq_db_commit(t->db, &err));
    return NULL;
}

/* Whoever waited for his turn sees what the one before him committed. */
static void test_writers_take_turns(void **state)
{
    struct contract *c = *state;
    struct sq_err err;
    pthread_t thread;
    struct sq_db *look = contract_connect(c, 0);
    struct turn t = {.c = c, .db = contract_connect(c, 0)};
    OK(err, sq_db_begin(c->db, true, &err));
    sq_peers_turn(c->db);
    contract_sql(c->db, "insert into region (name, provider) values ('r', 'p')");
    assert_int_equal(pthread_create(&thread, NULL, take_turn, &t), 0);
    while (contract_int(look, "select count(*) from pg_locks where locktype = "
                              "'advisory' and not granted") == 0)
        sched_yield();
    OK(err, sq_db_commit(c->db, &err));
    pthread_join(thread, NULL);
    assert_int_equal(t.seen, 1);
    sq_db_close(t.db);
    sq_db_close(look);
}

/* ---- roles: who may be there beside whom */

static void test_roles(void **state)
{
    struct contract *c = *state;
    static const struct {
        enum sq_role here, comes;
        int rc;
        const char *words;
    } rows[] = {
        {SQ_ROLE_ALL, SQ_ROLE_ALL, SQ_EEXIST, "another scitq server"},
        {SQ_ROLE_ALL, SQ_ROLE_MAIN, SQ_EEXIST, "--role=all (connected from"},
        {SQ_ROLE_ALL, SQ_ROLE_QUEUE, SQ_EEXIST, "another scitq server"},
        {SQ_ROLE_MAIN, SQ_ROLE_ALL, SQ_EEXIST, "another scitq server"},
        {SQ_ROLE_MAIN, SQ_ROLE_MAIN, 0, NULL},
        {SQ_ROLE_MAIN, SQ_ROLE_QUEUE, 0, NULL},
        {SQ_ROLE_QUEUE, SQ_ROLE_ALL, SQ_EEXIST, "another scitq server"},
        {SQ_ROLE_QUEUE, SQ_ROLE_MAIN, 0, NULL},
        {SQ_ROLE_QUEUE, SQ_ROLE_QUEUE, SQ_EEXIST, "another scitq server"},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_err err = {0};
        struct sq_lease *here, *comes;
        struct sq_db *a = contract_connect(c, 0), *b = contract_connect(c, 0);
        OK(err, sq_lease_new(rows[i].here, &here, &err));
        OK(err, sq_lease_new(rows[i].comes, &comes, &err));
        OK(err, sq_lease_take(here, a, &err));
        int rc = sq_lease_take(comes, b, &err);
        if (rc != rows[i].rc || (rc && !strstr(err.text, rows[i].words)))
            fail_msg("row %zu: %s: %s", i, sq_code_name(rc), err.text);
        sq_db_close(a);
        sq_db_close(b);
        sq_lease_free(here);
        sq_lease_free(comes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        contract_sqlite_test(test_notices_are_read_as_written),
        contract_sqlite_test(test_notices_that_are_none),
        contract_sqlite_test(test_too_much_is_told_as_anything),
        contract_sqlite_test(test_what_is_taken),
        contract_postgresql_test(test_what_is_committed_is_heard_by_others),
        contract_postgresql_test(test_a_lost_connection_is_made_again),
        contract_postgresql_test(test_writers_take_turns),
        contract_postgresql_test(test_roles),
    };
    return contract_main(tests, SQ_LEN(tests));
}
