/* The local provider against this machine's own process table. */
#include "tests/contract/provider/provider.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* A worker, and not what one is about to become another program. */
static bool is_worker(const char *pid)
{
    char path[300], text[4096] = "", parent[20] = "", of_parent[200];
    snprintf(path, sizeof path, "/proc/%.200s/cmdline", pid);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0 || !memmem(text, (size_t)n, "scitq-worker", 12) ||
        memmem(text, (size_t)n, "scitq-supervisor", 16))
        return false;
    snprintf(path, sizeof path, "/proc/%.200s/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    if (fscanf(f, "%*d (%*[^)]) %*c %19s", parent) != 1)
        *parent = 0;
    fclose(f);
    machine_of(parent, of_parent, sizeof of_parent);
    return !*of_parent;
}

/* Call `on` for each process of the machine (token NULL: of any of the owner). */
static int each(const char *owner, const char *token, void (*on)(pid_t pid),
                bool *ret_workers)
{
    char mine[200], whose[200];
    int n = 0, workers = 0;
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
        workers += is_worker(e->d_name);
        if (on)
            on((pid_t)atoi(e->d_name));
    }
    closedir(dir);
    *ret_workers = workers > 0;
    return workers > 0 ? workers : n > 0;
}

/* What a worker forked to become its supervisor looks like a second one until then:
 * two of one machine are looked at again. */
static int count_workers(const char *owner, const char *token)
{
    bool workers;
    int n = each(owner, token, NULL, &workers);
    for (int i = 0; token && n > 1 && i < 200; i++) {
        usleep(10000);
        n = each(owner, token, NULL, &workers);
    }
    return n;
}

/* Workers, or folders without any. */
static int count(const char *owner, const char *token)
{
    char mine[200];
    int n = count_workers(owner, token);
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

static void break_it(const char *owner, const char *token)
{
    bool workers;
    while (each(owner, token, kill_it, &workers) > 0)
        usleep(1000);
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
