/* An instance of the azure plugin for each test of what is its own, with the mock of
 * Azure on the other side, which begins anew. */
#ifndef SQ_TESTS_AZURE_INSTANCE_H
#define SQ_TESTS_AZURE_INSTANCE_H

#include "tests/contract/provider/azure_world.h"

#include "lib/plugin.h"

struct world {
    struct sq_plugins *plugins;
    const struct sq_plugin *plugin;
    const struct sq_provider_ops *ops;
    struct sq_host *host;
    struct sq_provider *p;
    char said[20000]; /* the log */
    char record[100]; /* "": none */
};
extern struct world world;

/* Of the program, and of each test. */
int begin(void **state);
int end(void **state);
int set_up(void **state);
int tear_down(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

/* Open once more, with another setting; NULL: without it. */
int again(const char *key, const char *value, struct sq_err *err);

extern struct sq_call no_call; /* never canceled */
struct sq_launch wanted(const char *token, const char *name, const char *flavor);
int launch(const struct sq_launch *req, struct sq_machine *ret, struct sq_err *err);
/* No request had another form than the published one. */
void nothing_refused(void);

#endif
