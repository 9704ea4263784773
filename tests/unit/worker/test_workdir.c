/* Working directories: made once, found again, kept after a failure. */
#include "tests/unit/worker/workdir_world.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/file.h"

static void test_made_once_and_recycled(void **state)
{
    struct sq_workdirs w;
    umask(077);
    open_with(&w, "node", "/state");
    struct sq_workdir *a = take(&w), *b = take(&w);
    assert_pristine(a);
    assert_string_not_equal(a->path, b->path);
    assert_non_null(strstr(a->path, "/node-0"));
    assert_int_equal(watcher.dirs.len, 2 * SQ_WATCHES);
    put(a, "output/file");
    put(a, "beside");
    sq_workdir_release(&w, a, false);
    assert_ptr_equal(take(&w), a);
    assert_pristine(a);
    assert_int_equal(watcher.dirs.len, 2 * SQ_WATCHES);
    sq_workdir_release(&w, a, false);
    sq_workdir_release(&w, b, false);
    sq_workdirs_close(&w);
}

static size_t count_directories(void)
{
    size_t n = 0;
    struct dirent *e;
    DIR *all = opendir(base);
    assert_non_null(all);
    while ((e = readdir(all)))
        n += e->d_name[0] != '.';
    closedir(all);
    return n;
}

static void test_a_stock(void **state)
{
    struct sq_workdirs w;
    struct sq_workdir *taken[3];
    open_with(&w, "node", "/state");
    assert_true(sq_workdirs_stock(&w, 2));
    assert_int_equal(count_directories(), 1);
    assert_false(sq_workdirs_stock(&w, 2));
    assert_false(sq_workdirs_stock(&w, 2));
    assert_int_equal(count_directories(), 2);
    assert_false(sq_workdirs_stock(&w, 3));
    assert_int_equal(count_directories(), 3);
    for (size_t i = 0; i < SQ_LEN(taken); i++) {
        taken[i] = take(&w);
        assert_pristine(taken[i]);
        assert_int_equal(access(in(taken[i], ".stdout"), F_OK), 0);
    }
    assert_int_equal(count_directories(), 3);
    for (size_t i = 0; i < SQ_LEN(taken); i++)
        sq_workdir_release(&w, taken[i], false);
    sq_workdirs_close(&w);
}

static void test_found_again(void **state)
{
    struct sq_workdirs w;
    open_with(&w, "node", "/state");
    struct sq_workdir *held = take(&w), *started = take(&w), *kept = take(&w);
    struct sq_workdir *used = take(&w);
    save(held, SQ_DIR_HELD, 11, "sh -c 'a\nb'");
    save(started, SQ_DIR_STARTED, 12, "");
    save(kept, SQ_DIR_STARTED, 13, "false");
    sq_workdir_release(&w, kept, true);
    sq_workdir_release(&w, used, false);
    TAILQ_INSERT_TAIL(&w.found, held, link);
    TAILQ_INSERT_TAIL(&w.found, started, link);
    sq_workdirs_close(&w);

    open_with(&w, "node", "/state");
    assert_int_equal(count(&w.found), 2);
    assert_int_equal(count(&w.kept), 1);
    assert_int_equal(count(&w.free), 1);
    struct sq_workdir *d;
    TAILQ_FOREACH(d, &w.found, link)
    {
        bool first = d->header.execution_id == 11;
        assert_int_equal(d->header.execution_id, first ? 11 : 12);
        assert_int_equal(d->header.task_id, first ? 12 : 13);
        assert_int_equal(d->header.stage, first ? SQ_DIR_HELD : SQ_DIR_STARTED);
        assert_string_equal(d->header.instance, "12.34");
        assert_string_equal(d->command, first ? "sh -c 'a\nb'" : "");
    }
    sq_workdirs_close(&w);
}

static void test_others_are_left_alone(void **state)
{
    struct sq_workdirs w;
    open_with(&w, "node", "/state");
    struct sq_workdir *d = take(&w);
    save(d, SQ_DIR_HELD, 11, "true");
    TAILQ_INSERT_TAIL(&w.found, d, link);
    sq_workdirs_close(&w);
    open_with(&w, "node", "/another/state"); /* same name, another installation */
    assert_int_equal(count(&w.found) + count(&w.free) + count(&w.kept), 0);
    d = take(&w);
    assert_non_null(strstr(d->path, "/node-1"));
    sq_workdir_release(&w, d, false);
    sq_workdirs_close(&w);
    open_with(&w, "nod", "/state");
    assert_int_equal(count(&w.found) + count(&w.free) + count(&w.kept), 0);
    sq_workdirs_close(&w);
}

static void test_a_damaged_record_is_not_taken_up(void **state)
{
    struct sq_workdirs w;
    open_with(&w, "node", "/state");
    struct sq_workdir *d = take(&w);
    save(d, SQ_DIR_HELD, 11, "true");
    assert_int_equal(pwrite(d->file, "9", 1, 20), 1);
    TAILQ_INSERT_TAIL(&w.found, d, link);
    sq_workdirs_close(&w);
    open_with(&w, "node", "/state");
    assert_int_equal(count(&w.found) + count(&w.free), 0);
    d = take(&w);
    assert_non_null(strstr(d->path, "/node-1"));
    sq_workdir_release(&w, d, false);
    sq_workdirs_close(&w);
}

static void test_kept_until_the_disk_is_full(void **state)
{
    struct sq_workdirs w;
    open_with(&w, "node", "/state");
    struct sq_workdir *a = take(&w), *b = take(&w);
    mess_tree(a);
    char first[300];
    strcpy(first, a->path);
    sq_workdir_release(&w, a, true);
    sq_workdir_release(&w, b, true);
    sq_workdirs_autoclean(&w); /* the disk is never over 100% */
    settle(&w);
    assert_int_equal(count(&w.kept), 2);
    assert_int_equal(access(first, F_OK), 0);
    w.autoclean = 0; /* always over: all go, one after the other, oldest first */
    sq_workdirs_autoclean(&w);
    assert_int_equal(count(&w.kept), 1);
    settle(&w);
    assert_int_equal(count(&w.kept), 0);
    assert_int_equal(access(first, F_OK), -1);
    sq_workdirs_close(&w);
}

static void test_clean_on_request(void **state)
{
    struct sq_workdirs w;
    open_with(&w, "node", "/state");
    struct sq_workdir *a = take(&w), *b = take(&w), *c = take(&w);
    sq_workdir_release(&w, a, true);
    sq_workdir_release(&w, b, true);
    sq_workdirs_clean(&w);
    settle(&w);
    assert_int_equal(count(&w.kept), 0);
    assert_int_equal(access(c->path, F_OK), 0);
    sq_workdir_release(&w, c, false);
    sq_workdirs_close(&w);
}

static void test_no_base(void **state)
{
    struct sq_workdirs w;
    struct sq_err err;
    char none[100];
    snprintf(none, sizeof none, "%s/file", base);
    write_file(none, "x", 1);
    const struct sq_workdirs_conf conf = {.base = none,
                                          .worker = "w",
                                          .state_dir = "/s",
                                          .autoclean = 90,
                                          .watcher = &watcher};
    assert_true(sq_workdirs_open(&w, &conf, &loop, &err) < 0);
    assert_non_null(strstr(err.text, none));
    sq_workdirs_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(test_made_once_and_recycled),
        ONE(test_a_stock),
        ONE(test_found_again),
        ONE(test_others_are_left_alone),
        ONE(test_a_damaged_record_is_not_taken_up),
        ONE(test_kept_until_the_disk_is_full),
        ONE(test_clean_on_request),
        ONE(test_no_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
