/* The journal of exits: what was kept comes back, forgotten or damaged lines do not,
 * and the file does not grow with what is forgotten. */
#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "worker/supervisor/journal.h"

enum { IDS = 40000 };

struct room {
    char dir[40];
    int fd;
    struct sq_journal j;
    off_t at[IDS]; /* of what was given by the last open or compact, else 0 */
    int given;
};

#define NAME "journal"

static struct sq_frame_event event_of(int64_t id)
{
    return (struct sq_frame_event){.id = id,
                                   .pid = id + 1000,
                                   .status = id % 256 << 8,
                                   .oom = id % 2,
                                   .start = 1700000000000000 + id,
                                   .end = 1700000000500000 + id,
                                   .cpu_us = id * 3,
                                   .peak_bytes = id * 4096,
                                   .unwritten = id % 7};
}

static void take(void *arg, const struct sq_frame_event *e, off_t at)
{
    struct room *r = arg;
    assert_in_range(e->id, 0, IDS - 1);
    struct sq_frame_event expected = event_of(e->id);
    assert_memory_equal(e, &expected, sizeof expected);
    r->at[e->id] = at + 1;
    r->given++;
}

static void reopen(struct room *r)
{
    struct sq_err err = {0};
    memset(r->at, 0, sizeof r->at);
    r->given = 0;
    OK(err, sq_journal_open(&r->j, r->fd, NAME, take, r, &err));
}

static off_t append(struct room *r, int64_t id)
{
    struct sq_err err = {0};
    struct sq_frame_event e = event_of(id);
    off_t at = -1;
    OK(err, sq_journal_append(&r->j, &e, &at, &err));
    return at;
}

static off_t file_size(struct room *r)
{
    struct stat st;
    assert_int_equal(fstatat(r->fd, NAME, &st, 0), 0);
    return st.st_size;
}

static int setup(void **state)
{
    struct room *r = calloc(1, sizeof *r);
    strcpy(r->dir, "/tmp/scitq-journal-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    r->fd = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(r->fd >= 0);
    reopen(r);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct room *r = *state;
    sq_journal_close(&r->j);
    assert_int_equal(unlinkat(r->fd, NAME, 0), 0);
    close(r->fd);
    assert_int_equal(rmdir(r->dir), 0); /* nothing else was left there */
    free(r);
    return 0;
}

static void test_what_is_kept_comes_back(void **state)
{
    struct room *r = *state;
    off_t at[10];
    for (int i = 0; i < 10; i++)
        at[i] = append(r, i);
    for (int i = 0; i < 10; i += 3)
        sq_journal_forget(&r->j, at[i]);
    sq_journal_close(&r->j);
    reopen(r);
    for (int i = 0; i < 10; i++)
        assert_int_equal(r->at[i] != 0, i % 3 != 0);
    assert_int_equal(r->given, r->j.kept);
}

/* Cut or changed at any byte, the file gives the lines before and nothing wrong. */
static void test_every_cut_and_change_is_noticed(void **state)
{
    struct room *r = *state;
    for (int i = 0; i < 3; i++)
        append(r, i);
    off_t size = file_size(r);
    char *whole = malloc((size_t)size);
    assert_int_equal(pread(r->j.fd, whole, (size_t)size, 0), size);
    sq_journal_close(&r->j);
    for (off_t cut = 0; cut < size; cut++) {
        int fd = openat(r->fd, NAME, O_WRONLY | O_TRUNC | O_CLOEXEC);
        assert_int_equal(write(fd, whole, (size_t)cut), cut);
        close(fd);
        reopen(r); /* take() checks each */
        assert_in_range(r->given, 0, 2);
        append(r, 7); /* where the torn line was */
        sq_journal_close(&r->j);
        reopen(r);
        assert_true(r->at[7]);
        sq_journal_close(&r->j);

        fd = openat(r->fd, NAME, O_WRONLY | O_TRUNC | O_CLOEXEC);
        whole[cut] ^= 4;
        assert_int_equal(write(fd, whole, (size_t)size), size);
        close(fd);
        whole[cut] ^= 4;
        reopen(r);
        assert_in_range(r->given, 1, 2);
        sq_journal_close(&r->j);
    }
    free(whole);
    reopen(r);
}

static void test_all_forgotten_is_emptied(void **state)
{
    struct room *r = *state;
    off_t largest = 0;
    for (int i = 0; i < 20000; i++) {
        sq_journal_forget(&r->j, append(r, i));
        if (file_size(r) > largest)
            largest = file_size(r);
    }
    assert_in_range(largest, 1, 80000);
    sq_journal_close(&r->j);
    reopen(r);
    assert_int_equal(r->given, 0);
    assert_int_equal(file_size(r), 0);
}

static void test_mostly_forgotten_is_rewritten(void **state)
{
    struct room *r = *state;
    struct sq_err err = {0};
    off_t largest = 0;
    for (int i = 0; i < IDS; i++) { /* one in a hundred stays */
        off_t at = append(r, i);
        if (i % 100)
            sq_journal_forget(&r->j, at);
        OK(err, sq_journal_compact(&r->j, r->fd, NAME, take, r, &err));
        if (file_size(r) > largest)
            largest = file_size(r);
    }
    assert_in_range(largest, 1, 1100000);
    assert_int_equal(r->j.kept, IDS / 100);
    sq_journal_close(&r->j);
    reopen(r);
    assert_int_equal(r->given, IDS / 100);
    for (int i = 0; i < IDS; i += 100) /* by its handle after all those moves */
        sq_journal_forget(&r->j, r->at[i] - 1);
    assert_int_equal(r->j.kept, 0);
}

static void test_what_cannot_be_used_is_said(void **state)
{
    struct room *r = *state;
    struct sq_err err = {0};
    struct sq_journal j;
    assert_int_equal(mkdirat(r->fd, "folder", 0700), 0);
    assert_int_equal(sq_journal_open(&j, r->fd, "folder", take, r, &err), SQ_EIO);
    assert_non_null(strstr(err.text, "cannot open folder"));
    assert_int_equal(unlinkat(r->fd, "folder", AT_REMOVEDIR), 0);
}

#define ROOM_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOM_TEST(test_what_is_kept_comes_back),
        ROOM_TEST(test_every_cut_and_change_is_noticed),
        ROOM_TEST(test_all_forgotten_is_emptied),
        ROOM_TEST(test_mostly_forgotten_is_rewritten),
        ROOM_TEST(test_what_cannot_be_used_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
