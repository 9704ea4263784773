/* The provider contract: see provider.h, and include/scitq/provider.h for what is
 * promised. */
#include "tests/contract/provider/provider.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/host.h"
#include "lib/plugin.h"

#define OWNER "tester1"

enum { TOGETHER = 4, LISTED_MAX = 50 };

static struct world {
    const struct target *t;
    const struct sq_provider_ops *ops;
    struct sq_plugins *plugins;
    const struct sq_plugin *plugin;
    char folder[100], own[130], record[130];
    int made; /* tokens */
} world;

/* ---- a call that counts and can be canceled */

struct call {
    struct sq_call api;
    atomic_bool stop;
    int64_t percent;
    bool wrong; /* progress that decreases or is no percentage */
};

static int is_canceled(const struct sq_call *api)
{
    return ((const struct call *)api)->stop;
}

static void on_progress(struct sq_call *api, int64_t done, int64_t total)
{
    struct call *c = (struct call *)api;
    c->wrong = c->wrong || done < c->percent || done > 100 || total != 100;
    c->percent = done;
}

static void call_init(struct call *c)
{
    memset(c, 0, sizeof *c);
    c->api = (struct sq_call){.canceled = is_canceled,
                              .cancel_fd = eventfd(0, EFD_CLOEXEC),
                              .progress = on_progress};
}

static void call_cancel(struct call *c)
{
    uint64_t one = 1;
    c->stop = true;
    assert_int_equal(write(c->api.cancel_fd, &one, sizeof one), sizeof one);
}

static void call_fini(struct call *c)
{
    assert_false(c->wrong);
    close(c->api.cancel_fd);
}

/* ---- an instance, with its host: of one job, in its own process or thread */

struct job {
    struct sq_host *host;
    struct sq_provider *p;
    struct call call;
};

static void job_open_as(struct job *j, const char *owner)
{
    struct sq_err err = {0};
    const struct sq_host_conf host = {.folder = world.own, .record = world.record};
    const struct sq_provider_conf conf = {
        .as = world.t->as ? world.t->as : world.t->plugin, .owner = owner};
    memset(j, 0, sizeof *j);
    OK(err, sq_host_new(world.plugin, &host, &j->host, &err));
    OK(err, world.ops->open(j->host, &conf, &j->p, &err));
    call_init(&j->call);
}

static void job_open(struct job *j)
{
    job_open_as(j, OWNER);
}

static void job_close(struct job *j)
{
    world.ops->close(j->p);
    sq_host_free(j->host);
    call_fini(&j->call);
}

struct wanted {
    char token[SQ_TOKEN_SIZE], name[SQ_NAME_SIZE];
    struct sq_launch req;
};

/* A machine that nobody has asked for yet. */
static struct wanted *want(void)
{
    static struct wanted all[2000];
    struct wanted *w = &all[world.made % SQ_LEN(all)];
    snprintf(w->token, sizeof w->token, "t%d-%d", (int)getpid(), world.made);
    snprintf(w->name, sizeof w->name, "lab-node%d", ++world.made);
    w->req = (struct sq_launch){.token = w->token,
                                .name = w->name,
                                .flavor = world.t->flavor,
                                .region = world.t->region,
                                .tags = "",
                                .ssh_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0 t",
                                .server = world.t->server,
                                .batch = "b",
                                .concurrency = 1};
    return w;
}

static int launch(struct job *j, const struct wanted *w, struct sq_machine *ret,
                  struct sq_err *err)
{
    j->call.percent = 0; /* each operation counts from the start */
    return world.ops->launch(j->p, &w->req, &j->call.api, ret, err);
}

static int find(struct job *j, const char *token, struct sq_machine *ret,
                struct sq_err *err)
{
    return world.ops->find(j->p, token, &j->call.api, ret, err);
}

static int destroy(struct job *j, const char *token, const char *id, struct sq_err *err)
{
    return world.ops->destroy(j->p, token, id, &j->call.api, err);
}

static int count(const char *token)
{
    return world.t->count(OWNER, token);
}

/* By another instance, as another job would; and nothing of it is left. */
static void clean(const char *token)
{
    struct job j;
    struct sq_err err;
    job_open(&j);
    OK(err, destroy(&j, token, NULL, &err));
    job_close(&j);
    assert_int_equal(count(token), 0);
}

