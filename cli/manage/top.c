/* scitq-manage top: what people look at all day.
 *
 * One loop waits for a key, for the server's events, for answers, and for the end of a
 * short pause: a thousand changes a second draw two screens.  Every call is made by a
 * process beside this one, so that a server that is slow, silent or gone never takes
 * the keys away; what stands on the screen then says of when it is. */
#include <curses.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "cli/manage/commands.h"
#include "cli/top/child.h"
#include "cli/top/events.h"
#include "cli/top/screen.h"
#include "lib/clock.h"

/* ASK_MS where there are no events; LIVE_MS where there are, since a silent connection
 * may be a dead one.  ANSWER_S: for an answer, where --timeout is not given. */
enum { PAUSE_MS = 500, ASK_MS = 2000, LIVE_MS = 20000, ANSWER_S = 15 };
enum { LINE_BYTES = 600, PAGE_ROWS = 20 };

struct deed {
    json_t *row; /* owned */
    enum sq_top_pane pane;
    enum sq_top_act act;
};

struct view {
    struct sq_top top;
    struct sq_top_child events;
    struct sq_top_call asking, acting;
    int64_t asked_us; /* monotonic: when the server was asked last */
    bool stale;       /* and something has changed since */
    /* A question stands on the last line: whether to do this, to this row, which others
     * may take the place of before there is an answer; NULL: none. */
    struct deed asked, next; /* next: said yes to while the one before is under way */
    char line[LINE_BYTES];
    char trouble[LINE_BYTES]; /* why the server was not heard; "": it was */
    bool over;
};

static const struct sq_opt options[] = {{0}};

static void ask_server(struct sq_cli *cli, int fd, void *arg)
{
    struct sq_err err = {0};
    json_t *answer = NULL;
    (void)arg;
    sq_top_ask(cli, &answer, &err);
    sq_top_call_answer_take(fd, answer, &err);
}

/* In a child, whose view is its own. */
static void tell_server(struct sq_cli *cli, int fd, void *arg)
{
    struct sq_err err = {0};
    struct view *v = arg;
    (void)cli;
    v->top.pane = v->next.pane;
    sq_top_act(&v->top, v->next.row, v->next.act, &err);
    sq_top_call_answer_take(fd, json_object(), &err);
}

static void forget(struct deed *d)
{
    json_decref(d->row);
    d->row = NULL;
}

/* One at a time, so that they come in the order they were asked for. */
static void do_next(struct view *v)
{
    if (!v->next.row || v->acting.child.pid)
        return;
    if (!sq_top_call_start(&v->acting, v->top.cli, tell_server, v))
        snprintf(v->line, sizeof v->line, "no process can be started");
    forget(&v->next);
}

static void load(struct view *v)
{
    sq_top_events_again(&v->events, v->top.cli);
    sq_top_call_start(&v->asking, v->top.cli, ask_server, NULL);
    v->asked_us = sq_monotonic();
    v->stale = false;
}

static void ask(struct view *v, enum sq_top_act act)
{
    const json_t *row = sq_top_selected(&v->top);
    if (v->next.row) {
        snprintf(v->line, sizeof v->line, "the server has not answered the last two");
    } else if (row) {
        v->asked = (struct deed){json_incref((json_t *)row), v->top.pane, act};
        sq_top_question(&v->top, row, act, v->line, sizeof v->line - 20);
        strcat(v->line, "  y: yes   n: no");
    }
}

static void answer(struct view *v, int key)
{
    *v->line = 0;
    if (key == 'y' || key == 'Y') {
        v->next = v->asked;
        v->asked.row = NULL;
        do_next(v);
    }
    forget(&v->asked);
}

/* False: the end. */
static bool act_on_key(struct view *v, int key)
{
    if (v->asked.row && key != KEY_RESIZE) {
        answer(v, key);
        return true;
    }
    if (key != KEY_RESIZE)
        *v->line = 0;
    switch (key) {
    case 'q': return false;
    case '\t': v->top.pane = (v->top.pane + 1) % SQ_TOP_PANES; break;
    case KEY_BTAB: v->top.pane = (v->top.pane + SQ_TOP_PANES - 1) % SQ_TOP_PANES; break;
    case KEY_UP: sq_top_move(&v->top, -1); break;
    case KEY_DOWN: sq_top_move(&v->top, 1); break;
    case KEY_PPAGE: sq_top_move(&v->top, -PAGE_ROWS); break;
    case KEY_NPAGE: sq_top_move(&v->top, PAGE_ROWS); break;
    case KEY_HOME: sq_top_move(&v->top, -SQ_TOP_ROWS_MAX); break;
    case KEY_END: sq_top_move(&v->top, SQ_TOP_ROWS_MAX); break;
    case 'p': ask(v, SQ_TOP_PAUSE); break;
    case 'r': ask(v, SQ_TOP_RESUME); break;
    case 'k': ask(v, SQ_TOP_KILL); break;
    default: break;
    }
    return true;
}

