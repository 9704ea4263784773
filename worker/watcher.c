/* The watcher.  The directory is watched rather than its two output files, which a
 * command might remove.  A watch number's map entry is the directory; which of its
 * watches it is, the directory knows. */
#include "worker/watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lib/log.h"
#include "worker/workdir.h"

static const char *const folders[SQ_WATCHES] = {"/.", "/output", "/input", "/tmp",
                                                "/resource"};
enum {
    CHANGED = IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF,
    FOLDER_EVENTS = CHANGED | IN_ONESHOT | IN_ONLYDIR | IN_DONT_FOLLOW,
    TOP_EVENTS =
        CHANGED | IN_MODIFY | IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR | IN_DONT_FOLLOW
};

static void touch_all(struct sq_watcher *w)
{
    for (size_t i = 0; i < w->dirs.cap; i++)
        if (w->dirs.slots[i].id)
            ((struct sq_workdir *)w->dirs.slots[i].value)->touched = SQ_TOUCHED_ALL;
    w->fn(w->arg, NULL);
}

/* Our own files change by our own hand; what is made of them by others counts. */
static void event_in_top(struct sq_watcher *w, struct sq_workdir *d,
                         const struct inotify_event *e)
{
    bool output =
        e->len && (strcmp(e->name, ".stdout") == 0 || strcmp(e->name, ".stderr") == 0);
    if (output && (e->mask & IN_MODIFY))
        w->fn(w->arg, d);
    else if (!(e->mask & IN_MODIFY) &&
             !(output && (e->mask & (IN_CREATE | IN_ISDIR)) == IN_CREATE))
        d->touched |= 1 << SQ_WATCH_TOP;
}

static void event(struct sq_watcher *w, const struct inotify_event *e)
{
    if (e->mask & IN_Q_OVERFLOW) {
        touch_all(w);
        return;
    }
    struct sq_workdir *d = sq_idmap_get(&w->dirs, e->wd);
    if (!d || e->wd == d->watches[SQ_WATCH_TOP]) {
        if (d && !(e->mask & IN_IGNORED))
            event_in_top(w, d, e);
        return;
    }
    for (int i = SQ_WATCH_OUTPUT; i < SQ_WATCHES; i++)
        if (d->watches[i] == e->wd) { /* and it is gone with this event */
            d->touched |= 1 << i;
            d->watches[i] = -1;
        }
    sq_idmap_remove(&w->dirs, e->wd);
}

/* A command that mounts something over a folder makes no event there: any change of
 * the machine's mounts makes us look everywhere. */
static void look_at_mounts(struct sq_watcher *w)
{
    struct pollfd mounts = {.fd = w->mounts, .events = POLLPRI};
    if (w->mounts >= 0 && poll(&mounts, 1, 0) > 0)
        touch_all(w);
}

void sq_watcher_look(struct sq_watcher *w)
{
    look_at_mounts(w);
    enum { LARGEST = sizeof(struct inotify_event) + 256 };
    char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n;
    do {
        n = w->watch.fd < 0 ? -1 : read(w->watch.fd, buf, sizeof buf);
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const void *)(buf + at);
            at += (ssize_t)(sizeof *e + e->len);
            event(w, e);
        }
    } while (n > (ssize_t)(sizeof buf - LARGEST)); /* else that was all */
}

static void listen(struct sq_watcher *w, unsigned events)
{
    struct sq_err err;
    if (w->watch.fd >= 0 &&
        sq_loop_watch(w->loop, &w->watch, w->watch.fd, events, &err))
        sq_log(SQ_LOG_ERROR, "worker", "%s", err.text);
}

static void readable(void *arg, unsigned events)
{
    struct sq_watcher *w = arg;
    sq_watcher_look(w);
    listen(w, 0);
    sq_timer_hasten(w->loop, &w->rest, SQ_WATCH_REST_US);
}

static void rested(void *arg)
{
    struct sq_watcher *w = arg;
    if (w->watch.fd >= 0) {
        sq_watcher_look(w);
        listen(w, EPOLLIN);
    }
    if (w->unwatched && w->active) {
        w->fn(w->arg, NULL);
        sq_timer_set(w->loop, &w->rest, SQ_WATCH_REST_US);
    }
}

void sq_watcher_init(struct sq_watcher *w, struct sq_loop *loop, sq_written_fn *fn,
                     void *arg)
{
    struct sq_err err;
    *w = (struct sq_watcher){.loop = loop, .fn = fn, .arg = arg};
    w->watch = (struct sq_watch){-1, readable, w};
    w->rest = (struct sq_timer){.fn = rested, .arg = w};
    w->mounts = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd >= 0 && sq_loop_watch(loop, &w->watch, fd, EPOLLIN, &err) != 0) {
        sq_log(SQ_LOG_ERROR, "worker", "%s", err.text);
        close(fd);
    }
}

void sq_watcher_fini(struct sq_watcher *w)
{
    int fd = w->watch.fd;
    sq_timer_stop(w->loop, &w->rest);
    sq_loop_unwatch(w->loop, &w->watch);
    sq_closep(&fd);
    sq_closep(&w->mounts);
    sq_idmap_fini(&w->dirs);
}

static bool add(struct sq_watcher *w, struct sq_workdir *d, int which)
{
    char path[64]; /* the directory itself, wherever it was moved to */
    snprintf(path, sizeof path, "/proc/self/fd/%d%s", d->top, folders[which]);
    int number = inotify_add_watch(w->watch.fd, path,
                                   which == SQ_WATCH_TOP ? TOP_EVENTS : FOLDER_EVENTS);
    if (number > 0 && sq_idmap_put(&w->dirs, number, d)) {
        d->watches[which] = number;
        return true;
    }
    if (!w->said)
        sq_log(SQ_LOG_WARNING, "worker",
               "the kernel grants no inotify watch (%s): output is looked for every "
               "%d ms; fs.inotify.max_user_watches and max_user_instances are limits",
               strerror(errno), SQ_WATCH_REST_US / 1000);
    w->said = true;
    return false;
}

void sq_watcher_renew(struct sq_watcher *w, struct sq_workdir *d)
{
    bool all = w->watch.fd >= 0;
    sq_watcher_look(w); /* what is old must not be taken for new */
    for (int i = 0; all && i < SQ_WATCHES; i++)
        if (d->watches[i] < 0)
            all = add(w, d, i);
    w->unwatched += d->unwatched ? -1 : 0;
    d->unwatched = !all;
    w->unwatched += d->unwatched;
    d->touched = all ? 0 : SQ_TOUCHED_ALL;
}

void sq_watcher_remove(struct sq_watcher *w, struct sq_workdir *d)
{
    w->unwatched -= d->unwatched;
    d->unwatched = false;
    for (int i = 0; i < SQ_WATCHES; i++)
        if (d->watches[i] >= 0) {
            inotify_rm_watch(w->watch.fd, d->watches[i]);
            sq_idmap_remove(&w->dirs, d->watches[i]);
            d->watches[i] = -1;
        }
}

void sq_watcher_active(struct sq_watcher *w, bool active)
{
    w->active = active;
    if (active && w->unwatched)
        sq_timer_hasten(w->loop, &w->rest, SQ_WATCH_REST_US);
}
