/* Files: whole reads and writes, and trees that do not want to go. */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "tests/unit/lib/scratch.h"

static bool exists(const char *path)
{
    return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void test_read(void **state)
{
    struct sq_err err;
    const char *path = scratch_write(*state, "f", "two\0x", 5);
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    sq_buf_init(&b, 10);
    OK(err, sq_file_read(path, &b, &err));
    assert_int_equal(b.len, 5);
    assert_memory_equal(b.data, "two\0x", 5);
}

static void test_errors_name_the_file(void **state)
{
    struct sq_err err;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    sq_buf_init(&b, 10);
    assert_int_equal(sq_file_read(scratch_path(*state, "no"), &b, &err), SQ_ENOENT);
    assert_non_null(strstr(err.text, "/no: No such file or directory"));
    scratch_write(*state, "big", "12345678901", 11);
    assert_int_equal(sq_file_read(scratch_path(*state, "big"), &b, &err), SQ_ETOOBIG);
    assert_non_null(strstr(err.text, "/big: larger than the limit of 10 bytes"));
}

static void test_exactly_the_limit_fits(void **state)
{
    struct sq_err err;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    sq_buf_init(&b, 10);
    scratch_write(*state, "ten", "1234567890", 10);
    OK(err, sq_file_read(scratch_path(*state, "ten"), &b, &err));
    assert_string_equal(b.data, "1234567890");
    sq_buf_clear(&b);
    OK(err, sq_file_read("/dev/null", &b, &err));
    assert_string_equal(b.data, "");
}

static void test_disk_full_is_named(void **state)
{
    (void)state;
    struct sq_err err;
    SQ_CLEANUP(sq_closep) int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(sq_write_all(fd, "x", 1, &err), SQ_ENOSPC);
}

enum { PIPED_BYTES = 3000000 };

static void *write_much(void *arg)
{
    char *data = calloc(1, PIPED_BYTES);
    struct sq_err err;
    int *fd = arg;
    memset(data, 'w', PIPED_BYTES);
    int rc = sq_write_all(*fd, data, PIPED_BYTES, &err);
    close(*fd);
    free(data);
    return rc ? fd : NULL;
}

/* A pipe takes and gives less at a time than is asked. */
static void test_short_reads_and_writes(void **state)
{
    (void)state;
    int fds[2];
    pthread_t thread;
    void *failed;
    struct sq_err err;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    sq_buf_init(&b, PIPED_BYTES);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&thread, NULL, write_much, &fds[1]), 0);
    OK(err, sq_read_all(fds[0], &b, &err));
    pthread_join(thread, &failed);
    close(fds[0]);
    assert_null(failed);
    assert_int_equal(b.len, PIPED_BYTES);
    assert_int_equal(b.data[PIPED_BYTES - 1], 'w');
}

static void test_mkdirs(void **state)
{
    struct sq_err err;
    const char *deep = scratch_path(*state, "a/b//c/");
    OK(err, sq_mkdirs(deep, 0755, &err));
    OK(err, sq_mkdirs(deep, 0755, &err));
    assert_true(exists(deep));
    scratch_write(*state, "file", "", 0);
    assert_int_equal(sq_mkdirs(scratch_path(*state, "file/x"), 0755, &err), SQ_EIO);
    assert_non_null(strstr(err.text, "/file: Not a directory"));
}

static void test_empty_never_follows_links(void **state)
{
    struct sq_err err;
    struct scratch *s = *state;
    OK(err, sq_mkdirs(scratch_path(s, "out/kept"), 0755, &err));
    OK(err, sq_mkdirs(scratch_path(s, "tree/sub"), 0755, &err));
    assert_int_equal(symlink("../out", scratch_path(s, "tree/link")), 0);
    assert_int_equal(symlink("nowhere", scratch_path(s, "tree/sub/dead")), 0);
    assert_int_equal(mkfifo(scratch_path(s, "tree/sub/pipe"), 0600), 0);
    scratch_write(s, "tree/f", "x", 1);
    OK(err, sq_dir_empty(scratch_path(s, "tree"), &err));
    assert_true(exists(scratch_path(s, "tree")));
    assert_false(exists(scratch_path(s, "tree/sub")));
    assert_false(exists(scratch_path(s, "tree/link")));
    assert_true(exists(scratch_path(s, "out/kept")));
    OK(err, sq_dir_empty(scratch_path(s, "absent"), &err));
    OK(err, sq_dir_remove(scratch_path(s, "absent"), &err));
    OK(err, sq_dir_remove(scratch_path(s, "tree"), &err));
    assert_false(exists(scratch_path(s, "tree")));
}

