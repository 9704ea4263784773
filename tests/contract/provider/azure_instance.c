/* An instance of the azure plugin, with the mock on the other side. */
#include "tests/contract/provider/azure_instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/host.h"

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
    const struct sq_provider_conf conf = {.as = "azure", .owner = "lab"};
    OK(*err, sq_host_new(world.plugin, &host, &world.host, err));
    return world.ops->open(world.host, &conf, &world.p, err);
}

int set_up(void **state)
{
    struct sq_err err;
    (void)state;
    for (size_t i = 0; azure_settings[i]; i++)
        putenv((char *)azure_settings[i]);
    order("/_mock/reset", "{}");
    world.said[0] = 0;
    OK(err, open_plugin(&err));
    return 0;
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

int again(const char *key, const char *value, struct sq_err *err)
{
    char *old = getenv(key) ? strdup(getenv(key)) : NULL;
    tear_down(NULL);
    if (value)
        setenv(key, value, 1);
    else
        unsetenv(key);
    int rc = open_plugin(err);
    if (old)
        setenv(key, old, 1);
    else
        unsetenv(key);
    free(old);
    return rc;
}

static int never(const struct sq_call *call)
{
    (void)call;
    return 0;
}

struct sq_call no_call = {.canceled = never, .cancel_fd = -1};

struct sq_launch wanted(const char *token, const char *name, const char *flavor)
{
    return (struct sq_launch){.token = token,
                              .name = name,
                              .flavor = flavor,
                              .region = "swedencentral",
                              .tags = "",
                              .ssh_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0 lab"};
}

int launch(const struct sq_launch *req, struct sq_machine *ret, struct sq_err *err)
{
    return world.ops->launch(world.p, req, &no_call, ret, err);
}

void nothing_refused(void)
{
    json_t *rows = ask("/_mock/refused");
    if (json_array_size(rows))
        fail_msg("refused: %s", json_dumps(json_array_get(rows, 0), 0));
    json_decref(rows);
}

int begin(void **state)
{
    struct sq_err err;
    (void)state;
    azure_start(NULL);
    OK(err, sq_plugins_load_providers(NULL, &world.plugins, &err));
    OK(err, sq_plugins_provider(world.plugins, "azure", &world.plugin, &err));
    world.ops = world.plugin->provider;
    return 0;
}

int end(void **state)
{
    (void)state;
    mock_stop();
    sq_plugins_free(world.plugins);
    return 0;
}
