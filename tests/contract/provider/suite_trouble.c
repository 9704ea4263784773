/* What happens to machines, and faults of the other side. */
#include "tests/contract/provider/suite.h"

#include <string.h>

/* ---- what happens to machines */

static struct wanted *job_with_machine(struct job *j, struct sq_machine *m)
{
    struct sq_err err;
    struct wanted *w = want();
    job_open(j);
    OK(err, launch(j, w, m, &err));
    return w;
}

void test_broken(void **state)
{
    (void)state;
    struct job j;
    struct sq_err err;
    struct sq_machine m;
    struct wanted *w = job_with_machine(&j, &m);
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

void test_vanished(void **state)
{
    (void)state;
    struct job j;
    struct sq_err err;
    struct sq_machine m;
    struct wanted *w = job_with_machine(&j, &m);
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

void test_faults(void **state)
{
    (void)state;
    for (const struct fault *f = world.t->faults; f->label; f++)
        try_fault(f);
}
