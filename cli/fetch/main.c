/* scitq-fetch: moves data between storages and here, for people and for the worker. */
#include "cli/fetch/verbs.h"

int main(int argc, char **argv)
{
    struct sq_cli cli;
    (void)argc;
    sq_cli_init(&cli, "scitq-fetch", stdout);
    int code = sq_fetch_run(&cli, argv + 1);
    sq_cli_fini(&cli);
    return code;
}