static void test_a_link_is_not_emptied_through(void **state)
{
    struct sq_err err;
    struct scratch *s = *state;
    OK(err, sq_mkdirs(scratch_path(s, "real/kept"), 0755, &err));
    assert_int_equal(symlink("real", scratch_path(s, "link")), 0);
    assert_int_not_equal(sq_dir_empty(scratch_path(s, "link"), &err), 0);
    assert_true(exists(scratch_path(s, "real/kept")));
}

static void test_names_in_an_open_directory(void **state)
{
    struct sq_err err;
    struct scratch *s = *state;
    OK(err, sq_mkdirs(scratch_path(s, "dir/real/kept"), 0755, &err));
    assert_int_equal(symlink("real", scratch_path(s, "dir/link")), 0);
    SQ_CLEANUP(sq_closep) int dir = open(scratch_path(s, "dir"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(sq_open_dir_at(dir, "link"), -1);
    assert_int_not_equal(sq_dir_empty_at(dir, "link", &err), 0);
    OK(err, sq_dir_remove_at(dir, "link", &err)); /* the link itself */
    assert_false(exists(scratch_path(s, "dir/link")));
    assert_true(exists(scratch_path(s, "dir/real/kept")));
    OK(err, sq_dir_empty_at(dir, "real", &err));
    assert_false(exists(scratch_path(s, "dir/real/kept")));
    OK(err, sq_dir_remove_at(dir, "real", &err));
    OK(err, sq_dir_remove_at(dir, "real", &err));
    assert_false(exists(scratch_path(s, "dir/real")));
}

/* Deeper than descriptors would go, deeper than a path can name. */
static void test_very_deep_tree(void **state)
{
    enum { DEPTH = 3000 };
    struct sq_err err;
    struct scratch *s = *state;
    OK(err, sq_mkdirs(scratch_path(s, "tree"), 0755, &err));
    int dir = open(scratch_path(s, "tree"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < DEPTH; i++) {
        assert_int_equal(mkdirat(dir, "ddddd", 0755), 0);
        int next = openat(dir, "ddddd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        close(dir);
        dir = next;
    }
    close(dir);
    OK(err, sq_dir_remove(scratch_path(s, "tree"), &err));
    assert_false(exists(scratch_path(s, "tree")));
}

static void test_many_entries_and_no_rights(void **state)
{
    struct sq_err err;
    struct scratch *s = *state;
    char name[40];
    OK(err, sq_mkdirs(scratch_path(s, "tree/closed"), 0755, &err));
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "tree/closed/file-%d", i);
        int fd = open(scratch_path(s, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0);
        assert_true(fd >= 0);
        close(fd);
    }
    assert_int_equal(chmod(scratch_path(s, "tree/closed"), 0), 0);
    OK(err, sq_dir_remove(scratch_path(s, "tree"), &err));
    assert_false(exists(scratch_path(s, "tree")));
}

static void test_errno_codes(void **state)
{
    (void)state;
    assert_int_equal(sq_errno_code(ENOENT), SQ_ENOENT);
    assert_int_equal(sq_errno_code(EEXIST), SQ_EEXIST);
    assert_int_equal(sq_errno_code(ENOSPC), SQ_ENOSPC);
    assert_int_equal(sq_errno_code(EDQUOT), SQ_ENOSPC);
    assert_int_equal(sq_errno_code(ENOMEM), SQ_ENOMEM);
    assert_int_equal(sq_errno_code(EPERM), SQ_EIO);
}

#define SCRATCH(test)                                                                  \
    cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH(test_read),
        SCRATCH(test_errors_name_the_file),
        SCRATCH(test_exactly_the_limit_fits),
        cmocka_unit_test(test_disk_full_is_named),
        cmocka_unit_test(test_short_reads_and_writes),
        SCRATCH(test_mkdirs),
        SCRATCH(test_empty_never_follows_links),
        SCRATCH(test_a_link_is_not_emptied_through),
        SCRATCH(test_names_in_an_open_directory),
        SCRATCH(test_very_deep_tree),
        SCRATCH(test_many_entries_and_no_rights),
        cmocka_unit_test(test_errno_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
