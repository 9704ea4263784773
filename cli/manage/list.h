/* The lists that may be asked for what is of a name. */
#ifndef SQ_CLI_MANAGE_LIST_H
#define SQ_CLI_MANAGE_LIST_H

#include "cli/listing.h"

/* sq_listing_print_take; with a note where it is empty and what `filter` names does not
 * exist at all. */
int sq_list_take(struct sq_cli *cli, const struct sq_listing *l, json_t *filter,
                 struct sq_err *err);

#endif