static void fails(int rc, int code, const struct sq_err *err)
{
    if (rc != code)
        fail_msg("%s, not %s: %s", sq_code_name(rc), sq_code_name(code), err->text);
    assert_true(strlen(err->text) >= 8 && !strpbrk(err->text, "\n\r\t"));
}

struct listed {
    struct sq_machine v[LISTED_MAX];
    int n, stop_at;
};

static int on_machine(void *arg, const struct sq_machine *m)
{
    struct listed *l = arg;
    assert_true(l->n < LISTED_MAX);
    l->v[l->n++] = *m;
    return l->n == l->stop_at ? SQ_ENOSPC : 0;
}

static struct listed *list(struct job *j)
{
    static struct listed l;
    struct sq_err err;
    memset(&l, 0, sizeof l);
    OK(err, world.ops->list(j->p, on_machine, &l, &j->call.api, &err));
    return &l;
}

static int listed(const struct listed *l, const char *token)
{
    int n = 0;
    for (int i = 0; i < l->n; i++)
        n += strcmp(l->v[i].token, token) == 0;
    return n;
}

/* ---- the tests */

static void test_one(void **state)
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

static void test_again(void **state)
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

static void test_destroy_again(void **state)
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
static void test_neighbours(void **state)
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

static void test_wrong(void **state)
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

static int on_nothing(void *arg, const struct sq_flavor *f)
{
    (void)arg;
    (void)f;
    return 0;
}

static int on_no_offer(void *arg, const struct sq_offer *o)
{
    (void)arg;
    (void)o;
    return 0;
}

/* Canceled before they began, they do nothing. */
static void test_canceled(void **state)
{
    (void)state;
    struct job j;
    struct sq_err err;
    struct sq_machine m, before;
    struct listed l = {0};
    struct wanted *w = want(), *there = want();
    job_open(&j);
    OK(err, launch(&j, there, &m, &err));
    call_cancel(&j.call);
    memset(&m, 0x5a, sizeof m);
    before = m;
    fails(launch(&j, w, &m, &err), SQ_ECANCELED, &err);
    fails(find(&j, there->token, &m, &err), SQ_ECANCELED, &err);
    fails(destroy(&j, there->token, NULL, &err), SQ_ECANCELED, &err);
    fails(world.ops->list(j.p, on_machine, &l, &j.call.api, &err), SQ_ECANCELED, &err);
    fails(world.ops->flavors(j.p, on_nothing, NULL, &j.call.api, &err), SQ_ECANCELED,
          &err);
    fails(world.ops->offers(j.p, on_no_offer, NULL, &j.call.api, &err), SQ_ECANCELED,
          &err);
    assert_memory_equal(&m, &before, sizeof m);
    assert_int_equal(count(w->token), 0);
    assert_int_equal(count(there->token), 1);
    job_close(&j);
    clean(there->token);
}

struct canceler {
    struct call *call;
    useconds_t after_us;
};

static void *cancel_later(void *arg)
{
    struct canceler *c = arg;
    usleep(c->after_us);
    call_cancel(c->call);
    return NULL;
}

/* Canceled somewhere on its way: whatever it left, the same token goes on with it. */
static void test_canceled_half_way(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        struct job j;
        struct sq_err err;
        struct sq_machine m;
        pthread_t thread;
        struct wanted *w = want();
        job_open(&j);
        struct canceler c = {&j.call, (useconds_t)(1000u << (2 * i))};
        assert_int_equal(pthread_create(&thread, NULL, cancel_later, &c), 0);
        int rc = launch(&j, w, &m, &err);
        pthread_join(thread, NULL);
        if (rc)
            fails(rc, SQ_ECANCELED, &err);
        job_close(&j);
        assert_true(count(w->token) <= 1);
        job_open(&j);
        OK(err, launch(&j, w, &m, &err));
        assert_int_equal(m.state, SQ_MACHINE_RUNNING);
        assert_int_equal(count(w->token), 1);
        job_close(&j);
        clean(w->token);
    }
}

/* ---- a server killed in the middle */

/* In a process of its own, which may be killed at any moment. */
static pid_t launch_apart(const struct wanted *w)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct job j;
        struct sq_machine m;
        struct sq_err err;
        job_open(&j);
        _exit(launch(&j, w, &m, &err) == 0 ? 0 : 1);
    }
    assert_true(pid > 0);
    return pid;
}

