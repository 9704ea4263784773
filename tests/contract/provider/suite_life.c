/* Machines launched, found, listed and destroyed; what cannot be launched; what a
 * provider offers. */
#include "tests/contract/provider/suite.h"

#include <pthread.h>
#include <string.h>

enum { TOGETHER = 4 };

void test_one(void **state)
{
    (void)state;
    struct job j, other;
    struct sq_machine m, seen;
    struct sq_err err;
    struct wanted *w = want();
    job_open(&j);
    job_open(&other);
    fails(find(&other, w->token, &seen, &err), SQ_ENOENT, &err);
    OK(err, launch(&j, w, &m, &err));
    assert_int_equal(m.state, SQ_MACHINE_RUNNING);
    assert_string_equal(m.token, w->token);
    assert_string_equal(m.name, w->name);
    assert_string_equal(m.flavor, w->req.flavor);
    assert_string_equal(m.region, w->req.region);
    assert_true(m.id[0] && (m.ipv4[0] || m.ipv6[0]));
    assert_int_equal(count(w->token), 1);
    OK(err, find(&other, w->token, &seen, &err));
    assert_int_equal(seen.state, SQ_MACHINE_RUNNING);
    assert_string_equal(seen.id, m.id);
    assert_string_equal(seen.name, m.name);
    assert_string_equal(seen.ipv4, m.ipv4);
    assert_int_equal(listed(list(&other), w->token), 1);
    OK(err, destroy(&other, w->token, m.id, &err));
    assert_int_equal(count(w->token), 0);
    fails(find(&j, w->token, &seen, &err), SQ_ENOENT, &err);
    assert_int_equal(listed(list(&j), w->token), 0);
    job_close(&j);
    job_close(&other);
}

void test_again(void **state)
{
    (void)state;
    struct job j, other;
    struct sq_machine m, again;
    struct sq_err err;
    struct wanted *w = want();
    job_open(&j);
    OK(err, launch(&j, w, &m, &err));
    OK(err, launch(&j, w, &again, &err));
    assert_string_equal(again.id, m.id);
    job_close(&j);
    job_open(&other);
    OK(err, launch(&other, w, &again, &err));
    assert_string_equal(again.id, m.id);
    assert_int_equal(again.state, SQ_MACHINE_RUNNING);
    assert_int_equal(count(w->token), 1);
    job_close(&other);
    clean(w->token);
}

void test_destroy_again(void **state)
{
    (void)state;
    struct job j;
    struct sq_machine m;
    struct sq_err err;
    struct wanted *w = want();
    job_open(&j);
    OK(err, destroy(&j, "never-was", NULL, &err));
    OK(err, launch(&j, w, &m, &err));
    OK(err, destroy(&j, w->token, NULL, &err));
    OK(err, destroy(&j, w->token, NULL, &err));
    OK(err, destroy(&j, w->token, m.id, &err));
    assert_int_equal(count(w->token), 0);
    job_close(&j);
}

/* One of two goes, the other stays; another owner sees and touches neither. */
void test_neighbours(void **state)
{
    (void)state;
    struct job j, stranger;
    struct sq_machine m[2], seen;
    struct sq_err err;
    struct wanted *w[2] = {want(), want()};
    job_open(&j);
    job_open_as(&stranger, "stranger2");
    if (world.t->other_region)
        w[1]->req.region = world.t->other_region;
    for (int i = 0; i < 2; i++)
        OK(err, launch(&j, w[i], &m[i], &err));
    assert_string_not_equal(m[0].id, m[1].id);
    struct listed *l = list(&j);
    assert_int_equal(listed(l, w[0]->token), 1);
    assert_int_equal(listed(l, w[1]->token), 1);
    static struct listed cut;
    cut = (struct listed){.stop_at = 1};
    assert_int_equal(world.ops->list(j.p, on_machine, &cut, &j.call.api, &err),
                     SQ_ENOSPC);
    assert_int_equal(cut.n, 1);
    assert_int_equal(list(&stranger)->n, 0);
    fails(find(&stranger, w[0]->token, &seen, &err), SQ_ENOENT, &err);
    OK(err, destroy(&stranger, w[0]->token, NULL, &err));
    assert_int_equal(count(w[0]->token), 1);
    OK(err, destroy(&j, w[0]->token, m[0].id, &err));
    assert_int_equal(count(w[0]->token), 0);
    OK(err, find(&j, w[1]->token, &seen, &err));
    assert_int_equal(seen.state, SQ_MACHINE_RUNNING);
    job_close(&j);
    job_close(&stranger);
    clean(w[1]->token);
}

