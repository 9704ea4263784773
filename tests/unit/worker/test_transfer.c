/* A transfer's child that does, and does not do, what was agreed; cancellation. */
#include "tests/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/transfer.h"

static struct sq_loop loop;
static struct sq_transfers all;
static char program[] = "/tmp/scitq-test-fetch-XXXXXX";
static char got[400], end[400];
static bool cancel_at_progress;
static struct sq_transfer *running;

static int begin(void **state)
{
    struct sq_err err;
    int fd = mkstemp(program);
    assert_true(fd >= 0);
    close(fd);
    setenv("SCITQ_FETCH", program, 1);
    OK(err, sq_loop_init(&loop, &err));
    OK(err, sq_transfers_init(&all, &loop, NULL, &err));
    return 0;
}

static int finish(void **state)
{
    sq_transfers_fini(&all);
    sq_loop_fini(&loop);
    unlink(program);
    return 0;
}

static void on_event(void *arg, const struct sq_transfer_event *e)
{
    static const char *const kinds[] = {"progress", "done", "failed"};
    size_t at = strlen(got);
    snprintf(got + at, sizeof got - at, "%d %s [%s] ", (int)e->id, kinds[e->kind],
             e->kind == SQ_TRANSFER_FAILED ? e->message : e->source);
    if (cancel_at_progress)
        sq_transfer_cancel(running);
}

static void on_end(void *arg, const char *why)
{
    snprintf(end, sizeof end, "%s", why ? why : "well");
    sq_loop_stop(&loop);
}

static void run(const char *script)
{
    struct sq_err err;
    struct sq_buf list;
    const struct sq_transfer_item item = {.op = "info", .uri = "file:///a\"b"};
    FILE *f = fopen(program, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\n%s\n", script);
    fclose(f);
    assert_int_equal(chmod(program, 0700), 0);
    got[0] = end[0] = 0;
    loop.stopped = false;
    sq_transfer_list(&list, &item, 1);
    OK(err, sq_transfer_start(&all,
                              &(struct sq_transfer_request){.way = SQ_TRANSFER_IN,
                                                            .list = &list,
                                                            .event = on_event,
                                                            .end = on_end},
                              &running, &err));
    OK(err, sq_loop_run(&loop, &err));
}

static void test_what_it_says(void **state)
{
    static const struct {
        const char *script, *got, *end;
    } rows[] = {
        {"cat >/dev/null; printf "
         "'{\"id\":1,\"event\":\"progress\",\"bytes\":1}\\n{\"id\":1,"
         "\"event\":\"done\",\"source_size\":3,\"source_date\":\"d\"}\\n'",
         "1 progress [] 1 done [3 d -] ", "well"},
        {"cat >/dev/null; printf "
         "'{\"id\":1,\"event\":\"done\",\"listing\":\"0cc1\"}\\n'",
         "1 done [folder 0cc1] ", "well"},
        {"[ \"$(cat)\" = '{\"jobs\":[{\"id\":1,\"op\":\"info\","
         "\"uri\":\"file:///a\\\"b\"}]}' ] && "
         "echo '{\"id\":1,\"event\":\"failed\",\"message\":\"no\"}'",
         "1 failed [no] ", "well"},
        {"echo oops >&2; exit 3", "", "scitq-fetch ended with 3: oops"},
        {"kill -9 $$", "", "scitq-fetch was killed by signal 9"},
        {"echo garbage; exec sleep 1000", "", "what scitq-fetch said: "},
        {"echo '{\"id\":1,\"event\":\"new\"}'; exec sleep 1000", "",
         "what scitq-fetch said: an unknown event, \"new\""},
        {"sleep 1000 & exit 0", "", "well"}, /* what it left does not hold us */
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        run(rows[i].script);
        assert_string_equal(got, rows[i].got);
        assert_memory_equal(end, rows[i].end, strlen(rows[i].end));
    }
}

static void test_cancellation(void **state)
{
    cancel_at_progress = true;
    /* One that listens, and one that does not. */
    run("echo '{\"id\":1,\"event\":\"progress\"}'; exec sleep 1000");
    assert_string_equal(end, "well");
    run("trap '' TERM; echo '{\"id\":1,\"event\":\"progress\"}'; "
        "while :; do sleep 1000; done");
    assert_string_equal(end, "well");
    assert_int_equal(all.running[SQ_TRANSFER_IN], 0);
    cancel_at_progress = false;
}

static int left;

static void on_one_end(void *arg, const char *why)
{
    assert_null(why);
    if (--left == 0)
        sq_loop_stop(&loop);
}

/* Four at once a way; the fifth begins when one of them ends, and one that waits can be
 * canceled. */
static void test_limit(void **state)
{
    enum { MANY = 7 };
    struct sq_err err;
    struct sq_transfer *v[MANY + 1];
    const struct sq_transfer_item item = {.op = "info", .uri = "file:///a"};
    FILE *f = fopen(program, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\nexec sleep 1000\n");
    fclose(f);
    for (int i = 0; i <= MANY; i++) {
        struct sq_buf list;
        sq_transfer_list(&list, &item, 1);
        OK(err,
           sq_transfer_start(&all,
                             &(struct sq_transfer_request){
                                 .way = i < MANY ? SQ_TRANSFER_IN : SQ_TRANSFER_OUT,
                                 .list = &list,
                                 .event = on_event,
                                 .end = on_one_end},
                             &v[i], &err));
    }
    assert_int_equal(all.running[SQ_TRANSFER_IN], 4);
    assert_int_equal(all.running[SQ_TRANSFER_OUT], 1);
    static const int first[] = {0, MANY - 1, MANY}; /* one that runs, one that waits */
    loop.stopped = false;
    left = SQ_LEN(first);
    for (size_t i = 0; i < SQ_LEN(first); i++)
        sq_transfer_cancel(v[first[i]]);
    OK(err, sq_loop_run(&loop, &err));
    assert_int_equal(all.running[SQ_TRANSFER_IN], 4);
    assert_int_equal(all.running[SQ_TRANSFER_OUT], 0);
    loop.stopped = false;
    left = MANY - 2;
    for (int i = 1; i < MANY - 1; i++)
        sq_transfer_cancel(v[i]);
    OK(err, sq_loop_run(&loop, &err));
    assert_int_equal(all.running[SQ_TRANSFER_IN], 0);
}

static void test_absent_program(void **state)
{
    free(all.program);
    all.program = strdup("/nowhere/scitq-fetch");
    run("true");
    assert_string_equal(end, "scitq-fetch ended with 127: cannot run "
                             "/nowhere/scitq-fetch: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_says),
        cmocka_unit_test(test_cancellation),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_absent_program),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, begin, finish);
}
