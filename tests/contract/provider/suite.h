/* Between the files of the suite.
 *
 * provider.c       before and after, and which tests there are
 * suite.c          what they share
 * suite_life.c     launched, found, listed, destroyed; what is offered
 * suite_cut.c      canceled, or killed in the middle
 * suite_trouble.c  what happens to machines; faults of the other side */
#ifndef SQ_TESTS_PROVIDER_SUITE_H
#define SQ_TESTS_PROVIDER_SUITE_H

#include "tests/contract/provider/provider.h"

#include <stdatomic.h>

#include "lib/plugin.h"

#define OWNER "tester1"

enum { LISTED_MAX = 50 };

struct world {
    const struct target *t;
    const struct sq_provider_ops *ops;
    struct sq_plugins *plugins;
    const struct sq_plugin *plugin;
    char folder[100], own[130], record[130];
    int made; /* tokens */
};
extern struct world world;

/* A call that counts and can be canceled. */
struct call {
    struct sq_call api;
    atomic_bool stop;
    int64_t percent;
    bool wrong; /* progress that decreases or is no percentage */
};
void call_cancel(struct call *c);

/* An instance, with its host: of one job, in its own process or thread. */
struct job {
    struct sq_host *host;
    struct sq_provider *p;
    struct call call;
};
void job_open_as(struct job *j, const char *owner);
void job_open(struct job *j);
void job_close(struct job *j);

struct wanted {
    char token[SQ_TOKEN_SIZE], name[SQ_NAME_SIZE];
    struct sq_launch req;
};
/* A machine that nobody has asked for yet. */
struct wanted *want(void);

int launch(struct job *j, const struct wanted *w, struct sq_machine *ret,
           struct sq_err *err);
int find(struct job *j, const char *token, struct sq_machine *ret, struct sq_err *err);
int destroy(struct job *j, const char *token, const char *id, struct sq_err *err);

/* OWNER's at the provider. */
int count(const char *token);
/* Destroy, by another instance, as another job would; and nothing of it is left. */
void clean(const char *token);
/* It failed in this way, with a sentence. */
void fails(int rc, int code, const struct sq_err *err);

struct listed {
    struct sq_machine v[LISTED_MAX];
    int n, stop_at;
};
int on_machine(void *listed, const struct sq_machine *m);
/* Until the next call. */
struct listed *list(struct job *j);
int listed(const struct listed *l, const char *token);

/* ---- the tests */

void test_catalog(void **state);
void test_one(void **state);
void test_again(void **state);
void test_destroy_again(void **state);
void test_neighbours(void **state);
void test_wrong(void **state);
void test_together(void **state);
void test_nothing_left(void **state);

void test_canceled(void **state);
void test_canceled_half_way(void **state);
void test_killed(void **state);
void test_killed_and_left(void **state);
void test_random(void **state);

void test_broken(void **state);
void test_vanished(void **state);
void test_faults(void **state);

#endif