/* ---- what cannot be */

void test_wrong(void **state)
{
    (void)state;
    struct job j;
    struct sq_err err;
    struct wanted *w[2] = {want(), want()};
    struct sq_machine m, before;
    job_open(&j);
    w[0]->req.flavor = "no-such-flavor";
    w[1]->req.region = "no-such-region";
    memset(&m, 0x5a, sizeof m);
    before = m;
    for (int i = 0; i < 2; i++) {
        fails(launch(&j, w[i], &m, &err), SQ_EINVAL, &err);
        assert_memory_equal(&m, &before, sizeof m);
        if (!strstr(err.text, "no-such-"))
            fail_msg("it does not name what there is not: %s", err.text);
        clean(w[i]->token);
    }
    job_close(&j);
}

struct together {
    struct wanted *w;
    pthread_t thread;
    int rc;
    struct sq_err err;
};

static void *launch_one(void *arg)
{
    struct together *t = arg;
    struct job j;
    struct sq_machine m;
    job_open(&j);
    t->rc = launch(&j, t->w, &m, &t->err);
    job_close(&j);
    return NULL;
}

void test_together(void **state)
{
    (void)state;
    struct together all[TOGETHER] = {0};
    for (int i = 0; i < TOGETHER; i++)
        all[i].w = want();
    for (int i = 0; i < TOGETHER; i++)
        assert_int_equal(pthread_create(&all[i].thread, NULL, launch_one, &all[i]), 0);
    for (int i = 0; i < TOGETHER; i++)
        pthread_join(all[i].thread, NULL);
    for (int i = 0; i < TOGETHER; i++) {
        OK(all[i].err, all[i].rc);
        assert_int_equal(count(all[i].w->token), 1);
    }
    for (int i = 0; i < TOGETHER; i++)
        clean(all[i].w->token);
}

/* ---- the catalog */

struct catalog {
    char names[5000][SQ_WORD_SIZE];
    int n;
    bool offered;
};

static int on_flavor(void *arg, const struct sq_flavor *f)
{
    struct catalog *c = arg;
    assert_true(f->name && *f->name && strlen(f->name) < SQ_WORD_SIZE);
    assert_true(f->cpu >= 1 && f->ram_gb >= 0 && f->disk_gb >= 0 && f->gpumem_gb >= 0);
    assert_true(f->tags && f->gpu && strspn(f->tags, "GMN") == strlen(f->tags));
    for (int i = 0; i < c->n; i++)
        assert_string_not_equal(c->names[i], f->name);
    assert_true(c->n < (int)SQ_LEN(c->names));
    strcpy(c->names[c->n++], f->name);
    return 0;
}

static int on_offer(void *arg, const struct sq_offer *o)
{
    struct catalog *c = arg;
    int i = 0;
    assert_true(o->cost >= 0 && o->eviction >= 0 && o->eviction <= 100 && *o->region);
    while (i < c->n && strcmp(c->names[i], o->flavor) != 0)
        i++;
    if (i == c->n)
        fail_msg("an offer of %s, which is no flavor", o->flavor);
    c->offered = c->offered || (strcmp(o->flavor, world.t->flavor) == 0 &&
                                strcmp(o->region, world.t->region) == 0);
    return 0;
}

static int on_quota(void *arg, const struct sq_quota *q)
{
    (void)arg;
    assert_true(q->region && *q->region && (q->cpus == SQ_UNKNOWN || q->cpus >= 0));
    return 0;
}

void test_catalog(void **state)
{
    (void)state;
    static struct catalog c;
    struct job j;
    struct sq_err err;
    job_open(&j);
    OK(err, world.ops->flavors(j.p, on_flavor, &c, &j.call.api, &err));
    OK(err, world.ops->offers(j.p, on_offer, &c, &j.call.api, &err));
    assert_true(c.n > 0 && c.offered);
    if (world.ops->quotas)
        OK(err, world.ops->quotas(j.p, on_quota, NULL, &j.call.api, &err));
    job_close(&j);
    world.ops->close(NULL);
}

void test_nothing_left(void **state)
{
    (void)state;
    struct job j;
    job_open(&j);
    assert_int_equal(list(&j)->n, 0);
    assert_int_equal(count(NULL), 0);
    job_close(&j);
}
