/* scitq-manage top: what people look at all day.
 *
 * One loop waits for a key, for the server's events, and for the end of a short pause:
 * a thousand changes a second draw two screens.  A server without events is asked
 * every two seconds. */
#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/manage/commands.h"
#include "cli/top/events.h"
#include "cli/top/screen.h"
#include "lib/clock.h"

enum { PAUSE_MS = 500, ASK_MS = 2000, LINE_BYTES = 600 };

struct view {
    struct sq_top top;
    struct sq_top_events *events;
    int64_t loaded_us; /* monotonic: when the server was asked last */
    bool stale;        /* and something has changed since */
    /* A question stands on the last line: of this row, which others may take the place
     * of before there is an answer; NULL: none.  And whether to do this. */
    json_t *asked;
    enum sq_top_act act;
    char line[LINE_BYTES];
};

static const struct sq_opt options[] = {{0}};

static void load(struct view *v)
{
    struct sq_err err;
    if (sq_top_load(&v->top, &err) != 0)
        snprintf(v->line, sizeof v->line, "%s", err.text);
    sq_top_events_again(v->events);
    v->loaded_us = sq_monotonic();
    v->stale = false;
}

static void ask(struct view *v, enum sq_top_act act)
{
    v->act = act;
    v->asked = json_incref((json_t *)sq_top_selected(&v->top));
    if (v->asked) {
        sq_top_question(&v->top, v->asked, act, v->line, sizeof v->line - 20);
        strcat(v->line, "  y: yes   n: no");
    }
}

static void answer(struct view *v, int key)
{
    struct sq_err err;
    SQ_CLEANUP(sq_json_unref) json_t *row = v->asked;
    v->asked = NULL;
    *v->line = 0;
    if (key != 'y' && key != 'Y')
        return;
    if (sq_top_act(&v->top, row, v->act, &err) != 0)
        snprintf(v->line, sizeof v->line, "%s", err.text);
    v->stale = true;
    v->loaded_us = 0;
}

static void move_to(struct view *v, int step)
{
    struct sq_top_list *l = &v->top.lists[v->top.pane];
    size_t n = json_array_size(l->rows);
    if (step < 0)
        l->selected = l->selected > (size_t)-step ? l->selected - (size_t)-step : 0;
    else if (n)
        l->selected =
            l->selected + (size_t)step < n ? l->selected + (size_t)step : n - 1;
}

/* False: the end. */
static bool act_on_key(struct view *v, int key)
{
    if (v->asked) {
        answer(v, key);
        return true;
    }
    *v->line = 0;
    switch (key) {
    case 'q': return false;
    case '\t': v->top.pane = (v->top.pane + 1) % SQ_TOP_PANES; break;
    case KEY_UP: move_to(v, -1); break;
    case KEY_DOWN: move_to(v, 1); break;
    case KEY_PPAGE: move_to(v, -20); break;
    case KEY_NPAGE: move_to(v, 20); break;
    case 'p': ask(v, SQ_TOP_PAUSE); break;
    case 'r': ask(v, SQ_TOP_RESUME); break;
    case 'k': ask(v, SQ_TOP_KILL); break;
    default: break;
    }
    return true;
}

/* How long nothing has to be done but to wait. */
static int patience_ms(const struct view *v)
{
    int64_t since = (sq_monotonic() - v->loaded_us) / 1000;
    int64_t wait = v->stale ? PAUSE_MS : sq_top_events_live(v->events) ? -1 : ASK_MS;
    return wait < 0 ? -1 : since >= wait ? 0 : (int)(wait - since);
}

static void wait_for_something(struct view *v)
{
    struct pollfd fds[] = {{.fd = 0, .events = POLLIN},
                           {.fd = sq_top_events_fd(v->events), .events = POLLIN}};
    int n = poll(fds, 2, patience_ms(v));
    if (n > 0 && fds[1].revents)
        v->stale = sq_top_events_take(v->events) || v->stale;
    if (patience_ms(v) == 0)
        load(v);
}

static void look(struct view *v)
{
    load(v);
    for (;;) {
        int key;
        while ((key = sq_top_key()) != -1)
            if (!act_on_key(v, key))
                return;
        sq_top_draw(&v->top, *v->line ? v->line : NULL);
        wait_for_something(v);
    }
}

static int run(struct sq_cli *cli, struct sq_err *err)
{
    struct view v = {0};
    struct sq_http *http;
    if (sq_args_has(&cli->args, "json"))
        return sq_cli_misuse(cli, err,
                             "top draws a screen: it has nothing to print as "
                             "JSON");
    sq_top_init(&v.top, cli);
    int rc = sq_cli_server(cli, &http, err);
    if (rc == 0)
        rc = sq_top_load(&v.top, err); /* a wrong server is told before any screen */
    if (rc == 0)
        rc = sq_top_events_start(cli, &v.events, err);
    if (rc == 0)
        rc = sq_top_screen_open(err);
    if (rc == 0)
        look(&v);
    sq_top_screen_close();
    sq_top_events_stop(v.events);
    sq_top_fini(&v.top);
    json_decref(v.asked);
    return rc;
}

const struct sq_verb sq_verb_top = {
    .name = "", /* it is the object */
    .help = "watch batches, workers and tasks live; pause, resume and kill them",
    .options = options,
    .run = run,
};
