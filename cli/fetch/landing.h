/* Where fetched files wait until they are whole: a hidden folder in their destination,
 * on the same file system, from which they are renamed.
 *
 * Killed in the middle, a fetch leaves nothing under a final name; only the hidden
 * folder (.scitq-fetch-XXXXXX) may stay. */
#ifndef SQ_CLI_FETCH_LANDING_H
#define SQ_CLI_FETCH_LANDING_H

#include <scitq/storage.h>
#include "lib/util.h"

#define SQ_LANDING_PREFIX ".scitq-fetch-"

struct sq_landing {
    int dest;      /* the destination, open */
    int tree;      /* the folder for files under their own names, open */
    char *path;    /* of the hidden folder, absolute */
    char *archive; /* path/data: one file that is no tree's */
    char *tree_path;
    bool no_replace; /* a file of the destination is replaced by its equal only */
};

/* Make the destination, with the folders above it, and the hidden folder in it.
 * `below`, when not NULL, is a folder in `dest` to be the destination; no link leads
 * there. */
int sq_landing_open(const char *dest, const char *below, struct sq_landing *l,
                    struct sq_err *err);
void sq_landing_close(struct sq_landing *l); /* removes the hidden folder */
/* Remove the hidden folders that killed processes left there, when nobody uses one. */
void sq_landing_sweep(const char *dest, const char *below);
/* Move the file tree/NAME into the destination, with the date of its source
 * (SQ_UNKNOWN: as it is).  SQ_EIO when its size is not `size_bytes`; SQ_EEXIST.  Any
 * thread. */
int sq_landing_place(struct sq_landing *l, const char *name,
                     const struct sq_entry *source, struct sq_err *err);

#endif
