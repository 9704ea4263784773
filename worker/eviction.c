/* One child at a time; its lines go to the worker's log. */
#include "worker/eviction.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "worker/program.h"
#include "worker/watch/watch.h"

enum { PAUSE_US = 1000000, PAUSE_MAX_US = 300000000 };

extern char **environ;

static void start(void *arg);

static void on_line(void *arg, const char *line)
{
    const char *level = strchr(SQ_WATCH_LEVELS, *line);
    bool ours = *line && level && line[1] == ' ';
    (void)arg;
    sq_log(ours ? (enum sq_level)(level - SQ_WATCH_LEVELS) : SQ_LOG_WARNING, "eviction",
           "%s", ours ? line + 2 : line);
}

static void again(struct sq_eviction *e)
{
    e->pause_us = e->pause_us ? 2 * e->pause_us : PAUSE_US;
    if (e->pause_us > PAUSE_MAX_US)
        e->pause_us = PAUSE_MAX_US;
    sq_timer_set(e->loop, &e->retry, e->pause_us);
}

static void on_end(void *arg, const struct sq_child_end *end)
{
    struct sq_eviction *e = arg;
    int code = WIFEXITED(end->status) ? WEXITSTATUS(end->status) : -1;
    e->child = NULL;
    if (code == SQ_WATCH_EVICTED) {
        e->seen = true;
        e->evicted(e->arg);
    } else if (code == SQ_WATCH_BLIND || code == SQ_WATCH_USAGE) {
        e->blind = true;
        sq_log(SQ_LOG_WARNING, "eviction",
               "nothing watches here for an eviction by the provider %s", e->plugin);
    } else {
        sq_log(SQ_LOG_WARNING, "eviction", "the watch of %s ended (%s %d): again later",
               e->plugin, code < 0 ? "signal" : "exit code",
               code < 0 ? WTERMSIG(end->status) : code);
        again(e);
    }
}

static void start(void *arg)
{
    struct sq_eviction *e = arg;
    struct sq_err err;
    char program[PATH_MAX], parent[16];
    sq_program_find("scitq-watch", "SCITQ_WATCH", program);
    snprintf(parent, sizeof parent, "%d", getpid());
    char *const argv[] = {program, e->plugin, parent, (char *)e->settings, NULL};
    if (sq_child_start(e->loop, argv, environ, 0, on_end, e, &e->child, &err) != 0) {
        e->child = NULL;
        sq_log(SQ_LOG_WARNING, "eviction", "%s", err.text);
        again(e);
        return;
    }
    sq_child_lines(e->child, on_line);
}

void sq_eviction_init(struct sq_eviction *e, struct sq_loop *loop, const char *settings,
                      void (*evicted)(void *arg), void *arg)
{
    *e = (struct sq_eviction){
        .loop = loop, .settings = settings, .evicted = evicted, .arg = arg};
    e->retry = (struct sq_timer){.fn = start, .arg = e};
}

static void stop(struct sq_eviction *e)
{
    if (!e->loop)
        return;
    sq_timer_stop(e->loop, &e->retry);
    sq_child_free(e->child);
    e->child = NULL;
}

void sq_eviction_fini(struct sq_eviction *e)
{
    stop(e);
}

void sq_eviction_watch(struct sq_eviction *e, const char *plugin)
{
    if (e->seen || strcmp(e->plugin, plugin ? plugin : "") == 0)
        return;
    stop(e);
    e->blind = false;
    e->pause_us = 0;
    snprintf(e->plugin, sizeof e->plugin, "%s", plugin ? plugin : "");
    if (*e->plugin)
        start(e);
}
