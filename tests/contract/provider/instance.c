/* An instance of a provider's plugin, with a mock on the other side. */
#include "tests/contract/provider/instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/host.h"
#include "lib/util.h"
#include "tests/contract/provider/mock.h"

struct world world;

static void on_log(void *arg, enum sq_log_kind kind, const char *name, const char *text)
{
    size_t len = strlen(world.said);
    (void)arg;
    (void)kind;
    (void)name;
    snprintf(world.said + len, sizeof world.said - len, "%s\n", text);
}

static int open_plugin(struct sq_err *err)
{
    const struct sq_host_conf host = {.log = on_log,
                                      .record = world.record[0] ? world.record : NULL};
    const struct sq_provider_conf conf = {.as = world.as, .owner = "lab"};
    OK(*err, sq_host_new(world.plugin, &host, &world.host, err));
    return world.ops->open(world.host, &conf, &world.p, err);
}

int set_up(void **state)
{
    struct sq_err err;
    (void)state;
    order("/_mock/reset", "{}");
    world.said[0] = 0;
    OK(err, open_plugin(&err));
    return 0;
}

void record_begin(void)
{
    snprintf(world.record, sizeof world.record, "/tmp/scitq-%s-%d", world.as,
             (int)getpid());
}

void record_end(char *ret, size_t size)
{
    FILE *f = fopen(world.record, "re");
    assert_non_null(f);
    size_t len = fread(ret, 1, size - 1, f);
    fclose(f);
    unlink(world.record);
    world.record[0] = 0;
    assert_true(len > 0);
    ret[len] = 0;
}

int tear_down(void **state)
{
    (void)state;
    world.ops->close(world.p);
    sq_host_free(world.host);
    world.p = NULL;
    world.host = NULL;
    return 0;
}

static void put(const char *key, const char *value)
{
    if (value)
        setenv(key, value, 1);
    else
        unsetenv(key);
}

int again(const char *const *settings, struct sq_err *err)
{
    char *old[SETTINGS_MAX], key[SETTINGS_MAX][64];
    tear_down(NULL);
    for (size_t i = 0; settings[i]; i++) {
        size_t len = strcspn(settings[i], "=");
        assert_true(i < SETTINGS_MAX && len < sizeof key[i]);
        snprintf(key[i], sizeof key[i], "%.*s", (int)len, settings[i]);
        old[i] = getenv(key[i]) ? strdup(getenv(key[i])) : NULL;
        put(key[i], settings[i][len] ? settings[i] + len + 1 : NULL);
    }
    int rc = open_plugin(err);
    for (size_t i = 0; settings[i]; i++) {
        put(key[i], old[i]);
        free(old[i]);
    }
    return rc;
}

int again_with(const char *key, const char *value, struct sq_err *err)
{
    char set[200];
    const char *const settings[] = {set, NULL};
    snprintf(set, sizeof set, "%s%s%s", key, value ? "=" : "", value ? value : "");
    return again(settings, err);
}

static int never(const struct sq_call *call)
{
    (void)call;
    return 0;
}

struct sq_call no_call = {.canceled = never, .cancel_fd = -1};

int launch(const struct sq_launch *req, struct sq_machine *ret, struct sq_err *err)
{
    return world.ops->launch(world.p, req, &no_call, ret, err);
}

void instance_begin(const char *as, const char *const *settings)
{
    struct sq_err err;
    for (size_t i = 0; settings[i]; i++)
        putenv((char *)settings[i]);
    world.as = as;
    OK(err, sq_plugins_load_providers(NULL, &world.plugins, &err));
    OK(err, sq_plugins_provider(world.plugins, as, &world.plugin, &err));
    world.ops = world.plugin->provider;
}

int end(void **state)
{
    (void)state;
    mock_stop();
    sq_plugins_free(world.plugins);
    return 0;
}
