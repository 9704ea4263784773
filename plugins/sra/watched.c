/* Programs that do not tell how far they are.
 *
 * The host waits for a program and for the call's cancel_fd.  Here that is an epoll of
 * the call's own and of a timer: at each tick the host asks canceled(), which then
 * looks at the size of what the program writes. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "plugins/sra/sra.h"

enum { DEPTH_MAX = 5 };

/* All that is in the files at or below `path`. */
static int64_t size_of(const char *path, int depth)
{
    struct stat st;
    int64_t sum = 0;
    if (lstat(path, &st) != 0)
        return 0;
    DIR *d = S_ISDIR(st.st_mode) && depth < DEPTH_MAX ? opendir(path) : NULL;
    if (!d)
        return S_ISREG(st.st_mode) ? st.st_size : 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char *below = NULL;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            asprintf(&below, "%s/%s", path, e->d_name) < 0)
            continue;
        sum += size_of(below, depth + 1);
        free(below);
    }
    closedir(d);
    return sum;
}

/* Files come and go while one is made of the other: every change is a move. */
static void look(struct sra_watched *w)
{
    int64_t now = size_of(w->path, 0);
    int64_t change = now - w->size_bytes;
    w->size_bytes = now;
    if (change == 0)
        return;
    w->moved_bytes += change < 0 ? -change : change;
    w->behind->progress(w->behind, w->moved_bytes, w->total_bytes);
}

static int canceled(const struct sq_call *call)
{
    struct sra_watched *w = (struct sra_watched *)(uintptr_t)call;
    uint64_t ticks;
    if (read(w->timer_fd, &ticks, sizeof ticks) == sizeof ticks)
        look(w);
    return w->behind->canceled(w->behind);
}

static void no_progress(struct sq_call *call, int64_t done, int64_t total)
{
    (void)call, (void)done, (void)total;
}

int sra_watched_open(struct sra_watched *w, struct sq_call *behind, const char *path,
                     int64_t total_bytes, struct sq_err *err)
{
    const struct itimerspec second = {{1, 0}, {1, 0}};
    struct epoll_event ev = {.events = EPOLLIN};
    *w = (struct sra_watched){
        .behind = behind, .path = path, .total_bytes = total_bytes};
    w->call = (struct sq_call){canceled, epoll_create1(EPOLL_CLOEXEC), no_progress};
    w->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (w->call.cancel_fd >= 0 && w->timer_fd >= 0 &&
        timerfd_settime(w->timer_fd, 0, &second, NULL) == 0 &&
        epoll_ctl(w->call.cancel_fd, EPOLL_CTL_ADD, w->timer_fd, &ev) == 0 &&
        (behind->cancel_fd < 0 ||
         epoll_ctl(w->call.cancel_fd, EPOLL_CTL_ADD, behind->cancel_fd, &ev) == 0)) {
        w->size_bytes = size_of(path, 0);
        return 0;
    }
    int rc = sq_fail(err, SQ_EIO, "cannot watch a program: %s", strerror(errno));
    sra_watched_close(w);
    return rc;
}

void sra_watched_close(struct sra_watched *w)
{
    if (w->call.cancel_fd >= 0)
        close(w->call.cancel_fd);
    if (w->timer_fd >= 0)
        close(w->timer_fd);
}

/* ---- and running them */

/* The last line that a program wrote is what it ended with. */
struct last {
    char text[300];
};

static int on_line(void *arg, int stream, const char *line, size_t len)
{
    struct last *l = arg;
    (void)stream, (void)len;
    snprintf(l->text, sizeof l->text, "%s", line);
    for (char *p = l->text; *p; p++)
        if ((unsigned char)*p < 0x20)
            *p = ' ';
    return 0;
}

static bool is_full(const char *path)
{
    struct statvfs v;
    return statvfs(path, &v) == 0 && v.f_bavail < 16;
}

/* The folder of `path`, if that is a file or nothing. */
static bool disk_is_full(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path + 1)) : NULL;
    bool full = folder && is_full(folder);
    free(folder);
    return full;
}

int sra_run(struct sra_job *job, const char *const *words, const char *path,
            int64_t total_bytes, struct sq_err *err)
{
    struct sq_host *host = job->s->host;
    struct sra_watched w;
    struct last last = {""};
    struct sq_run run = {.argv = words, .line = on_line, .arg = &last};
    int status = 0;
    int rc = sra_watched_open(&w, job->call, path, total_bytes, err);
    if (rc)
        return rc;
    rc = host->run(host, &w.call, &run, &status, err);
    look(&w);
    sra_watched_close(&w);
    if (rc == SQ_ENOENT)
        return sq_fail(err, SQ_EUNSUPPORTED, "there is no program %.100s", words[0]);
    if (rc || status == 0)
        return rc;
    if (disk_is_full(path))
        return sq_fail(err, SQ_ENOSPC, "the disk is full: %.100s failed at %.200s",
                       words[0], path);
    return sq_fail(err, SQ_EIO, "%.100s failed (%s %d): %.280s", words[0],
                   status < 0 ? "signal" : "it says", status < 0 ? -status : status,
                   last.text);
}
