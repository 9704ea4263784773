/* Files, folders and links made inside one open folder and nowhere else.
 *
 * Names come from archives and from listings of storages, which may be hostile.  A name
 * is relative, without "..", and every step of its way is opened without following a
 * link: what a name says is where it lands.  What stands at the last step already is
 * replaced, a folder excepted.  Errors name what was given, never the folder. */
#ifndef SQ_CLI_FETCH_INSIDE_H
#define SQ_CLI_FETCH_INSIDE_H

#include <scitq/error.h>
#include <stdbool.h>
#include <sys/stat.h>

/* Deeper trees are somebody's attack on our stack and descriptors. */
enum { SQ_INSIDE_DEPTH = 100 };

/* SQ_EINVAL unless it is a relative name that stays inside; "./a//b/" does. */
int sq_inside_check(const char *name, struct sq_err *err);
/* True when nothing is left of it but dots and slashes: the folder itself. */
bool sq_inside_is_root(const char *name);

/* Open the folder that `name` is in, making what is missing on the way: a descriptor,
 * or -1 and `err`.  *ret_last (NAME_MAX + 1 bytes) gets the last step. */
int sq_inside_parent(int root, const char *name, char *ret_last, struct sq_err *err);
/* Make and open a file for writing (0666 less the umask): a descriptor, or -1 and
 * `err`. */
int sq_inside_file(int root, const char *name, struct sq_err *err);
int sq_inside_dir(int root, const char *name, struct sq_err *err);
/* Make (if need be) and open a folder: a descriptor, or -1 and `err`. */
int sq_inside_open_dir(int root, const char *name, struct sq_err *err);
/* A link to `target`, which must be relative and lead nowhere outside by its words. */
int sq_inside_symlink(int root, const char *name, const char *target,
                      struct sq_err *err);
/* A second name for the file `target`, itself a name inside. */
int sq_inside_hardlink(int root, const char *name, const char *target,
                       struct sq_err *err);

/* Everything below `root`, a folder before what is in it; `name` is relative to root,
 * `last` its last step, in the open folder `dir`.  An error stops. */
typedef int sq_inside_visit_fn(void *arg, int dir, const char *last, const char *name,
                               const struct stat *st, struct sq_err *err);
int sq_inside_walk(int root, sq_inside_visit_fn *visit, void *arg, struct sq_err *err);
/* After all is made: every link below leads inside, other links on its way included
 * (which its words alone do not show), or SQ_EINVAL. */
int sq_inside_check_links(int root, struct sq_err *err);
/* Move everything in `from` into `to` (both on one file system): folders that are on
 * both sides are merged, files are replaced; with `no_replace` only by what is the same
 * to the byte.  SQ_EEXIST for what is not, and when one side has a folder where the
 * other has a file. */
int sq_inside_move(int from, int to, bool no_replace, struct sq_err *err);
/* The same for the file `last` of the folder `from`, called `name` in words. */
int sq_inside_rename(int from, int to, const char *last, const char *name,
                     bool no_replace, struct sq_err *err);

#endif
