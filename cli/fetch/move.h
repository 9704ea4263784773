/* Moving data: one file or many, from a storage to here, from here to a storage, from
 * one storage to another.  Everything is retried, verified, and whole before it has its
 * final name. */
#ifndef SQ_CLI_FETCH_MOVE_H
#define SQ_CLI_FETCH_MOVE_H

#include "cli/fetch/job.h"
#include "cli/fetch/place.h"

/* What was moved, for the report. */
struct sq_moved {
    pthread_mutex_t lock;
    struct sq_arena arena;
    const char **files; /* names relative to the destination */
    size_t n_files, cap_files;
    const char **skipped; /* links and pipes, which are not moved */
    size_t n_skipped, cap_skipped;
    struct sq_entry source; /* of a single file: size, date, MD5 as far as known */
};
void sq_moved_init(struct sq_moved *m);
void sq_moved_fini(struct sq_moved *m);
/* Any thread.  Past some millions of names they are no longer kept. */
void sq_moved_file(struct sq_moved *m, const char *name);
void sq_moved_skip(struct sq_moved *m, const char *name);

/* Fetch a file, or a folder's tree, into the local folder `to`, and do its action.
 * `name` (NULL: its own) is what a file is called there. */
int sq_get(struct sq_job *job, const struct sq_place *from, const char *to,
           const char *name, struct sq_moved *moved, struct sq_err *err);
/* Fetch these files below the folder `from`. */
int sq_get_names(struct sq_job *job, const struct sq_place *from, const char *to,
                 const char *const *names, size_t n, struct sq_moved *moved,
                 struct sq_err *err);

/* Store the local file `from` at `path` (NULL: the place itself). */
int sq_put_file(struct sq_job *job, const char *from, const struct sq_place *to,
                const char *path, struct sq_entry *ret, struct sq_err *err);
/* Store the tree of the local folder `from` (its regular files) in the folder `to`. */
int sq_put_tree(struct sq_job *job, const char *from, const struct sq_place *to,
                struct sq_moved *moved, struct sq_err *err);
/* The same for a folder that others may write to meanwhile: neither a link in its place
 * nor one that takes the place of a file in it is followed (snapshot.h). */
int sq_put_held(struct sq_job *job, const char *from, const struct sq_place *to,
                struct sq_moved *moved, struct sq_err *err);
int sq_put_names(struct sq_job *job, const char *from, const struct sq_place *to,
                 const char *const *names, size_t n, struct sq_moved *moved,
                 struct sq_err *err);

/* Can nothing ever be stored in the folder `to`?  Then why; what may pass, or cannot be
 * told, is no error.  Nothing is changed. */
int sq_put_check(struct sq_job *job, const struct sq_place *to, struct sq_err *err);

/* The same from one storage to another: by the storage itself where it can, else by way
 * of a temporary folder here.  `from_path`, `to_path`: of one file. */
int sq_relay_file(struct sq_job *job, const struct sq_place *from,
                  const char *from_path, const struct sq_place *to, const char *to_path,
                  struct sq_err *err);
int sq_relay_files(struct sq_job *job, const struct sq_place *from,
                   const struct sq_place *to, const struct sq_entry *files, size_t n,
                   struct sq_moved *moved, struct sq_err *err);
/* The whole tree by the storage itself; SQ_EUNSUPPORTED when it cannot. */
int sq_relay_tree(struct sq_job *job, const struct sq_place *from,
                  const struct sq_place *to, struct sq_err *err);

#endif
