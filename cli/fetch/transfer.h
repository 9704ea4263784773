/* Trees and sets of names, whichever side is here. */
#ifndef SQ_CLI_FETCH_TRANSFER_H
#define SQ_CLI_FETCH_TRANSFER_H

#include "cli/fetch/move.h"

struct sq_fetch_line;
/* These files of the folder `from` into the folder `to`. */
int sq_transfer_names(struct sq_job *job, const struct sq_place *from,
                      const struct sq_place *to, const char *const *names, size_t n,
                      struct sq_moved *moved, struct sq_err *err);
/* All of them. */
int sq_transfer_tree(struct sq_job *job, const struct sq_place *from,
                     const struct sq_place *to, struct sq_moved *moved,
                     struct sq_err *err);
/* Say what was left out, and with -v what was copied. */
void sq_fetch_tell(struct sq_fetch_line *line, const struct sq_moved *moved);

#endif
