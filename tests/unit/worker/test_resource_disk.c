/* What a resource's record says is believed only whole: any bit of it that changed, any
 * byte that is missing, and there is no such resource (it is fetched again). */
#include "tests/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "tests/unit/lib/scratch.h"
#include "worker/resource_disk.h"

enum { BYTES = 1 << 12 };

/* Reads r1/about; *ret_size is how many entries it has bytes of. */
static int read_it(int cache, size_t *ret_size)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    struct sq_resource_about about;
    sq_buf_init(&text, SQ_RESOURCE_ABOUT_MAX);
    int rc = sq_resource_read(cache, "r1", &text, &about, NULL);
    if (rc)
        return rc;
    assert_string_equal(about.uri, "http://h/x");
    assert_string_equal(about.source, "4 1");
    *ret_size = (size_t)(about.end - about.entries);
    return 0;
}

static void test_damage(void **state)
{
    struct scratch *s = *state;
    struct sq_err err;
    char whole[BYTES], spoiled[BYTES];
    const char *path = scratch_path(s, "r1/about");
    size_t size = 0;
    OK(err, sq_mkdirs(scratch_path(s, "r1/data"), 0755, &err));
    write_file(scratch_path(s, "r1/data/x"), "1234", 4);
    SQ_CLEANUP(sq_closep) int cache = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    OK(err, sq_resource_seal(cache, "r1", "http://h/x", "4 1", &err));
    OK(err, read_it(cache, &size));
    assert_true(size > strlen("F 4 1 x"));
    SQ_CLEANUP(sq_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, whole, sizeof whole);
    assert_in_range(n, 1, sizeof whole - 1);
    for (ssize_t i = 0; i < n; i++) {
        memcpy(spoiled, whole, (size_t)n);
        spoiled[i] ^= 1;
        write_file(path, spoiled, (size_t)n);
        if (read_it(cache, &size) != SQ_ENOENT)
            fail_msg("byte %zd changed, and it is believed", i);
        write_file(path, whole, (size_t)i);
        if (read_it(cache, &size) != SQ_ENOENT)
            fail_msg("%zd bytes of %zd, and they are believed", i, n);
    }
    write_file(path, whole, (size_t)n);
    OK(err, read_it(cache, &size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_damage, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
