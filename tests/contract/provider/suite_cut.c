/* Cut short: calls canceled, and the process of a launch killed, as a server's would
 * be; at the end at random, under faults. */
#include "tests/contract/provider/suite.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/long.h"

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
void test_canceled(void **state)
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
void test_canceled_half_way(void **state)
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

void test_killed(void **state)
{
    (void)state;
    int kills = world.t->kills ? world.t->kills : 20;
    if (!test_is_long() && kills > 8)
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
void test_killed_and_left(void **state)
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
    if (dies && world.t->settle)
        world.t->settle();
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct slot {
    struct wanted *w;
    bool up;       /* its last launch came to its end, and nobody destroyed it since */
    bool troubled; /* there was a fault since a call last came to its end */
};

static bool set_some_fault(const struct fault *f, unsigned *seed)
{
    for (int n = rand_r(seed) % 100; f && f->label && n > 0; n--)
        f++;
    if (!f || !f->label)
        return false;
    world.t->set_fault(f->how);
    return true;
}

/* One thing is done to one of a few machines: mostly what it lacks, or it goes. */
static void cycle(struct slot *s, unsigned *seed)
{
    bool launches = !s->w || (rand_r(seed) % 5 ? !s->up : s->up);
    if (!s->w)
        s->w = want();
    s->troubled = set_some_fault(world.t->faults, seed) || s->troubled;
    bool done = apart(s->w, launches, seed);
    if (world.t->set_fault)
        world.t->set_fault(NULL);
    int there = count(s->w->token);
    bool may_be_more = world.t->makes_twins && s->troubled && !done;
    if ((there > 1 && !may_be_more) || (done && there != launches))
        fail_msg("%d machines of %s after a %s%s", there, s->w->token,
                 launches ? "launch" : "destroy", s->troubled ? ", with faults" : "");
    s->troubled = s->troubled && !done;
    s->up = launches ? s->up || done : false;
    if (done && !launches)
        s->w = NULL;
}

void test_random(void **state)
{
    (void)state;
    struct slot live[LIVE] = {{.w = NULL}};
    int cycles = !test_is_long() ? 20 : world.t->cycles ? world.t->cycles : 1000;
    unsigned seed = (unsigned)getpid();
    print_message("# seed %u, %d cycles\n", seed, cycles);
    while (cycles-- > 0)
        cycle(&live[(size_t)rand_r(&seed) % LIVE], &seed);
    for (size_t i = 0; i < LIVE; i++)
        if (live[i].w)
            clean(live[i].w->token);
    assert_int_equal(count(NULL), 0);
}
