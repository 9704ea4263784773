/* Where fetched files wait until they are whole: a hidden folder in their destination,
 * on the same file system, from which they are renamed.
 *
 * Killed in the middle, a fetch leaves nothing under a final name; only the hidden
 * folder (.scitq-fetch-XXXXXX) may stay. */
#ifndef SQ_CLI_FETCH_LANDING_H
#define SQ_CLI_FETCH_LANDING_H

#include <scitq/storage.h>
#include "lib/util.h"

struct sq_landing {
    int dest;      /* the destination, open */
    int tree;      /* the folder for files under their own names, open */
    char *path;    /* of the hidden folder, absolute */
    char *archive; /* path/data: one file that is no tree's */
    char *tree_path;
};

/* Make the destination, with the folders above it, and the hidden folder in it. */
int sq_landing_open(const char *dest, struct sq_landing *l, struct sq_err *err);
void sq_landing_close(struct sq_landing *l); /* removes the hidden folder */
/* Move the file tree/NAME into the destination, with the date of its source
 * (SQ_UNKNOWN: as it is).  SQ_EIO when its size is not `size_bytes`.  Any thread. */
int sq_landing_place(struct sq_landing *l, const char *name,
                     const struct sq_entry *source, struct sq_err *err);

#endif
