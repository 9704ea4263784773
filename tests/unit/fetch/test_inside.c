/* Names that stay inside a folder, whatever they say and whatever stands there. */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/fetch/inside.h"
#include "lib/file.h"
#include "tests/unit/lib/scratch.h"

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int code;
        bool root;
    } rows[] = {
        {"a", 0, false},
        {"a/b c/\n", 0, false},
        {"./a//b/", 0, false},
        {"...", 0, false},
        {"a/..b/c..", 0, false},
        {".", 0, true},
        {"./", 0, true},
        {"././/.", 0, true},
        {"", SQ_EINVAL, false},
        {"/", SQ_EINVAL, false},
        {"/a", SQ_EINVAL, false},
        {"..", SQ_EINVAL, false},
        {"a/..", SQ_EINVAL, false},
        {"a/../b", SQ_EINVAL, false},
        {"../a", SQ_EINVAL, false},
        {"a/./..", SQ_EINVAL, false},
    };
    struct sq_err err;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        assert_int_equal(sq_inside_check(rows[i].name, &err), rows[i].code);
        assert_int_equal(sq_inside_is_root(rows[i].name), rows[i].root);
    }
    char name[1000];
    memset(name, 'x', sizeof name);
    name[256] = 0;
    assert_int_equal(sq_inside_check(name, &err), SQ_EINVAL);
    name[255] = 0;
    OK(err, sq_inside_check(name, &err));
    for (size_t i = 1; i < sizeof name; i += 2)
        name[i] = '/';
    name[999] = 0;
    assert_int_equal(sq_inside_check(name, &err), SQ_EINVAL);
}

