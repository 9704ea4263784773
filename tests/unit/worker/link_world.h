/* A link whose lanes, timers and tasks are the test's own: it gives the answers, lets
 * timers end, and counts what was done. */
#ifndef SQ_TESTS_LINK_WORLD_H
#define SQ_TESTS_LINK_WORLD_H

#include "tests/test.h"

#include "worker/link.h"

enum { BODY_MAX = 4096 };

struct sq_lane {
    sq_reply_fn *done;
    void *arg;
    bool busy;
    int sent;
    char path[64], body[BODY_MAX];
};

/* What link.c asked of the others. */
extern struct sq_lane lanes[2];
#define push (&lanes[0])
#define poll (&lanes[1])
extern bool running; /* a task */
extern int n_lanes, signalled, cleaned, withdrawn_all, retold, ended;
extern enum sq_link_end how;
extern int64_t ahead;     /* what may be given ahead */
extern int arrived_ahead; /* executions that may be beyond our places */
extern bool cut_one;      /* the next cut finds something to tell */

extern char watched[20]; /* the plugin last told of, or "none" */

struct world {
    struct sq_link link;
    struct sq_tasks tasks;
    struct sq_stats stats;
    struct sq_spool spool;
    struct sq_link_conf conf;
    char dir[64];
};

int open_world(void **state);
int close_world(void **state);
#define ONE(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

#define NOTHING "{\"acked\":0,\"executions\":[],\"signals\":[],\"withdrawn\":[]}"

void reply(struct sq_lane *l, int status, const char *body);
void fire(struct sq_timer *t);
/* Registered, its stats told, its poll waiting. */
void settle(struct world *w);
/* A record, which a push tells. */
void told(struct world *w);
/* Nothing is under way: the next try is in `pause_us`. */
void check_pause(const struct world *w, int64_t pause_us);

#endif
