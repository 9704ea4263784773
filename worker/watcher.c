/* The watcher.  The directory is watched rather than its two files, which a command
 * might remove; events of other names are passed over. */
#include "worker/watcher.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lib/log.h"

static bool is_output(const char *name)
{
    return strcmp(name, ".stdout") == 0 || strcmp(name, ".stderr") == 0;
}

static void event(struct sq_watcher *w, const struct inotify_event *e)
{
    if (e->mask & IN_Q_OVERFLOW) {
        w->fn(w->arg, NULL);
        return;
    }
    struct sq_workdir *d = sq_idmap_get(&w->dirs, e->wd);
    if (d && e->len && is_output(e->name))
        w->fn(w->arg, d);
}

static void drain(struct sq_watcher *w)
{
    char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n;
    while ((n = read(w->watch.fd, buf, sizeof buf)) > 0)
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const void *)(buf + at);
            at += (ssize_t)(sizeof *e + e->len);
            event(w, e);
        }
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
    drain(w);
    listen(w, 0);
    sq_timer_hasten(w->loop, &w->rest, SQ_WATCH_REST_US);
}

static void rested(void *arg)
{
    struct sq_watcher *w = arg;
    if (w->watch.fd >= 0) {
        drain(w);
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
    sq_idmap_fini(&w->dirs);
}

void sq_watcher_add(struct sq_watcher *w, struct sq_workdir *d)
{
    d->watch =
        w->watch.fd < 0 ? -1 : inotify_add_watch(w->watch.fd, d->path, IN_MODIFY);
    if (d->watch > 0 && sq_idmap_put(&w->dirs, d->watch, d))
        return;
    if (!w->said)
        sq_log(SQ_LOG_WARNING, "worker",
               "the kernel grants no more inotify watches (%s): output is looked for "
               "every %d ms; fs.inotify.max_user_watches and max_user_instances are "
               "the limits",
               strerror(errno), SQ_WATCH_REST_US / 1000);
    w->said = true;
    d->watch = -1;
    w->unwatched++;
}

void sq_watcher_remove(struct sq_watcher *w, struct sq_workdir *d)
{
    if (d->watch < 0) {
        w->unwatched--;
        return;
    }
    inotify_rm_watch(w->watch.fd, d->watch);
    sq_idmap_remove(&w->dirs, d->watch);
    d->watch = -1;
}

void sq_watcher_active(struct sq_watcher *w, bool active)
{
    w->active = active;
    if (active && w->unwatched)
        sq_timer_hasten(w->loop, &w->rest, SQ_WATCH_REST_US);
}