static int open_root(struct scratch *s, const char *name)
{
    const char *path = scratch_path(s, name);
    mkdir(path, 0755);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static bool is_file(int root, const char *name)
{
    struct stat st;
    return fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

static void put(int root, const char *name)
{
    struct sq_err err = {0};
    int fd = sq_inside_file(root, name, &err);
    if (fd < 0)
        fail_msg("%s: %s", name, err.text);
    assert_int_equal(write(fd, name, strlen(name)), strlen(name));
    close(fd);
}

static void test_files(void **state)
{
    struct scratch *s = *state;
    struct sq_err err = {0};
    int root = open_root(s, "root"), out = open_root(s, "out");
    put(root, "a/b/./c");
    put(root, "a//b/c"); /* again: replaced */
    assert_true(is_file(root, "a/b/c"));
    OK(err, sq_inside_dir(root, "a/b", &err));
    OK(err, sq_inside_dir(root, "./", &err));
    assert_int_equal(sq_inside_file(root, "a/b", &err), -1);
    assert_int_equal(err.code, SQ_EEXIST);
    assert_int_equal(sq_inside_file(root, "a/b/c/d", &err), -1);
    assert_int_equal(err.code, SQ_EINVAL);
    assert_int_equal(sq_inside_file(root, ".", &err), -1);
    assert_int_equal(err.code, SQ_EINVAL);
    /* A link that stands there is replaced at the end and refused on the way. */
    assert_int_equal(symlinkat("../out", root, "l"), 0);
    assert_int_equal(symlinkat("../out/f", root, "f"), 0);
    assert_int_equal(sq_inside_file(root, "l/x", &err), -1);
    assert_int_equal(err.code, SQ_EINVAL);
    assert_int_equal(sq_inside_dir(root, "l", &err), SQ_EINVAL);
    put(root, "f");
    assert_true(is_file(root, "f"));
    assert_false(is_file(out, "f"));
    assert_false(is_file(out, "x"));
    close(root);
    close(out);
}

static void test_links(void **state)
{
    struct scratch *s = *state;
    static const struct {
        const char *name, *target;
        int code;
    } rows[] = {
        {"l1", "a", 0},
        {"l2", "a/../a", 0},
        {"d/l3", "../a", 0},
        {"d/e/l4", "../../a", 0},
        {"./d//l5", "./../a", 0},
        {"l6", ".", 0},
        {"l7", "not/there", 0},
        {"x1", "..", SQ_EINVAL},
        {"x2", "../root", SQ_EINVAL},
        {"x3", "/tmp", SQ_EINVAL},
        {"d/x4", "../../a", SQ_EINVAL},
        {"x5", "a/../../root/a", SQ_EINVAL},
        {"x6", "", SQ_EINVAL},
    };
    struct sq_err err = {0};
    int root = open_root(s, "root");
    for (size_t i = 0; i < SQ_LEN(rows); i++)
        assert_int_equal(sq_inside_symlink(root, rows[i].name, rows[i].target, &err),
                         rows[i].code);
    OK(err, sq_inside_check_links(root, &err));
    put(root, "a");
    OK(err, sq_inside_hardlink(root, "d/h", "a", &err));
    OK(err, sq_inside_hardlink(root, "a", "a", &err));
    assert_true(is_file(root, "d/h"));
    assert_true(is_file(root, "a"));
    static const char *const bad[] = {"l1", "d", "no", "../a", "/etc/hostname", "l6/a"};
    for (size_t i = 0; i < SQ_LEN(bad); i++)
        assert_int_equal(sq_inside_hardlink(root, "h2", bad[i], &err), SQ_EINVAL);
    assert_false(is_file(root, "h2"));
    /* Two links whose words stay inside, and which together lead out. */
    OK(err, sq_inside_symlink(root, "d/up", "..", &err));
    OK(err, sq_inside_check_links(root, &err));
    OK(err, sq_inside_symlink(root, "out", "d/up/..", &err));
    assert_int_equal(sq_inside_check_links(root, &err), SQ_EINVAL);
    assert_non_null(strstr(err.text, "out is a link that leads outside"));
    close(root);
}

static void test_move(void **state)
{
    struct scratch *s = *state;
    struct sq_err err = {0};
    int from = open_root(s, "from"), to = open_root(s, "to");
    put(from, "a");
    put(from, "new/x");
    put(from, "both/sub/x");
    put(from, "both/y");
    put(to, "both/sub/old");
    put(to, "both/y");
    OK(err, sq_inside_move(from, to, false, &err));
    static const char *const there[] = {"a", "new/x", "both/sub/x", "both/sub/old",
                                        "both/y"};
    for (size_t i = 0; i < SQ_LEN(there); i++)
        assert_true(is_file(to, there[i]));
    assert_int_equal(faccessat(from, "both", F_OK, 0), -1);
    put(from, "a/file");
    assert_int_equal(sq_inside_move(from, to, false, &err), SQ_EEXIST);
    assert_true(is_file(to, "a"));
    OK(err, sq_dir_empty(scratch_path(s, "from"), &err));
    /* A link on the other side is no folder to merge with. */
    assert_int_equal(symlinkat("both", to, "l"), 0);
    put(from, "l/file");
    assert_int_equal(sq_inside_move(from, to, false, &err), SQ_EEXIST);
    assert_false(is_file(to, "both/file"));
    close(from);
    close(to);
}

/* Terabytes of nothing, from an archive of 10 kB: compared by where there is data. */
static void test_move_sparse(void **state)
{
    struct scratch *s = *state;
    struct sq_err err = {0};
    enum { GIB = 1 << 30 };
    const off_t size = (off_t)4096 * GIB;
    int from = open_root(s, "from"), to = open_root(s, "to");
    for (int differ = 0; differ < 2; differ++) {
        const int dirs[] = {from, to};
        for (int i = 0; i < 2; i++) {
            put(dirs[i], "big");
            SQ_CLEANUP(sq_closep) int fd = openat(dirs[i], "big", O_WRONLY | O_CLOEXEC);
            if (ftruncate(fd, size) != 0)
                skip();
            assert_int_equal(pwrite(fd, differ && i ? "y" : "x", 1, size - 1), 1);
        }
        assert_int_equal(sq_inside_move(from, to, true, &err), differ ? SQ_EEXIST : 0);
    }
    close(from);
    close(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_files, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_links, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_move, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_move_sparse, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
