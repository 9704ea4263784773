/* Trees from storage to storage, and what is told of them. */
#ifndef SQ_CLI_FETCH_TRANSFER_H
#define SQ_CLI_FETCH_TRANSFER_H

#include "cli/fetch/move.h"

struct sq_fetch_line;
/* The tree of the folder `from` into the folder `to`, neither of them here. */
int sq_transfer_tree(struct sq_job *job, const struct sq_place *from,
                     const struct sq_place *to, struct sq_moved *moved,
                     struct sq_err *err);
/* Say what was left out, and with -v what was copied. */
void sq_fetch_tell(struct sq_fetch_line *line, const struct sq_moved *moved);

#endif
