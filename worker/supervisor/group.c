/* Control groups.  Our folder is made below the group we are in, so that limits set on
 * the worker hold for its commands too, and the groups, numbered, inside it.
 *
 * In version 2 a folder with processes cannot give controllers to its children, and
 * giving them would forbid systemd to start the worker there again: the memory
 * controller is only used where it is already given or where we are at the root.
 *
 * Others share the tree: supervisors in containers, whose pids mean nothing here, and
 * managers that remove what looks empty.  A folder belongs to who holds its lock, for
 * life; and a group is looked at again before it is used again. */
#include "worker/supervisor/group.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/clock.h"

enum {
    MEMBERS_MAX = 32768, /* the default pid_max: what is not there is not used */
    ROUNDS = 10,         /* of looking again for what forked meanwhile */
    SWEEP_US = 3000000
};
#define PREFIX "scitq-"

/* A small file's text, whole or its beginning; its length, -1 when unreadable. */
static ssize_t read_small(int dir_fd, const char *name, char *text, size_t size)
{
    SQ_CLEANUP(sq_closep) int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : pread(fd, text, size - 1, 0);
    text[n > 0 ? n : 0] = 0;
    return n;
}

static bool write_small(int dir_fd, const char *name, const char *text)
{
    SQ_CLEANUP(sq_closep) int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* The next numbered folder of an open `base`, or NULL. */
static const char *next_slot(DIR *base)
{
    struct dirent *entry;
    while (base && (entry = readdir(base)))
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
            return entry->d_name;
    return NULL;
}

/* Remove `base` and what is in it, if nothing lives there. */
static bool remove_base(const char *base)
{
    DIR *dir = opendir(base);
    const char *slot;
    while ((slot = next_slot(dir)))
        unlinkat(dirfd(dir), slot, AT_REMOVEDIR);
    if (dir)
        closedir(dir);
    return rmdir(base) == 0 || errno == ENOENT;
}

/* Is the folder still there that was opened? */
static bool is_there(int dir_fd)
{
    return faccessat(dir_fd, "cgroup.procs", F_OK, 0) == 0;
}

/* The folder, ours alone until the descriptor is closed; -1 when it is gone, or a live
 * supervisor's. */
static int own_base(const char *base)
{
    int fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && (flock(fd, LOCK_EX | LOCK_NB) != 0 || !is_there(fd))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Remove what supervisors left that were killed and whose state directory is gone, so
 * that nobody sweeps for them.  Supervisors live on through upgrades: one of a version
 * that locked nothing is known by its number. */
static void tidy(const char *own)
{
    DIR *dir = opendir(own);
    struct dirent *entry;
    char path[2 * SQ_GROUP_PATH];
    int pid;
    while (dir && (entry = readdir(dir))) {
        if (sscanf(entry->d_name, PREFIX "%d-", &pid) != 1 || kill(pid, 0) == 0 ||
            errno != ESRCH)
            continue;
        snprintf(path, sizeof path, "%s/%s", own, entry->d_name);
        SQ_CLEANUP(sq_closep) int fd = own_base(path);
        if (fd >= 0)
            remove_base(path);
    }
    if (dir)
        closedir(dir);
}

/* Make a folder for us below the group we are in and lock it; "" when it cannot be. */
static void make_base(struct sq_groups *gs, const char *controller)
{
    char own[SQ_GROUP_PATH];
    sq_hierarchy_folder(controller, own);
    if (own[0])
        tidy(own);
    for (int i = 0; own[0] && i < 100; i++) {
        if (snprintf(gs->base, SQ_GROUP_PATH, "%s/" PREFIX "%d-%d", own, getpid(), i) >=
            SQ_GROUP_PATH)
            break;
        bool made = mkdir(gs->base, 0755) == 0;
        if (made && (gs->base_fd = own_base(gs->base)) >= 0)
            return;
        /* One of an earlier process of our number, or of one in another pid namespace;
         * made and not ours: somebody tidied before it was locked. */
        if (!made && errno != EEXIST)
            break;
    }
    gs->base[0] = 0;
}

/* Let slots of version 2 count memory, where that disturbs nobody (see above). */
static void want_memory(const char *base)
{
    char own[SQ_GROUP_PATH], given[1024];
    snprintf(own, sizeof own, "%s", base);
    char *slash = strrchr(own, '/');
    *slash = 0;
    SQ_CLEANUP(sq_closep) int own_fd = open(own, O_PATH | O_DIRECTORY | O_CLOEXEC);
    SQ_CLEANUP(sq_closep) int fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
    char path[SQ_GROUP_PATH];
    bool at_root = sq_hierarchy_path(NULL, path) && strcmp(path, "/") == 0;
    read_small(own_fd, "cgroup.subtree_control", given, sizeof given);
    if (sq_hierarchy_has_word(given, "memory", " \n") ||
        (at_root && write_small(own_fd, "cgroup.subtree_control", "+memory")))
        write_small(fd, "cgroup.subtree_control", "+memory");
}

static void open_base(struct sq_groups *gs)
{
    make_base(gs, NULL);
    gs->v1 = !gs->base[0];
    if (!gs->v1)
        want_memory(gs->base);
    else
        make_base(gs, "memory");
    int fd =
        openat(gs->dir_fd, gs->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    dprintf(fd, "%s\n", gs->base);
    close(fd);
}

void sq_groups_open(struct sq_groups *gs, int dir_fd, const char *name)
{
    *gs = (struct sq_groups){.dir_fd = dir_fd, .name = name, .base_fd = -1};
    open_base(gs);
}

static int open_in(const char *base, const char *number, const char *file, int flags)
{
    char path[2 * SQ_GROUP_PATH];
    snprintf(path, sizeof path, "%s/%s/%s", base, number, file);
    return open(path, flags | O_CLOEXEC);
}

static bool make_slot(const char *base, const char *number)
{
    char path[2 * SQ_GROUP_PATH];
    snprintf(path, sizeof path, "%s/%s", base, number);
    return mkdir(path, 0755) == 0 || errno == EEXIST;
}

/* How /proc/PID/cgroup ends the line of a process that is in the group. */
static void name_mark(struct sq_group *g, const char *base, const char *number)
{
    snprintf(g->mark, sizeof g->mark, "%s/%s\n", strrchr(base, '/'), number);
}

static struct sq_group *make_group(struct sq_groups *gs)
{
    char number[16];
    snprintf(number, sizeof number, "%d", gs->made);
    struct sq_group *g = make_slot(gs->base, number) ? malloc(sizeof *g) : NULL;
    if (!g)
        return NULL;
    *g = (struct sq_group){.v1 = gs->v1, .join_fd = -1};
    name_mark(g, gs->base, number);
    g->dir_fd = open_in(gs->base, number, "", O_RDONLY | O_DIRECTORY);
    g->events_fd = open_in(gs->base, number, "cgroup.events", O_RDONLY);
    g->oom_fd = open_in(gs->base, number,
                        g->v1 ? "memory.oom_control" : "memory.events", O_RDONLY);
    if (g->v1)
        g->join_fd = open_in(gs->base, number, "tasks", O_WRONLY);
    if (g->dir_fd < 0) {
        sq_group_abandon(g);
        return NULL;
    }
    gs->made++;
    return g;
}

/* Remove the folder in `base` that a mark, "/base/number\n", names. */
static void remove_slot(const char *base, const char *mark)
{
    char path[2 * SQ_GROUP_PATH];
    const char *number = strrchr(mark, '/') + 1;
    snprintf(path, sizeof path, "%s/%.*s", base, (int)strcspn(number, "\n"), number);
    rmdir(path);
}

struct sq_group *sq_groups_take(struct sq_groups *gs)
{
    struct sq_group *g;
    if (!gs->base[0])
        return NULL;
    while ((g = gs->idle)) {
        gs->idle = g->next;
        if (sq_group_is_there(g))
            return g;
        sq_group_abandon(g);
    }
    g = make_group(gs);
    if (g || is_there(gs->base_fd))
        return g;
    sq_closep(&gs->base_fd); /* nothing lives in it: it was removed under us */
    gs->base_fd = -1;
    open_base(gs);
    return gs->base[0] ? make_group(gs) : NULL;
}

/* Linux 6.14 and later kills at birth whatever is cloned into a group on which
 * cgroup.kill was ever used, when it was not used as often on the parent's group: it
 * compares the wrong counters (cgroup_css_set_fork).  Such a group is not used again.
 */
void sq_groups_give(struct sq_groups *gs, struct sq_group *g)
{
    if (!g->spent) {
        g->next = gs->idle;
        gs->idle = g;
        return;
    }
    remove_slot(gs->base, g->mark);
    sq_group_abandon(g);
}

void sq_group_abandon(struct sq_group *g)
{
    sq_closep(&g->dir_fd);
    sq_closep(&g->events_fd);
    sq_closep(&g->join_fd);
    sq_closep(&g->oom_fd);
    free(g);
}

void sq_groups_close(struct sq_groups *gs)
{
    while (gs->idle) {
        struct sq_group *g = gs->idle;
        gs->idle = g->next;
        sq_group_abandon(g);
    }
    if (gs->name && (!gs->base[0] || remove_base(gs->base)))
        unlinkat(gs->dir_fd, gs->name, 0);
    gs->base[0] = 0;
    if (gs->name)
        sq_closep(&gs->base_fd);
}

static int by_number(const void *a, const void *b)
{
    pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;
    return (x > y) - (x < y);
}

/* Its processes, at most `max`, sorted; their number. */
static int members(const struct sq_group *g, pid_t *pids, int max)
{
    int n = 0, pid;
    int fd = openat(g->dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
    if (!f) {
        sq_closep(&fd);
        return 0;
    }
    while (n < max && fscanf(f, "%d", &pid) == 1)
        if (pid > 0) /* 0 is a process of another pid namespace */
            pids[n++] = pid;
    fclose(f);
    qsort(pids, (size_t)n, sizeof *pids, by_number);
    return n;
}

bool sq_group_is_there(const struct sq_group *g)
{
    return is_there(g->dir_fd);
}

bool sq_group_populated(const struct sq_group *g)
{
    char text[256];
    pid_t one;
    if (g->events_fd < 0)
        return members(g, &one, 1) > 0;
    ssize_t n = pread(g->events_fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    return strstr(text, "populated 1");
}

bool sq_group_holds(const struct sq_group *g, pid_t pid)
{
    char name[32], where[4096];
    snprintf(name, sizeof name, "/proc/%d/cgroup", pid);
    return read_small(AT_FDCWD, name, where, sizeof where) > 0 &&
           strstr(where, g->mark);
}

/* Signal `pid` if it is in the group.  The number was read a moment ago and may be
 * another process's by now: the pidfd pins one, then the kernel says where it is. */
static bool signal_member(const struct sq_group *g, pid_t pid, int signal)
{
    SQ_CLEANUP(sq_closep) int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0 || !sq_group_holds(g, pid))
        return false;
    return syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) == 0;
}

void sq_group_signal(const struct sq_group *g, int signal)
{
    static pid_t before[MEMBERS_MAX], now[MEMBERS_MAX];
    int n_before = 0, sent = 1;
    for (int round = 0; sent && round < ROUNDS; round++) {
        int n = members(g, now, MEMBERS_MAX);
        sent = 0;
        for (int i = 0; i < n; i++)
            if (!bsearch(&now[i], before, (size_t)n_before, sizeof *now, by_number))
                sent += signal_member(g, now[i], signal);
        memcpy(before, now, (size_t)n * sizeof *now);
        n_before = n;
    }
}

void sq_group_kill(struct sq_group *g)
{
    if (!g->v1 && write_small(g->dir_fd, "cgroup.kill", "1"))
        g->spent = true;
    else /* before Linux 5.14 */
        sq_group_signal(g, SIGKILL);
}

int64_t sq_group_oom_kills(struct sq_group *g)
{
    char text[512];
    int64_t count;
    ssize_t n = g->oom_fd < 0 ? -1 : pread(g->oom_fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return -1;
    text[n] = 0;
    const char *at = strstr(text, "oom_kill ");
    if (!at || sscanf(at, "oom_kill %" SCNd64, &count) != 1)
        return -1;
    int64_t delta = count - g->oom_seen;
    g->oom_seen = count;
    return delta;
}

static void kill_slot(const char *base, const char *number)
{
    struct sq_group g = {.v1 = false};
    name_mark(&g, base, number);
    g.dir_fd = open_in(base, number, "", O_RDONLY | O_DIRECTORY);
    if (g.dir_fd >= 0)
        sq_group_kill(&g);
    sq_closep(&g.dir_fd);
}

/* Kill what is in the groups of `base` until they can be removed. */
static void sweep_base(const char *base)
{
    int64_t until = sq_monotonic() + SWEEP_US;
    while (!remove_base(base) && sq_monotonic() < until) {
        DIR *dir = opendir(base);
        const char *slot;
        while ((slot = next_slot(dir)))
            kill_slot(base, slot);
        if (dir)
            closedir(dir);
        poll(NULL, 0, 5); /* there is no event for "can be removed" */
    }
}

void sq_groups_sweep(int dir_fd, const char *name)
{
    char text[SQ_GROUP_PATH + 2];
    if (read_small(dir_fd, name, text, sizeof text) <= 0)
        return;
    text[strcspn(text, "\n")] = 0;
    const char *last = strrchr(text, '/');
    bool sound = last && strncmp(last, "/" PREFIX, strlen("/" PREFIX)) == 0;
    /* Ours was removed, and the name used again, when it is locked. */
    SQ_CLEANUP(sq_closep) int fd = sound ? own_base(text) : -1;
    if (fd >= 0)
        sweep_base(text);
    unlinkat(dir_fd, name, 0);
}
