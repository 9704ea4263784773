/* Folders held open: a link in their place is refused, and messages call them by the
 * name they were opened by. */
#include "tests/test.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/fetch/anchor.h"
#include "tests/unit/lib/scratch.h"

static void test_opened_without_its_links(void **state)
{
    struct scratch *s = *state;
    struct sq_err err = {0};
    struct sq_anchor a;
    const char *folder = scratch_path(s, "folder"), *link = scratch_path(s, "link");
    const char *slash = scratch_path(s, "link/"), *file = scratch_path(s, "file");
    mkdir(folder, 0755);
    assert_int_equal(symlink(folder, link), 0);
    scratch_write(s, "file", "x", 1);
    assert_int_equal(sq_anchor_open(link, &a, &err), SQ_EINVAL);
    assert_int_equal(sq_anchor_open(slash, &a, &err), SQ_EINVAL);
    assert_int_equal(sq_anchor_open(file, &a, &err), SQ_EINVAL);
    assert_int_equal(sq_anchor_open(scratch_path(s, "none"), &a, &err), SQ_ENOENT);
    OK(err, sq_anchor_open(folder, &a, &err));
    /* Whatever its name leads to by then. */
    assert_int_equal(rename(folder, scratch_path(s, "moved")), 0);
    assert_int_equal(symlink("/", folder), 0);
    char path[100];
    snprintf(path, sizeof path, "%s/x", a.path);
    write_file(path, "x", 1);
    assert_int_equal(access(scratch_path(s, "moved/x"), F_OK), 0);
    sq_anchor_close(&a);
    assert_int_equal(a.fd, -1);
}

static void test_shown_by_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *path, *name, *text, *shown;
    } rows[] = {
        {"/proc/7/fd/9", "/data/in", "cannot write /proc/7/fd/9/a: full",
         "cannot write /data/in/a: full"},
        {"/proc/7/fd/9", "/data/in", "/proc/7/fd/9", "/data/in"},
        {"/proc/7/fd/9", "/d", "/proc/7/fd/9/a to /proc/7/fd/9/b", "/d/a to /d/b"},
        {"/proc/7/fd/9", "/data/in", "cannot write /proc/7/fd/8/a",
         "cannot write /proc/7/fd/8/a"},
        {"/proc/7/fd/9", "/proc/7/fd/9/x", "of /proc/7/fd/9", "of /proc/7/fd/9/x"},
        {"/proc/7/fd/9", "/d", "", ""},
        {"", "/d", "what was never open", "what was never open"},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_anchor a = {.fd = -1, .name = rows[i].name};
        struct sq_err err = {.code = SQ_EIO};
        snprintf(a.path, sizeof a.path, "%s", rows[i].path);
        snprintf(err.text, sizeof err.text, "%s", rows[i].text);
        sq_anchor_show(&a, &err);
        assert_string_equal(err.text, rows[i].shown);
        assert_int_equal(err.code, SQ_EIO);
    }
}

/* A message that has no room for the name is cut, and remains one. */
static void test_shown_where_there_is_no_room(void **state)
{
    (void)state;
    char name[400];
    struct sq_anchor a = {.fd = -1, .path = "/proc/7/fd/9", .name = name};
    memset(name, 'n', sizeof name);
    name[0] = '/';
    name[sizeof name - 1] = 0;
    for (size_t before = 0; before < sizeof(struct sq_err); before++) {
        struct sq_err err = {.code = SQ_EIO};
        memset(err.text, 'x', sizeof err.text - 1);
        if (before + strlen(a.path) >= sizeof err.text)
            break;
        memcpy(err.text + before, a.path, strlen(a.path));
        sq_anchor_show(&a, &err);
        assert_null(strstr(err.text, a.path));
        assert_int_equal(strlen(err.text), sizeof err.text - 1);
        assert_int_equal(err.text[before], '/');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_opened_without_its_links, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test(test_shown_by_its_name),
        cmocka_unit_test(test_shown_where_there_is_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
