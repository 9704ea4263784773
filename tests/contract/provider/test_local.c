/* The local provider against this machine's own process table. */
#include "tests/contract/provider/provider.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char own[120];

static bool start(const char *folder)
{
    static char worker[500];
    const char *top = getenv("top_builddir");
    snprintf(own, sizeof own, "%.100s/own", folder);
    snprintf(worker, sizeof worker, "%s/scitq-worker", top ? top : ".");
    setenv("LOCAL_WORKER", worker, 1);
    return true;
}

/* Whose machine a process is: the folder's name, "" for nobody's. */
static void machine_of(const char *pid, char *ret, size_t size)
{
    char path[300], wanted[200];
    static char text[1 << 18];
    int len = snprintf(wanted, sizeof wanted, "SCITQ_LOCAL_MACHINE=%s/", own);
    snprintf(path, sizeof path, "/proc/%.200s/environ", pid);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    *ret = 0;
    text[n > 0 ? n : 0] = 0;
    for (char *p = text; p < text + n; p += strlen(p) + 1)
        if (strncmp(p, wanted, (size_t)len) == 0)
            snprintf(ret, size, "%s", p + len);
}

/* ---- a worker holds its machine's lock, as does for a moment what it forks to become
 * another program: that has the same open file, another worker one of its own */

struct held {
    pid_t pid;
    int fd;
};

/* The descriptor with which a process holds the lock of its machine; -1: it does not.
 */
static int find_lock(const char *pid, const char *machine)
{
    char path[300], lock[400], link[400];
    int found = -1, len = snprintf(lock, sizeof lock, "%s/%s/lock", own, machine);
    snprintf(path, sizeof path, "/proc/%.200s/fd", pid);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && found < 0 && (e = readdir(dir));) {
        ssize_t n = readlinkat(dirfd(dir), e->d_name, link, sizeof link - 1);
        link[n > 0 ? n : 0] = 0;
        if (strncmp(link, lock, (size_t)len) == 0)
            found = atoi(e->d_name);
    }
    if (dir)
        closedir(dir);
    return found;
}

static bool is_same(const struct held *a, const struct held *b)
{
    long rc = syscall(SYS_kcmp, a->pid, b->pid, KCMP_FILE, a->fd, b->fd);
    if (rc < 0 && errno != ESRCH && errno != EBADF) /* gone, or closed, meanwhile */
        fail_msg("this kernel does not compare open files: %s", strerror(errno));
    return rc <= 0;
}

/* Call `on` for each process of the machine (token NULL: of any of the owner); how many
 * workers there are, or 1 for processes without any. */
static int each(const char *owner, const char *token, void (*on)(pid_t pid))
{
    enum { WORKERS_MAX = 100 };
    struct held workers[WORKERS_MAX];
    char mine[200], whose[200];
    int n = 0, n_workers = 0;
    DIR *dir = opendir("/proc");
    assert_non_null(dir);
    int len = snprintf(mine, sizeof mine, "%s-%s", owner, token ? token : "");
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[strspn(e->d_name, "0123456789")])
            continue;
        machine_of(e->d_name, whose, sizeof whose);
        if (!*whose ||
            (token ? strcmp(whose, mine) : strncmp(whose, mine, (size_t)len)))
            continue;
        n++;
        struct held held = {(pid_t)atoi(e->d_name), find_lock(e->d_name, whose)};
        bool known = held.fd < 0;
        for (int i = 0; i < n_workers && !known; i++)
            known = is_same(&workers[i], &held);
        assert_true(n_workers < WORKERS_MAX);
        if (!known)
            workers[n_workers++] = held;
        if (on)
            on(held.pid);
    }
    closedir(dir);
    return n_workers ? n_workers : n > 0;
}

/* Workers, or folders without any. */
static int count(const char *owner, const char *token)
{
    char mine[200];
    int n = each(owner, token, NULL);
    int len = snprintf(mine, sizeof mine, "%s-%s", owner, token ? token : "");
    int folders = 0;
    DIR *dir = opendir(own);
    for (struct dirent *e; dir && (e = readdir(dir));)
        folders += token ? strcmp(e->d_name, mine) == 0
                         : strncmp(e->d_name, mine, (size_t)len) == 0;
    if (dir)
        closedir(dir);
    return n > folders ? n : folders;
}

static void kill_it(pid_t pid)
{
    kill(pid, SIGKILL);
}

/* Kill who holds the machine's lock; how many there were.  What is just becoming
 * another program has no environment to be known by, and holds the lock until it has
 * become it. */
static int kill_holders(const char *owner, const char *token)
{
    char mine[200];
    int n = 0;
    DIR *dir = opendir("/proc");
    assert_non_null(dir);
    snprintf(mine, sizeof mine, "%s-%s", owner, token);
    for (struct dirent *e; (e = readdir(dir));) {
        pid_t pid = (pid_t)atoi(e->d_name);
        if (e->d_name[strspn(e->d_name, "0123456789")] || pid == getpid() ||
            find_lock(e->d_name, mine) < 0)
            continue;
        kill_it(pid);
        n++;
    }
    closedir(dir);
    return n;
}

static void break_it(const char *owner, const char *token)
{
    int n;
    /* In this order: what has become the other program since has an environment. */
    do {
        n = kill_holders(owner, token);
        n += each(owner, token, kill_it);
        if (n)
            usleep(1000);
    } while (n);
}

static const char *const settings[] = {
    "LOCAL_FLAVORS=small:1:2:10:0.1:0 big:4:8:100:0.4:7:GN", "LOCAL_REGIONS=here there",
    "LOCAL_QUOTA=16", NULL};

static const struct target target = {
    .plugin = "local",
    .settings = settings,
    .flavor = "small",
    .region = "here",
    .other_region = "there",
    .server = "http://127.0.0.1:1", /* where nobody is: it goes on trying */
    .start = start,
    .count = count,
    .break_it = break_it,
};

int main(void)
{
    return provider_main(&target);
}
