/* The watch beside the worker: what follows from each way in which it may end.  In its
 * place a script, which is told by a file what to do each time it is started. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "worker/eviction.h"

struct world {
    struct sq_loop loop;
    struct sq_eviction e;
    struct sq_timer limit;
    char dir[64];
    int evicted;
};

static void stop(void *arg)
{
    sq_loop_stop(&((struct world *)arg)->loop);
}

static void on_evicted(void *arg)
{
    struct world *w = arg;
    w->evicted++;
    sq_loop_stop(&w->loop);
}

static void write_file(struct world *w, const char *name, const char *text)
{
    char path[100];
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0700), 0);
}

static int count_lines(struct world *w, const char *name)
{
    char path[100];
    int n = 0;
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    FILE *f = fopen(path, "r");
    for (int c; f && (c = getc(f)) != EOF;)
        n += c == '\n';
    if (f)
        fclose(f);
    return n;
}

static int open_world(void **state)
{
    struct sq_err err;
    struct world *w = calloc(1, sizeof *w);
    *state = w;
    strcpy(w->dir, "/tmp/scitq-eviction-XXXXXX");
    if (!mkdtemp(w->dir) || sq_loop_init(&w->loop, &err) != 0)
        return -1;
    char path[100];
    snprintf(path, sizeof path, "%s/watch", w->dir);
    setenv("SCITQ_WATCH", path, 1);
    /* The n-th start takes the n-th word; "wait" is to be ended by others. */
    write_file(w, "watch",
               "#!/bin/sh\n"
               "cd \"$(dirname \"$0\")\" || exit 9\n"
               "echo \"$*\" >>starts\n"
               "set -- $(cat todo)\n"
               "shift $(($(wc -l <starts) - 1))\n"
               "echo \"i told $1\" >&2\n"
               "[ \"$1\" = wait ] && exec sleep 1000\n"
               "exit \"$1\"\n");
    sq_eviction_init(&w->e, &w->loop, "/the/settings", on_evicted, w);
    w->limit = (struct sq_timer){.fn = stop, .arg = w};
    return 0;
}

static int close_world(void **state)
{
    struct world *w = *state;
    sq_eviction_fini(&w->e);
    sq_loop_fini(&w->loop);
    int rc = sq_dir_remove(w->dir, NULL);
    free(w);
    return rc;
}

static void run(struct world *w, int64_t limit_us)
{
    struct sq_err err;
    w->loop.stopped = false;
    if (limit_us)
        sq_timer_set(&w->loop, &w->limit, limit_us);
    OK(err, sq_loop_run(&w->loop, &err));
}

/* Trouble passes; what it saw is told once, and it is not asked again. */
static void test_it_is_seen(void **state)
{
    struct world *w = *state;
    char expected[100], path[100], text[100] = "";
    write_file(w, "todo", "1 0");
    sq_eviction_watch(&w->e, "cloud");
    run(w, 0);
    assert_int_equal(w->evicted, 1);
    assert_int_equal(count_lines(w, "starts"), 2);
    snprintf(expected, sizeof expected, "cloud %d /the/settings\n", getpid());
    snprintf(path, sizeof path, "%s/starts", w->dir);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    assert_string_equal(text, expected);
    sq_eviction_watch(&w->e, "other");
    sq_eviction_watch(&w->e, NULL);
    assert_null(w->e.child);
}

static void test_where_nothing_can_be_seen(void **state)
{
    struct world *w = *state;
    write_file(w, "todo", "3 0");
    sq_eviction_watch(&w->e, "cloud");
    while (w->e.child)
        run(w, 50000);
    assert_true(w->e.blind);
    assert_int_equal(w->e.retry.due, 0);
    sq_eviction_watch(&w->e, "cloud");
    assert_null(w->e.child);
    /* With another it may be. */
    sq_eviction_watch(&w->e, "other");
    run(w, 0);
    assert_int_equal(w->evicted, 1);
}

static void test_the_server_changes_its_mind(void **state)
{
    struct world *w = *state;
    write_file(w, "todo", "wait wait");
    sq_eviction_watch(&w->e, NULL);
    assert_null(w->e.child);
    sq_eviction_watch(&w->e, "cloud");
    struct sq_child *first = w->e.child;
    assert_non_null(first);
    sq_eviction_watch(&w->e, "cloud");
    assert_ptr_equal(w->e.child, first);
    while (count_lines(w, "starts") < 1)
        run(w, 10000);
    sq_eviction_watch(&w->e, NULL);
    assert_null(w->e.child);
    assert_int_equal(w->evicted, 0);
}

static void test_no_program(void **state)
{
    struct world *w = *state;
    setenv("SCITQ_WATCH", "/no/such/program", 1);
    sq_eviction_watch(&w->e, "cloud");
    assert_null(w->e.child);
    assert_true(w->e.retry.due > 0);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)
    const struct CMUnitTest tests[] = {
        ONE(test_it_is_seen), ONE(test_where_nothing_can_be_seen),
        ONE(test_the_server_changes_its_mind), ONE(test_no_program)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
