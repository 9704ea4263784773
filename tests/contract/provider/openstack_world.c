/* The mock of OpenStack for the tests of the openstack plugin. */
#include "tests/contract/provider/openstack_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As tests/servers/openstack_forms.py has them. */
const char *const openstack_settings[] = {
    "OS_USERNAME=user-abc",
    "OS_PASSWORD=p\"a\\ss wörd%40",
    "OS_PROJECT_ID=0123456789abcdef0123456789abcdef",
    "OS_USER_DOMAIN_NAME=Default",
    "OVH_REGIONS=GRA11 SBG5",
    "OPENSTACK_KEYNAME=testkey",
    NULL};

bool openstack_start(const char *folder)
{
    char url[100];
    (void)folder;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/identity/v3",
             mock_start("openstack"));
    setenv("OS_AUTH_URL", url, 1);
    return true;
}

static bool is(const json_t *server, const char *key, const char *value)
{
    const char *text =
        json_string_value(json_object_get(json_object_get(server, "metadata"), key));
    return !value || (text && strcmp(text, value) == 0);
}

int each_server(const char *owner, const char *token, void (*on)(const json_t *server))
{
    json_t *table = ask("/_mock/table"), *server;
    size_t i;
    int n = 0;
    json_array_foreach(json_object_get(table, "servers"), i, server)
    {
        if (!is(server, "scitq-owner", owner) || !is(server, "scitq-token", token))
            continue;
        n++;
        if (on)
            on(server);
    }
    json_decref(table);
    return n;
}

void order_server(const json_t *server, const char *deed)
{
    char body[300];
    snprintf(body, sizeof body,
             "{\"do\": \"%s\", \"server\": \"%s\", \"message\": \"It burned.\"}", deed,
             json_string_value(json_object_get(server, "id")));
    order("/_mock/act", body);
}
