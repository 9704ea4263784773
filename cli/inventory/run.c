/* scitq-inventory from its words to its exit code: 0 done, 1 trouble, 2 a command line
 * that makes no sense. */
#include "cli/inventory/inventory.h"
#include "cli/rows.h"

#include <stdio.h>

enum { HELP_BYTES = 64 * 1024 };

const struct sq_opt sq_inventory_common[] = {
    SQ_OPT_SERVER,
    {.name = "help", .letter = 'h', .help = "print this help"},
    {.name = "version", .help = "print the version"},
    {0},
};

static void print_help(struct sq_cli *cli)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    sq_buf_init(&text, HELP_BYTES);
    sq_options_usage_line("scitq-inventory", sq_inventory_options, "", &text);
    sq_buf_adds(&text, "\nAnsible's hosts that scitq knows: an inventory script, and "
                       "what changes it.\n\n");
    sq_options_help(sq_inventory_options, &text);
    sq_options_help(sq_inventory_common, &text);
    fputs(sq_buf_ok(&text) ? text.data : "out of memory\n", cli->out);
}

int sq_inventory_run(struct sq_cli *cli, char **argv)
{
    struct sq_err err = {0};
    int rc = sq_args_add(&cli->args, sq_inventory_common, &err);
    if (rc == 0)
        rc = sq_args_add(&cli->args, sq_inventory_options, &err);
    if (rc == 0)
        rc = sq_args_parse(&cli->args, &argv, &err);
    if (rc == 0 && *argv)
        rc = sq_fail(&err, SQ_EINVAL, "unexpected word '%s'", *argv);
    if (rc == 0)
        rc = sq_args_check(&cli->args, &err);
    if (rc == 0)
        rc = sq_args_check_utf8(&cli->args, &err);
    if (rc != 0)
        return sq_cli_usage_error(cli, cli->program, err.text);
    if (sq_args_has(&cli->args, "help")) {
        print_help(cli);
        return SQ_EXIT_DONE;
    }
    if (sq_args_has(&cli->args, "version")) {
        sq_cli_print_version(cli);
        return SQ_EXIT_DONE;
    }
    rc = sq_inventory_act(cli, &err);
    return sq_cli_end(cli, rc, cli->program, &err);
}
