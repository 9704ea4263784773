/* Starting in a control group that vanishes between the look at it and the clone: run.c
 * and what it stands on, with somebody who removes groups at the worst moment. */
#include "tests/test.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/file.h"
#include "tests/lacking.h"
#include "worker/supervisor/run.h"
#include "worker/supervisor/spawn.h"

/* The linker wraps this (see Makefile.inc). */
int __real_sq_start_command(const struct sq_start *req, pid_t *ret, struct sq_err *err);
int __wrap_sq_start_command(const struct sq_start *req, pid_t *ret, struct sq_err *err);

static int starts, vanishing; /* vanishing: at so many starts */
static bool with_base;        /* and the folder of all groups */

static void remove_group(int fd)
{
    char link[40], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    assert_true(n > 0);
    path[n] = 0;
    if (strcmp(strrchr(path, '/'), "/tasks") == 0) /* of version 1 */
        *strrchr(path, '/') = 0;
    assert_int_equal(rmdir(path), 0);
    *strrchr(path, '/') = 0;
    if (with_base)
        assert_int_equal(rmdir(path), 0);
}

int __wrap_sq_start_command(const struct sq_start *req, pid_t *ret, struct sq_err *err)
{
    int fd = req->group_fd >= 0 ? req->group_fd : req->join_fd;
    starts++;
    if (fd >= 0 && vanishing-- > 0)
        remove_group(fd);
    return __real_sq_start_command(req, ret, err);
}

struct world {
    char dir[40], out[60];
    char base[SQ_GROUP_PATH]; /* of the groups, while there are any */
    struct sq_supervisor s;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct sq_err err;
    strcpy(w->dir, "/tmp/scitq-start-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->out, sizeof w->out, "%s/out", w->dir);
    snprintf(w->s.state_dir, sizeof w->s.state_dir, "%s", w->dir);
    w->s.client_fd = -1;
    w->s.dir_fd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    w->s.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &w->s.files), 0);
    OK(err, sq_journal_open(&w->s.journal, w->s.dir_fd, "journal", sq_run_restore,
                            &w->s, &err));
    sq_groups_open(&w->s.groups, w->s.dir_fd, "groups");
    starts = 0;
    *state = w;
    return 0;
}

/* What a supervisor that gave up on groups leaves to the next one. */
static void remove_base(const char *base)
{
    char slot[SQ_GROUP_PATH + 4];
    for (int i = 0; i < 10; i++) {
        snprintf(slot, sizeof slot, "%s/%d", base, i);
        rmdir(slot);
    }
    rmdir(base);
}

static int teardown(void **state)
{
    struct world *w = *state;
    struct sq_err err;
    sq_groups_close(&w->s.groups);
    remove_base(w->base);
    sq_outputs_free(&w->s.outputs);
    sq_run_free_all(&w->s);
    sq_journal_close(&w->s.journal);
    close(w->s.epoll_fd);
    close(w->s.dir_fd);
    OK(err, sq_dir_remove(w->dir, &err));
    free(w);
    return 0;
}

static void add(struct sq_buf *b, const char *text)
{
    sq_buf_add(b, text, strlen(text) + 1);
}

/* Run it to its end: what it says of its control groups. */
static void run_command(struct world *w, struct sq_buf *ret)
{
    static const char *const words[] = {"cat", "/proc/self/cgroup"};
    struct sq_frame_spawn head = {.id = 1, .argc = SQ_LEN(words), .envc = 1};
    struct sq_buf data;
    struct sq_err err;
    sq_buf_init(&data, 10000);
    sq_buf_add(&data, &head, sizeof head);
    add(&data, "/");
    add(&data, w->out);
    add(&data, "/dev/null");
    for (size_t i = 0; i < SQ_LEN(words); i++)
        add(&data, words[i]);
    add(&data, "PATH=/usr/bin:/bin");
    const struct sq_frame f = {SQ_FRAME_SPAWN, data.data, data.len};
    sq_run_spawn(&w->s, &f);
    sq_buf_fini(&data);
    assert_non_null(w->s.live);
    siginfo_t ended;
    assert_int_equal(waitid(P_PID, (id_t)w->s.live->pid, &ended, WEXITED | WNOWAIT), 0);
    sq_run_reap(&w->s);
    while (w->s.live)
        sq_run_drain(&w->s);
    sq_buf_init(ret, 10000);
    OK(err, sq_file_read(w->out, ret, &err));
    sq_buf_add(ret, "", 0);
}

static void test_a_group_that_vanishes_is_replaced_once(void **state)
{
    static const struct {
        int vanishing;
        bool with_base;
        int starts;
        bool grouped;
    } rows[] = {
        {0, false, 1, true},
        {1, false, 2, true},
        {1, true, 2, true},
        {2, false, 3, false}, /* somebody does not want us to have any */
    };
    struct world *w = *state;
    if (!w->s.groups.base[0])
        lacking_root("control group to write to");
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_buf said;
        starts = 0;
        vanishing = rows[i].vanishing;
        with_base = rows[i].with_base;
        run_command(w, &said);
        assert_int_equal(starts, rows[i].starts);
        assert_int_equal(strstr(said.data, "/scitq-") != NULL, rows[i].grouped);
        sq_buf_fini(&said);
        sq_run_forget(&w->s, 1);
        if (w->s.groups.base[0])
            strcpy(w->base, w->s.groups.base);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_group_that_vanishes_is_replaced_once,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
