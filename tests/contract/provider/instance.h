/* An instance of a provider for each test of what is the plugin's own, with a mock on
 * the other side, which begins anew. */
#ifndef SQ_TESTS_INSTANCE_H
#define SQ_TESTS_INSTANCE_H

#include "tests/test.h"

#include <scitq/provider.h>

#include "lib/plugin.h"

struct world {
    struct sq_plugins *plugins;
    const struct sq_plugin *plugin;
    const struct sq_provider_ops *ops;
    struct sq_host *host;
    struct sq_provider *p;
    const char *as;
    char said[20000]; /* the log */
    char record[100]; /* what HTTP said; "": no record */
};
extern struct world world;

/* Of the program: the module behind the name `as`, with these settings ("KEY=value",
 * ended by NULL); the mock runs. */
void instance_begin(const char *as, const char *const *settings);
int end(void **state);
/* Of each test. */
int set_up(void **state);
int tear_down(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

enum { SETTINGS_MAX = 8 };

/* Open once more, with other settings: "KEY=value", or "KEY" for none, ended by NULL.
 */
int again(const char *const *settings, struct sq_err *err);
/* ...with one other; NULL: without it. */
int again_with(const char *key, const char *value, struct sq_err *err);

/* What HTTP says of instances opened after the first of these, as text. */
void record_begin(void);
void record_end(char *ret, size_t size);

extern struct sq_call no_call; /* never canceled */
int launch(const struct sq_launch *req, struct sq_machine *ret, struct sq_err *err);

#endif