static void test_killed(void **state)
{
    (void)state;
    int kills = world.t->kills ? world.t->kills : 20;
    if (!getenv("SCITQ_TEST_LONG") && kills > 8)
        kills = 8;
    useconds_t wait_us = 300;
    for (int i = 0; i < kills; i++, wait_us += wait_us / 2) {
        struct job j;
        struct sq_err err;
        struct sq_machine m;
        int status;
        struct wanted *w = want();
        pid_t pid = launch_apart(w);
        usleep(wait_us);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        job_open(&j);
        OK(err, launch(&j, w, &m, &err));
        assert_int_equal(m.state, SQ_MACHINE_RUNNING);
        if (count(w->token) != 1)
            fail_msg("%d machines after a launch killed after %u us", count(w->token),
                     (unsigned)wait_us);
        assert_int_equal(listed(list(&j), w->token), 1);
        job_close(&j);
        clean(w->token);
    }
}

/* Killed in the middle, and nobody wants it any more. */
static void test_killed_and_left(void **state)
{
    (void)state;
    for (useconds_t wait_us = 1000; wait_us < 300000; wait_us *= 4) {
        int status;
        struct wanted *w = want();
        pid_t pid = launch_apart(w);
        usleep(wait_us);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        clean(w->token);
    }
}

/* ---- what happens to machines */

static void test_broken(void **state)
{
    (void)state;
    if (!world.t->break_it)
        skip();
    struct job j;
    struct sq_err err;
    struct sq_machine m;
    struct wanted *w = want();
    job_open(&j);
    OK(err, launch(&j, w, &m, &err));
    world.t->break_it(OWNER, w->token);
    OK(err, find(&j, w->token, &m, &err));
    assert_true(m.state == SQ_MACHINE_STOPPED || m.state == SQ_MACHINE_BROKEN);
    assert_true(m.detail[0]);
    assert_int_equal(listed(list(&j), w->token), 1);
    OK(err, launch(&j, w, &m, &err));
    assert_int_equal(m.state, SQ_MACHINE_RUNNING);
    assert_int_equal(count(w->token), 1);
    world.t->break_it(OWNER, w->token);
    job_close(&j);
    clean(w->token);
}

