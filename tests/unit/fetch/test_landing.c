/* The last step of a fetched file: it gets its name when it has the size that its
 * source promised, and not otherwise, whatever the plugin said. */
#include "tests/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/fetch/landing.h"
#include "tests/unit/lib/scratch.h"

static void test_size(void **state)
{
    static const struct {
        const char *name;
        int64_t promised;
        int code;
    } rows[] = {
        {"longer", 4, SQ_EIO}, {"shorter", 6, SQ_EIO},     {"nothing", 0, SQ_EIO},
        {"equal", 5, 0},       {"unknown", SQ_UNKNOWN, 0},
    };
    struct scratch *s = *state;
    struct sq_err err;
    struct sq_landing l;
    const char *dest = scratch_path(s, "to");
    OK(err, sq_landing_open(dest, NULL, &l, &err));
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_entry source = {.size_bytes = rows[i].promised,
                                  .date_ns = SQ_UNKNOWN};
        struct stat st;
        SQ_CLEANUP(sq_closep)
        int fd = openat(l.tree, rows[i].name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, "12345", 5), 5);
        assert_int_equal(sq_landing_place(&l, rows[i].name, &source, &err),
                         rows[i].code);
        int there = fstatat(l.dest, rows[i].name, &st, AT_SYMLINK_NOFOLLOW);
        assert_int_equal(there, rows[i].code ? -1 : 0);
    }
    sq_landing_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_size, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
