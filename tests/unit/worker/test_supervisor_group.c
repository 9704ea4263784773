/* Who else uses the tree of control groups: supervisors in other pid namespaces, dead
 * ones, managers that remove what is empty. */
#include "tests/unit/worker/supervisor_world.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/file.h"
#include "tests/lacking.h"
#include "worker/supervisor/group.h"

/* The supervisor's folder of groups, "" when it has none. */
static const char *base_of(struct world *w)
{
    static char base[600];
    snprintf(base, sizeof base, "%s", world_out(w, "state/supervisor.groups", NULL));
    base[strcspn(base, "\n")] = 0;
    return base;
}

static void each_group(const char *base, void (*f)(const char *path, int *n), int *n)
{
    char path[1200];
    struct dirent *e;
    DIR *d = opendir(base);
    assert_non_null(d);
    while ((e = readdir(d)))
        if (e->d_name[0] >= '0' && e->d_name[0] <= '9') {
            snprintf(path, sizeof path, "%s/%s", base, e->d_name);
            f(path, n);
        }
    closedir(d);
}

static void count_one(const char *path, int *n)
{
    ++*n;
}

static void remove_one(const char *path, int *n)
{
    *n += rmdir(path) == 0;
}

static int count_groups(const char *base)
{
    int n = 0;
    each_group(base, count_one, &n);
    return n;
}

static int remove_groups(const char *base)
{
    int n = 0;
    each_group(base, remove_one, &n);
    return n;
}

/* Run a command; was it in a group below `base`? */
static bool runs_in(struct world *w, int64_t id, const char *base)
{
    world_sh(w, id, "cat /proc/self/cgroup");
    assert_int_equal(world_end(w, id), 0);
    return strstr(world_out(w, "out", NULL), strrchr(base, '/')) != NULL;
}

static void test_a_group_that_was_removed_is_made_anew(void **state)
{
    struct world *w = *state;
    char base[600];
    snprintf(base, sizeof base, "%s", base_of(w));
    if (!base[0])
        lacking_root("control group to write to");
    assert_true(runs_in(w, 1, base));
    assert_int_equal(remove_groups(base), 1);
    assert_true(runs_in(w, 2, base));
    assert_int_equal(remove_groups(base), 1);
    assert_int_equal(rmdir(base), 0);
    world_sh(w, 3, "cat /proc/self/cgroup");
    assert_int_equal(world_end(w, 3), 0);
    assert_non_null(strstr(world_out(w, "out", NULL), "/scitq-"));
    assert_int_equal(count_groups(base_of(w)), 1); /* it is told where they are now */
    assert_string_equal(world_out(w, "state/supervisor.log", NULL), "");
}

/* A supervisor starts and ends in a process that sees none of ours. */
static void elsewhere(int dir_fd)
{
    struct sq_groups gs;
    pid_t pid = unshare(CLONE_NEWPID) == 0 ? fork() : -1;
    if (pid == 0) {
        sq_groups_open(&gs, dir_fd, "groups");
        sq_groups_close(&gs);
        _exit(0);
    }
    int status = -1;
    if (pid > 0)
        waitpid(pid, &status, 0);
    _exit(status == 0 ? 0 : 77);
}

static void test_another_pid_namespace_leaves_ours(void **state)
{
    struct world *w = *state;
    char base[600];
    int status, dir_fd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(base, sizeof base, "%s", base_of(w));
    if (!base[0])
        lacking_root("control group to write to");
    assert_true(runs_in(w, 1, base));
    pid_t pid = fork();
    if (pid == 0)
        elsewhere(dir_fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(dir_fd);
    if (WEXITSTATUS(status) == 77)
        lacking("the right to unshare");
    assert_int_equal(count_groups(base), 1);
}

/* Made below the group we are in, as one would that was killed. */
static bool leave_behind(const struct sq_groups *gs, int pid, char path[600])
{
    char slot[700];
    snprintf(path, 600, "%.*s/scitq-%d-99", (int)(strrchr(gs->base, '/') - gs->base),
             gs->base, pid);
    snprintf(slot, sizeof slot, "%s/0", path);
    return mkdir(path, 0755) == 0 && mkdir(slot, 0755) == 0;
}

static void test_what_nobody_locked_is_removed(void **state)
{
    struct world *w = *state;
    struct sq_groups ours, other;
    char path[600];
    int dir_fd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    sq_groups_open(&ours, dir_fd, "groups");
    if (!ours.base[0])
        lacking_root("control group to write to");
    struct sq_group *g = sq_groups_take(&ours);
    assert_non_null(g);
    sq_groups_give(&ours, g);
    assert_true(leave_behind(&ours, INT_MAX, path)); /* no process has that number */
    sq_groups_open(&other, dir_fd, "other");
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(count_groups(ours.base), 1);
    sq_groups_close(&other);
    /* A name that somebody uses again is not swept as what we left. */
    snprintf(path, sizeof path, "%s/left", w->dir);
    write_file(path, ours.base, strlen(ours.base));
    sq_groups_sweep(dir_fd, "left");
    assert_int_equal(count_groups(ours.base), 1);
    sq_groups_close(&ours);
    close(dir_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_a_group_that_was_removed_is_made_anew),
        WORLD_TEST(test_another_pid_namespace_leaves_ours),
        WORLD_TEST(test_what_nobody_locked_is_removed),
    };
    return world_run_with_groups(tests, SQ_LEN(tests));
}
