/* scitq-worker: takes tasks from a scitq server and runs them here.
 *
 * One thread, one loop.  The commands are children of the supervisor, another small
 * process, so that this one may end and come back without their noticing.  Two more
 * threads (aside.c) exist only while there is work for them: one empties directories,
 * one seals and links resources. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "lib/http.h"
#include "lib/log.h"
#include "lib/notify.h"
#include "lib/ready.h"
#include "lib/slice.h"
#include "worker/eviction.h"
#include "worker/link.h"
#include "worker/settings.h"

enum { EXIT_TROUBLE = 1, EXIT_USAGE = 2, EXIT_UNWANTED = 3 };

struct daemon {
    struct sq_settings settings;
    struct sq_loop loop;
    struct sq_timer watchdog;
    struct sq_spool spool;
    struct sq_stats stats;
    struct sq_tasks tasks;
    struct sq_tasks_conf tasks_conf;
    struct sq_link link;
    struct sq_link_conf link_conf;
    struct sq_eviction eviction;
    int lock;
    enum sq_link_end end;
    bool registered, restart, unable;
};

static void on_signal(void *arg, int signal)
{
    struct daemon *d = arg;
    struct sq_err err, why;
    if (signal != SIGHUP) {
        sq_log(SQ_LOG_INFO, "worker", "stopping; running tasks go on");
        sq_notify("STOPPING=1\n");
        sq_link_leave(&d->link);
        return;
    }
    if (d->registered)
        sq_notify_reloading();
    if (sq_settings_reload(&d->settings, &err) != 0) {
        if (sq_log_reopen(&why) != 0)
            sq_log(SQ_LOG_ERROR, "worker", "%s", why.text);
        sq_log(SQ_LOG_ERROR, "worker",
               "the settings were read again, and stay as they were: %s", err.text);
    }
    if (d->registered)
        sq_notify("READY=1\n");
}

/* Its own loop turns, whatever server and tasks do. */
static void on_watchdog(void *arg)
{
    struct daemon *d = arg;
    sq_notify("WATCHDOG=1\n");
    sq_timer_set(&d->loop, &d->watchdog, sq_notify_period_us());
}

static void on_registered(void *arg)
{
    struct daemon *d = arg;
    d->registered = true;
    sq_ready_tell(d->settings.ready_fd);
}

static void on_watch(void *arg, const char *plugin)
{
    struct daemon *d = arg;
    sq_eviction_watch(&d->eviction, plugin);
}

static void on_evicted(void *arg)
{
    struct daemon *d = arg;
    sq_log(SQ_LOG_WARNING, "worker", "this machine is about to be taken back");
    sq_link_evicted(&d->link);
}

/* What there is to tell is told first. */
static void on_unable(void *arg, const char *why)
{
    struct daemon *d = arg;
    sq_log(SQ_LOG_ERROR, "worker", "%s", why);
    d->unable = true;
    sq_link_leave(&d->link);
}

static void on_end(void *arg, enum sq_link_end end, const char *why)
{
    struct daemon *d = arg;
    d->end = end;
    if (end == SQ_LINK_REFUSED)
        sq_log(SQ_LOG_ERROR, "worker",
               "the server refuses this worker: %s (another process of the same name "
               "and host is alive)",
               why);
    else if (end == SQ_LINK_UNWANTED)
        sq_log(SQ_LOG_ERROR, "worker", "nothing is left to do here: %s", why);
    else
        sq_log(SQ_LOG_INFO, "worker", "%s: %s",
               end == SQ_LINK_RESTART ? "restarting" : "stopped", why);
    sq_loop_stop(&d->loop);
}

static int catch_signals(struct daemon *d, struct sq_err *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    return sq_loop_signals(&d->loop, &set, on_signal, d, err);
}

static int open_spool(struct daemon *d, struct sq_err *err)
{
    char *path SQ_CLEANUP(sq_freep) = NULL;
    if (asprintf(&path, "%s/spool", d->settings.state_dir) < 0)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    return sq_spool_open(&d->spool, path, err);
}

static int open_tasks(struct daemon *d, struct sq_err *err)
{
    const struct sq_settings *s = &d->settings;
    d->tasks_conf = (struct sq_tasks_conf){
        .state_dir = s->state_dir,
        .base_workdir = s->base_workdir,
        .worker_file_name = s->file_name,
        .settings_file = s->file,
        .autoclean = s->autoclean,
        .container_runtime = s->container_runtime,
        .concurrency = s->concurrency,
        .no_spawn = s->no_spawn,
        .tell = sq_link_tell,
        .tell_arg = &d->link,
        .unable = on_unable,
        .unable_arg = d,
    };
    return sq_tasks_init(&d->tasks, &d->tasks_conf, &d->loop, &d->spool, err);
}