/* How long nothing has to be done but to wait; -1: for ever. */
static int patience_ms(const struct view *v)
{
    int64_t since = (sq_monotonic() - v->asked_us) / 1000;
    int64_t wait = v->stale ? PAUSE_MS : v->events.pid ? LIVE_MS : ASK_MS;
    if (v->asking.child.pid)
        return -1;
    return since >= wait ? 0 : (int)(wait - since);
}

static void take_answer(struct view *v)
{
    SQ_CLEANUP(sq_json_unref) json_t *got = NULL;
    if (!sq_top_call_take(&v->asking, &got))
        return;
    snprintf(v->trouble, sizeof v->trouble, "%s", sq_cli_member(got, "message"));
    if (!*v->trouble)
        sq_top_take(&v->top, got);
    v->asked_us = sq_monotonic();
}

static void take_deed(struct view *v)
{
    SQ_CLEANUP(sq_json_unref) json_t *got = NULL;
    if (!sq_top_call_take(&v->acting, &got))
        return;
    if (!v->asked.row)
        snprintf(v->line, sizeof v->line, "%s", sq_cli_member(got, "message"));
    v->stale = true;
    v->asked_us = 0;
    do_next(v);
}

static void wait_for_something(struct view *v)
{
    struct pollfd fds[] = {{.fd = 0, .events = POLLIN},
                           {.fd = v->events.fd, .events = POLLIN},
                           {.fd = v->asking.child.fd, .events = POLLIN},
                           {.fd = v->acting.child.fd, .events = POLLIN}};
    int n = poll(fds, SQ_LEN(fds), patience_ms(v));
    /* The terminal is gone: there is nobody to look. */
    v->over = n > 0 && (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL));
    if (n > 0 && fds[1].revents)
        v->stale = sq_top_events_take(&v->events) || v->stale;
    if (n > 0 && fds[2].revents)
        take_answer(v);
    if (n > 0 && fds[3].revents)
        take_deed(v);
    if (patience_ms(v) == 0)
        load(v);
}

static void look(struct view *v)
{
    load(v);
    while (!v->over) {
        int key;
        while ((key = sq_top_key()) != -1)
            if (!act_on_key(v, key))
                return;
        sq_top_draw(&v->top, *v->line ? v->line : *v->trouble ? v->trouble : NULL);
        wait_for_something(v);
    }
}

static int show(struct view *v, struct sq_err *err)
{
    int rc = sq_top_screen_open(err);
    v->events = sq_top_no_child;
    sq_top_call_init(&v->asking);
    sq_top_call_init(&v->acting);
    if (rc == 0)
        look(v);
    sq_top_screen_close();
    sq_top_child_end(&v->events);
    sq_top_call_fini(&v->asking);
    sq_top_call_fini(&v->acting);
    return rc;
}

/* With --json, what the lists would show, once. */
static int run(struct sq_cli *cli, struct sq_err *err)
{
    struct view v = {0};
    SQ_CLEANUP(sq_json_unref) json_t *first = NULL;
    sq_top_init(&v.top, cli);
    if (!sq_args_has(&cli->args, "timeout"))
        cli->timeout_s = ANSWER_S;
    int rc =
        sq_top_ask(cli, &first, err); /* a wrong server is told before any screen */
    if (rc == 0 && sq_args_has(&cli->args, "json")) {
        sq_cli_print_json(cli, first);
    } else if (rc == 0) {
        sq_top_take(&v.top, first);
        rc = show(&v, err);
    }
    sq_top_fini(&v.top);
    forget(&v.asked);
    forget(&v.next);
    return rc;
}

const struct sq_verb sq_verb_top = {
    .name = "", /* it is the object */
    .help = "watch batches, workers and tasks live; pause, resume and kill them",
    .options = options,
    .run = run,
    .more =
        "keys:\n"
        "  Tab, Shift-Tab              the next list, the one before\n"
        "  Up, Down, PgUp, PgDn,       choose a row\n"
        "  Home, End\n"
        "  p                           pause: a batch takes no more tasks, a worker\n"
        "                              either, a task that runs is frozen, another\n"
        "                              one put aside\n"
        "  r                           resume what was paused; run a failed task\n"
        "                              again\n"
        "  k                           kill a task, or all that a batch runs\n"
        "  q                           quit\n"
        "Each of p, r and k asks first.  With --json, the lists are printed once.\n",
};
