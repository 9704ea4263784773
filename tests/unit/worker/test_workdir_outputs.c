/* What is in the output folder of a working directory, listed. */
#include "tests/unit/worker/workdir_world.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_outputs(void **state)
{
    struct sq_workdirs w;
    struct sq_buf out SQ_CLEANUP(sq_buf_fini);
    open_with(&w, "node", "/state");
    struct sq_workdir *d = take(&w);
    sq_buf_init(&out, 1000);
    sq_watcher_look(&watcher);
    assert_int_equal(d->touched, 0);
    assert_true(sq_workdir_outputs(d, &out));
    assert_int_equal(out.len, 0);
    put(d, "output/z");
    put(d, "output/a b");
    put(d, "output/100%");
    put(d, "output/n\nl");
    put(d, "output/\xff\xfe");
    put(d, "output/é");
    assert_int_equal(mkdir(in(d, "output/d"), 0700), 0);
    assert_int_equal(mkdir(in(d, "output/d/e"), 0700), 0);
    put(d, "output/d/e/f");
    assert_int_equal(mkdir(in(d, "output/empty"), 0700), 0);
    assert_int_equal(symlink("z", in(d, "output/link")), 0);
    mess_pipe(d);
    sq_watcher_look(&watcher);
    assert_true(sq_workdir_outputs(d, &out));
    assert_string_equal(out.data, "100%25 a%20b d/e/f n%0Al z é %FF%FE");
    sq_workdir_release(&w, d, false);
    settle(&w);
    sq_workdirs_close(&w);
}

static void test_too_many_outputs(void **state)
{
    struct sq_workdirs w;
    struct sq_buf out SQ_CLEANUP(sq_buf_fini);
    open_with(&w, "node", "/state");
    struct sq_workdir *d = take(&w);
    put(d, "output/first");
    put(d, "output/second");
    sq_buf_init(&out, 10);
    sq_watcher_look(&watcher);
    assert_false(sq_workdir_outputs(d, &out));
    assert_true(sq_buf_ok(&out));
    assert_string_equal(out.data, "first");
    sq_workdir_release(&w, d, false);
    sq_workdirs_close(&w);
}

/* What is not listed is looked at all the same. */
static void test_too_many_pipes(void **state)
{
    enum { MANY = 100000 };
    struct sq_workdirs w;
    struct sq_buf out SQ_CLEANUP(sq_buf_fini);
    char name[32];
    open_with(&w, "node", "/state");
    struct sq_workdir *d = take(&w);
    sq_buf_init(&out, 1000);
    put(d, "output/first");
    for (int i = 1; i <= MANY; i++) {
        snprintf(name, sizeof name, "output/p%d", i);
        assert_int_equal(mkfifo(in(d, name), 0600), 0);
        if (i < MANY - 1)
            continue;
        sq_watcher_look(&watcher);
        sq_buf_clear(&out);
        assert_int_equal(sq_workdir_outputs(d, &out), i < MANY);
    }
    sq_workdir_release(&w, d, false);
    settle(&w);
    sq_workdirs_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(test_outputs),
        ONE(test_too_many_outputs),
        ONE(test_too_many_pipes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
