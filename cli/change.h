/* Updates: options that were given become members of a PUT. */
#ifndef SQ_CLI_CHANGE_H
#define SQ_CLI_CHANGE_H

#include "cli/find.h"

struct sq_change {
    const char *option;
    const char *field;
};

/* Add a member for each option of `changes` (ends with a NULL) that was given: its
 * number or text, null for an empty text ("-d ''" removes the container). */
void sq_change_collect(struct sq_cli *cli, const struct sq_change *changes,
                       json_t *body);
/* Change the object that --id or --name says (of several, the newest) and say so;
 * misuse when the body (taken) is empty. */
int sq_change_apply_take(struct sq_cli *cli, const struct sq_kind *kind, json_t *body,
                         struct sq_err *err);

#endif
