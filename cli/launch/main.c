/* scitq-launch: queues a command as a task. */
#include "cli/launch/request.h"
#include "lib/http.h"

int main(int argc, char **argv)
{
    struct sq_cli cli;
    (void)argc;
    sq_http_hide_token();
    sq_cli_init(&cli, "scitq-launch", stdout);
    int code = sq_launch_run(&cli, argv + 1);
    sq_cli_fini(&cli);
    return code;
}