static int open_link(struct daemon *d, struct sq_err *err)
{
    const struct sq_settings *s = &d->settings;
    d->link_conf = (struct sq_link_conf){
        .server = s->server,
        .token = s->token.data,
        .ca = s->ca,
        .registration = {.name = s->name,
                         .hostname = s->hostname,
                         .batch = s->batch,
                         .flavor = s->flavor,
                         .default_flavor = s->default_flavor,
                         .status = s->status,
                         .concurrency = s->concurrency,
                         .permanent = s->permanent,
                         .launch_token = s->launch_token,
                         .base_workdir = s->base_workdir},
        .registered = on_registered,
        .ended = on_end,
        .watch = on_watch,
        .arg = d,
    };
    return sq_link_init(&d->link, &d->link_conf, &d->loop, &d->spool, &d->tasks,
                        &d->stats, err);
}

static int open_loop(struct daemon *d, struct sq_err *err)
{
    int rc = sq_loop_init(&d->loop, err);
    d->watchdog = (struct sq_timer){.fn = on_watchdog, .arg = d};
    if (rc == 0 && sq_notify_period_us())
        on_watchdog(d);
    return rc ? rc : catch_signals(d, err);
}

static int open_folders(struct daemon *d, struct sq_err *err)
{
    int rc = sq_settings_folders(&d->settings, err);
    if (!rc)
        rc = sq_settings_lock(&d->settings, &d->lock, err);
    return rc ? rc : sq_log_open(&d->settings.log, err);
}

static int open_stats(struct daemon *d, struct sq_err *err)
{
    sq_stats_init(&d->stats);
    return 0;
}

static int open_eviction(struct daemon *d, struct sq_err *err)
{
    sq_eviction_init(&d->eviction, &d->loop, d->settings.file, on_evicted, d);
    return 0;
}

static void close_eviction(struct daemon *d)
{
    sq_eviction_fini(&d->eviction);
}

static void close_folders(struct daemon *d)
{
    sq_log_close();
    sq_closep(&d->lock);
}

static void close_loop(struct daemon *d)
{
    sq_loop_fini(&d->loop);
}

static void close_spool(struct daemon *d)
{
    sq_spool_close(&d->spool);
}

static void close_stats(struct daemon *d)
{
    sq_stats_fini(&d->stats);
}

static void close_tasks(struct daemon *d)
{
    if (!d->restart)
        sq_tasks_leave(&d->tasks);
    sq_tasks_fini(&d->tasks);
}

static void close_link(struct daemon *d)
{
    sq_link_fini(&d->link);
}

/* In order, undone in reverse; each close also undoes an open that failed halfway. */
static const struct step {
    int (*open)(struct daemon *d, struct sq_err *err);
    void (*close)(struct daemon *d);
} steps[] = {
    {open_folders, close_folders}, {open_loop, close_loop},
    {open_spool, close_spool},     {open_stats, close_stats},
    {open_tasks, close_tasks},     {open_eviction, close_eviction},
    {open_link, close_link},
};

static int run(struct daemon *d, struct sq_err *err)
{
    size_t n = 0;
    int rc = 0;
    while (!rc && n < SQ_LEN(steps))
        rc = steps[n++].open(d, err);
    if (!rc) {
        sq_link_start(&d->link);
        rc = sq_loop_run(&d->loop, err);
    }
    d->restart = rc == 0 && d->end == SQ_LINK_RESTART;
    while (n > 0)
        steps[--n].close(d);
    return rc;
}

static int trouble(const struct sq_err *err)
{
    sq_log(SQ_LOG_ERROR, "worker", "%s", err->text);
    return EXIT_TROUBLE;
}

/* Become the program anew, as it is installed now; the lock is given up by exec. */
static int restart(char **argv)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (sq_http_hidden_token())
        setenv("SCITQ_TOKEN", sq_http_hidden_token(), 1);
    execvp(argv[0], argv);
    sq_log(SQ_LOG_ERROR, "worker", "cannot restart %s: %s", argv[0], strerror(errno));
    return EXIT_TROUBLE;
}

static int load_and_run(struct daemon *d, int argc, char **argv)
{
    struct sq_err err;
    enum sq_settings_todo todo;
    if (sq_settings_load(&d->settings, argc, argv, &todo, &err) != 0)
        return trouble(&err);
    if (todo != SQ_SETTINGS_RUN)
        return todo == SQ_SETTINGS_USAGE ? EXIT_USAGE : 0;
    if (run(d, &err) != 0)
        return trouble(&err);
    if (d->end == SQ_LINK_UNWANTED)
        return EXIT_UNWANTED;
    return d->end == SQ_LINK_REFUSED || d->unable ? EXIT_TROUBLE : 0;
}

int main(int argc, char **argv)
{
    static struct daemon d = {.lock = -1};
    sq_http_hide_token();
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 256 << 10); /* big buffers go back at once */
    sq_slice_shorten();
    int status = load_and_run(&d, argc, argv);
    sq_settings_free(&d.settings);
    return d.restart ? restart(argv) : status;
}
