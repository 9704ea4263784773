/* Instances of the openstack plugin: see openstack_instance.h. */
#include "tests/contract/provider/openstack_instance.h"

#include <string.h>

struct sq_launch wanted(const char *token)
{
    return (struct sq_launch){.token = token,
                              .name = "w1",
                              .flavor = "b2-7",
                              .region = "GRA11",
                              .tags = "",
                              .ssh_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0 lab"};
}

int find(const char *token, struct sq_err *err)
{
    struct sq_machine m;
    return world.ops->find(world.p, token, &no_call, &m, err);
}

void fails(const char *label, int rc, int code, const char *words,
           const struct sq_err *err)
{
    if (rc != code || (rc && !strstr(err->text, words)))
        fail_msg("%s: %s, not %s: %s", label, sq_code_name(rc), sq_code_name(code),
                 rc ? err->text : "");
    if (rc && (strstr(err->text, "wörd") || strpbrk(err->text, "<>\r\n")))
        fail_msg("not to be shown: %s", err->text);
}

const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "(none)";
}

int begin(void **state)
{
    (void)state;
    openstack_start(NULL);
    instance_begin("openstack", openstack_settings);
    return 0;
}
