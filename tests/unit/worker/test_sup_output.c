/* A command's pipe and the file behind it, alone: when the file is opened, what is
 * copied, and that a pipe is out of epoll before it is closed. */
#include "tests/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/file.h"
#include "tests/file.h"
#include "worker/supervisor/output.h"

struct world {
    char dir[32], path[48];
    int epoll_fd;
    struct sq_outputs outputs;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->dir, "/tmp/scitq-output-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->path, sizeof w->path, "%s/out", w->dir);
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    assert_true(w->epoll_fd >= 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    struct sq_err err;
    sq_outputs_free(&w->outputs);
    close(w->epoll_fd);
    OK(err, sq_dir_remove(w->dir, &err));
    free(w);
    return 0;
}

static struct sq_output *opened(struct world *w)
{
    struct sq_output *o;
    struct sq_err err;
    OK(err, sq_output_open(&w->outputs, w->epoll_fd, w->path, &o, &err));
    return o;
}

/* How many descriptors of ours are of the output's file. */
static int descriptors_of(const char *path)
{
    char link[40], target[PATH_MAX];
    struct dirent *e;
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while ((e = readdir(d))) {
        snprintf(link, sizeof link, "/proc/self/fd/%.20s", e->d_name);
        ssize_t len = readlink(link, target, sizeof target - 1);
        target[len > 0 ? len : 0] = 0;
        n += strcmp(target, path) == 0;
    }
    closedir(d);
    return n;
}

static void says(const struct sq_output *o, const char *text)
{
    assert_int_equal(write(o->write_fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void holds(const struct world *w, const char *text)
{
    struct sq_buf got;
    struct sq_err err;
    sq_buf_init(&got, 4096);
    OK(err, sq_file_read(w->path, &got, &err));
    sq_buf_add(&got, "", 0); /* a 0 even after nothing */
    assert_string_equal(got.data, text);
    sq_buf_fini(&got);
}

static void test_an_empty_file_is_opened_at_the_first_byte(void **state)
{
    struct world *w = *state;
    write_file(w->path, "", 0);
    struct sq_output *o = opened(w);
    assert_int_equal(descriptors_of(w->path), 0);
    sq_output_copy(o);
    assert_int_equal(descriptors_of(w->path), 0);
    says(o, "one ");
    sq_output_copy(o);
    assert_int_equal(descriptors_of(w->path), 1);
    says(o, "two");
    assert_int_equal(sq_output_close(&w->outputs, o), 0);
    assert_int_equal(descriptors_of(w->path), 0);
    holds(w, "one two");
}

static void test_a_silent_command_opens_no_file(void **state)
{
    struct world *w = *state;
    write_file(w->path, "", 0);
    struct sq_output *o = opened(w);
    assert_int_equal(unlink(w->path), 0);
    assert_int_equal(sq_output_close(&w->outputs, o), 0);
    assert_int_equal(access(w->path, F_OK), -1); /* nobody made it again */
}

static void test_what_an_earlier_command_wrote_is_emptied_at_once(void **state)
{
    struct world *w = *state;
    write_file(w->path, "earlier", 7);
    struct sq_output *o = opened(w);
    holds(w, "");
    says(o, "x");
    assert_int_equal(sq_output_close(&w->outputs, o), 0);
    holds(w, "x");
}

static void test_a_file_that_is_absent_is_made_at_once(void **state)
{
    struct world *w = *state;
    struct sq_output *o = opened(w);
    holds(w, "");
    assert_int_equal(sq_output_close(&w->outputs, o), 0);
}

/* A command that is just starting has copies of our descriptors until its exec: a pipe
 * that was only closed would go on waking us. */
static void test_a_closed_pipe_is_out_of_epoll_whoever_holds_it(void **state)
{
    struct world *w = *state;
    struct epoll_event event;
    struct sq_output *o = opened(w);
    int read_copy = fcntl(o->read_fd, F_DUPFD_CLOEXEC, 0);
    int write_copy = fcntl(o->write_fd, F_DUPFD_CLOEXEC, 0);
    assert_true(read_copy >= 0 && write_copy >= 0);
    says(o, "x");
    assert_int_equal(epoll_wait(w->epoll_fd, &event, 1, 0), 1);
    assert_ptr_equal(event.data.ptr, o);
    assert_int_equal(sq_output_close(&w->outputs, o), 0);
    assert_int_equal(write(write_copy, "late", 4), 4);
    assert_int_equal(epoll_wait(w->epoll_fd, &event, 1, 0), 0);
    close(write_copy);
    assert_int_equal(epoll_wait(w->epoll_fd, &event, 1, 0), 0);
    close(read_copy);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ONE(test_an_empty_file_is_opened_at_the_first_byte),
        ONE(test_a_silent_command_opens_no_file),
        ONE(test_what_an_earlier_command_wrote_is_emptied_at_once),
        ONE(test_a_file_that_is_absent_is_made_at_once),
        ONE(test_a_closed_pipe_is_out_of_epoll_whoever_holds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
