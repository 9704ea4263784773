/* scitq-inventory: Ansible's inventory script. */
#include "cli/inventory/inventory.h"
#include "lib/http.h"

int main(int argc, char **argv)
{
    struct sq_cli cli;
    (void)argc;
    sq_http_hide_token();
    sq_cli_init(&cli, "scitq-inventory", stdout);
    int code = sq_inventory_run(&cli, argv + 1);
    sq_cli_fini(&cli);
    return code;
}
