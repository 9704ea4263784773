/* scitq-manage: does everything that is done to tasks, batches, executions, workers
 * and the database from a terminal or a script. */
#include "cli/manage/commands.h"
#include "lib/http.h"

int main(int argc, char **argv)
{
    struct sq_cli cli;
    (void)argc;
    sq_http_hide_token();
    sq_cli_init(&cli, "scitq-manage", stdout);
    int code = sq_manage_run(&cli, argv + 1);
    sq_cli_fini(&cli);
    return code;
}