static void test_vanished(void **state)
{
    (void)state;
    if (!world.t->vanish)
        skip();
    struct job j;
    struct sq_err err;
    struct sq_machine m;
    struct wanted *w = want();
    job_open(&j);
    OK(err, launch(&j, w, &m, &err));
    world.t->vanish(OWNER, w->token);
    int rc = find(&j, w->token, &m, &err);
    if (rc == 0)
        assert_int_equal(m.state, SQ_MACHINE_REMAINS);
    else
        fails(rc, SQ_ENOENT, &err);
    OK(err, launch(&j, w, &m, &err));
    assert_int_equal(count(w->token), 1);
    world.t->vanish(OWNER, w->token);
    OK(err, destroy(&j, w->token, m.id, &err));
    assert_int_equal(count(w->token), 0);
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

static void test_together(void **state)
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

/* ---- faults of the other side */

static void try_fault(const struct fault *f)
{
    struct job j;
    struct sq_err err = {0};
    struct sq_machine m;
    struct wanted *w = want();
    world.t->set_fault(f->how);
    job_open(&j);
    int rc = launch(&j, w, &m, &err);
    job_close(&j);
    if (rc && !f->may_fail)
        fail_msg("%s: %s: %s", f->label, sq_code_name(rc), err.text);
    if (rc)
        fails(rc, rc, &err);
    world.t->set_fault(NULL);
    if (count(w->token) > 1)
        fail_msg("%s: %d machines of one token", f->label, count(w->token));
    job_open(&j);
    if (launch(&j, w, &m, &err) || count(w->token) != 1)
        fail_msg("%s: then, %d machines: %s", f->label, count(w->token), err.text);
    world.t->set_fault(f->how);
    rc = destroy(&j, w->token, m.id, &err);
    job_close(&j);
    if (rc == 0 && count(w->token) != 0)
        fail_msg("%s: destroyed, it says, and there it is", f->label);
    world.t->set_fault(NULL);
    clean(w->token);
}

static void test_faults(void **state)
{
    (void)state;
    if (!world.t->faults)
        skip();
    for (const struct fault *f = world.t->faults; f->label; f++)
        try_fault(f);
}

/* ---- at random: launched and destroyed by processes that are killed, under faults */

enum { LIVE = 5 };

/* In a process of its own; true when it was left to its end and succeeded. */
static bool apart(const struct wanted *w, bool launches, unsigned *seed)
{
    int status;
    bool dies = rand_r(seed) % 3 > 0;
    pid_t pid = fork();
    if (pid == 0) {
        struct job j;
        struct sq_machine m;
        struct sq_err err;
        job_open(&j);
        _exit((launches ? launch(&j, w, &m, &err)
                        : destroy(&j, w->token, NULL, &err)) != 0);
    }
    assert_true(pid > 0);
    if (dies) {
        usleep((useconds_t)rand_r(seed) % 150000);
        kill(pid, SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct slot {
    struct wanted *w;
    bool up; /* its last launch came to its end, and nobody destroyed it since */
};

static void set_some_fault(const struct fault *f, unsigned *seed)
{
    for (int n = rand_r(seed) % 100; f && f->label && n > 0; n--)
        f++;
    if (f && f->label)
        world.t->set_fault(f->how);
}

/* One thing is done to one of a few machines: mostly what it lacks, or it goes. */
static void cycle(struct slot *s, unsigned *seed)
{
    bool launches = !s->w || (rand_r(seed) % 5 ? !s->up : s->up);
    if (!s->w)
        s->w = want();
    set_some_fault(world.t->faults, seed);
    bool done = apart(s->w, launches, seed);
    if (world.t->set_fault)
        world.t->set_fault(NULL);
    int there = count(s->w->token);
    if (there > 1 || (done && there != launches))
        fail_msg("%d machines of %s after a %s", there, s->w->token,
                 launches ? "launch" : "destroy");
    s->up = launches ? s->up || done : false;
    if (done && !launches)
        s->w = NULL;
}

static void test_random(void **state)
{
    (void)state;
    struct slot live[LIVE] = {{NULL, false}};
    int cycles = !getenv("SCITQ_TEST_LONG") ? 20
                 : world.t->cycles          ? world.t->cycles
                                            : 1000;
    unsigned seed = (unsigned)getpid();
    print_message("# seed %u, %d cycles\n", seed, cycles);
    while (cycles-- > 0)
        cycle(&live[(size_t)rand_r(&seed) % LIVE], &seed);
    for (size_t i = 0; i < LIVE; i++)
        if (live[i].w)
            clean(live[i].w->token);
    assert_int_equal(count(NULL), 0);
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

static void test_catalog(void **state)
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

static void test_nothing_left(void **state)
{
    (void)state;
    struct job j;
    job_open(&j);
    assert_int_equal(list(&j)->n, 0);
    assert_int_equal(count(NULL), 0);
    job_close(&j);
}

/* ---- before and after */

static bool begin(const struct target *t)
{
    struct sq_err err = {0};
    world.t = t;
    snprintf(world.folder, sizeof world.folder, "/tmp/scitq-provider-XXXXXX");
    assert_non_null(mkdtemp(world.folder));
    chmod(world.folder, 0711);
    snprintf(world.own, sizeof world.own, "%s/own", world.folder);
    snprintf(world.record, sizeof world.record, "%s/record", world.folder);
    for (size_t i = 0; t->settings && t->settings[i]; i++)
        putenv((char *)t->settings[i]);
    if (t->start && !t->start(world.folder))
        return false;
    OK(err, sq_plugins_load_providers(NULL, &world.plugins, &err));
    OK(err, sq_plugins_provider(world.plugins, t->as ? t->as : t->plugin, &world.plugin,
                                &err));
    world.ops = world.plugin->provider;
    return true;
}

/* What was said stays, for whoever looks into a failure. */
static void end(int failed)
{
    if (world.t->stop)
        world.t->stop();
    mock_stop();
    sq_plugins_free(world.plugins);
    if (failed && access(world.record, F_OK) == 0)
        print_message("# what was said: %s\n", world.record);
    else
        sq_dir_remove(world.folder, NULL);
}

int provider_main(const struct target *target)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalog),    cmocka_unit_test(test_one),
        cmocka_unit_test(test_again),      cmocka_unit_test(test_destroy_again),
        cmocka_unit_test(test_neighbours), cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_canceled),   cmocka_unit_test(test_canceled_half_way),
        cmocka_unit_test(test_killed),     cmocka_unit_test(test_killed_and_left),
        cmocka_unit_test(test_broken),     cmocka_unit_test(test_vanished),
        cmocka_unit_test(test_together),   cmocka_unit_test(test_faults),
        cmocka_unit_test(test_random),     cmocka_unit_test(test_nothing_left),
    };
    if (!begin(target))
        return 0;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    end(failed);
    return failed;
}
