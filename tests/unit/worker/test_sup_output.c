/* A command's pipe and the file behind it, alone: which file it is, what is copied, and
 * that a pipe is out of epoll before it is closed. */
#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
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

static void says(const struct sq_output *o, const char *text)
{
    assert_int_equal(write(o->write_fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void holds(const char *path, const char *text)
{
    struct sq_buf got;
    struct sq_err err;
    sq_buf_init(&got, 4096);
    OK(err, sq_file_read(path, &got, &err));
    sq_buf_add(&got, "", 0); /* a 0 even after nothing */
    assert_string_equal(got.data, text);
    sq_buf_fini(&got);
}

/* The command moves the file's folder away and puts a link there to a folder with a
 * file of that name. */
static void test_what_stands_in_its_place_later_gets_nothing(void **state)
{
    struct world *w = *state;
    char victim[48], file[64], moved[48], moved_file[64];
    snprintf(victim, sizeof victim, "%s.victim", w->dir);
    snprintf(file, sizeof file, "%s/out", victim);
    snprintf(moved, sizeof moved, "%s.moved", w->dir);
    snprintf(moved_file, sizeof moved_file, "%s/out", moved);
    assert_int_equal(mkdir(victim, 0700), 0);
    write_file(file, "safe", 4);
    write_file(w->path, "", 0);
    struct sq_output *o = opened(w);
    assert_int_equal(rename(w->dir, moved), 0);
    assert_int_equal(symlink(victim, w->dir), 0);
    says(o, "mine");
    assert_int_equal(sq_output_close(&w->outputs, o), 0);
    holds(file, "safe");
    holds(moved_file, "mine");
    assert_int_equal(unlink(w->dir), 0);
    assert_int_equal(rename(moved, w->dir), 0);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(victim), 0);
}

static void test_what_an_earlier_command_wrote_is_emptied_at_once(void **state)
{
    struct world *w = *state;
    write_file(w->path, "earlier", 7);
    struct sq_output *o = opened(w);
    holds(w->path, "");
    says(o, "x");
    assert_int_equal(sq_output_close(&w->outputs, o), 0);
    holds(w->path, "x");
}

static void test_a_file_that_is_absent_is_made_at_once(void **state)
{
    struct world *w = *state;
    struct sq_output *o = opened(w);
    holds(w->path, "");
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
        ONE(test_what_stands_in_its_place_later_gets_nothing),
        ONE(test_what_an_earlier_command_wrote_is_emptied_at_once),
        ONE(test_a_file_that_is_absent_is_made_at_once),
        ONE(test_a_closed_pipe_is_out_of_epoll_whoever_holds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
