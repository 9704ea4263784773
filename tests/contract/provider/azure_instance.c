/* Instances of the azure plugin: see azure_instance.h. */
#include "tests/contract/provider/azure_instance.h"

struct sq_launch wanted(const char *token, const char *name, const char *flavor)
{
    return (struct sq_launch){.token = token,
                              .name = name,
                              .flavor = flavor,
                              .region = "swedencentral",
                              .tags = "",
                              .ssh_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0 lab"};
}

int begin(void **state)
{
    (void)state;
    azure_start(NULL);
    instance_begin("azure", azure_settings);
    return 0;
}
