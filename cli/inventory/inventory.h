/* scitq-inventory, which is `scitq-manage ansible inventory` too. */
#ifndef SQ_CLI_INVENTORY_H
#define SQ_CLI_INVENTORY_H

#include "cli/cli.h"

/* Its own options, and those that it shares with scitq-manage. */
extern const struct sq_opt sq_inventory_options[], sq_inventory_common[];

/* Do what the options say. */
int sq_inventory_act(struct sq_cli *cli, struct sq_err *err);
/* Have /etc/hosts name the hosts of `list` (the server's JSON) that have an address, in
 * lines of our own between two marks; what else is there stays as it is. */
int sq_inventory_etchosts(const json_t *list, struct sq_err *err);
/* One command line (argv without the program's name): the exit code. */
int sq_inventory_run(struct sq_cli *cli, char **argv);

#endif
