/* The files of a folder held fast before they are stored: each gets a second name in a
 * private folder beside it, and is read by that one.
 *
 * What is stored is listed first and read by plugins, by name, later: a task that swaps
 * a file for a link in between would have the worker store a file of somebody else's.
 * A second name is the file that was looked at, whatever its first name leads to by
 * then.  Where the file system gives none (too many links, another mount), the file is
 * copied. */
#ifndef SQ_CLI_FETCH_SNAPSHOT_H
#define SQ_CLI_FETCH_SNAPSHOT_H

#include <sys/stat.h>
#include "cli/fetch/anchor.h"

struct sq_snapshot {
    int parent;              /* the folder it is in */
    char name[24];           /* in there; "": none */
    struct sq_anchor anchor; /* the snapshot itself: names as in the folder */
};

/* Make one beside the folder `path`. */
int sq_snapshot_open(const char *path, struct sq_snapshot *s, struct sq_err *err);
void sq_snapshot_close(struct sq_snapshot *s); /* removes it */
/* Hold the regular file `last` of the open folder `dir`, seen as `st`, under `name`.
 * SQ_ENOENT: it is not there any more, or another.  SQ_EUNSUPPORTED: this system lets
 * us give no second name to a file of another user's, and we are not root: then nothing
 * can be read by us that the task could not. */
int sq_snapshot_add(struct sq_snapshot *s, int dir, const char *last, const char *name,
                    const struct stat *st, struct sq_err *err);

#endif
