/* What is at a place, as one value to compare: the server's cache is built on it.
 *
 * `content` depends on the names and MD5s of the files alone, whatever storage holds
 * them and in whatever order it lists them; an empty folder counts too, since it is
 * fetched.  One file is the same as a folder with only that file.  `state` also holds
 * sizes and dates: a place whose state is the same twice was not changed in between,
 * nor changed and changed back. */
#ifndef SQ_CLI_FETCH_DIGEST_H
#define SQ_CLI_FETCH_DIGEST_H

#include "cli/fetch/move.h"
#include "cli/fetch/tree.h"

struct sq_digest {
    char content[33], state[33]; /* as MD5s */
    char md5[33];                /* of a single file; "" of a folder */
    /* On a disk of this machine that, as far as can be told, no other machine sees. */
    bool here;
};

/* Of a file, or a folder with its tree.  SQ_EUNSUPPORTED where the storage keeps no MD5
 * of something, and for a relative path, which is another file elsewhere. */
int sq_digest_place(struct sq_job *job, const struct sq_place *at,
                    struct sq_digest *ret, struct sq_err *err);

/* Names, sizes, dates and MD5s, as far as known, of the files of a folder that was
 * listed: another text when any of them is another. */
void sq_digest_listing(const struct sq_tree *files, char ret[33]);

/* Some files of a folder, named as in a task's output_files: separated by spaces, %XX
 * for what cannot stand there. */
struct sq_names {
    struct sq_arena arena;
    struct sq_place folder;
    struct sq_entry *entries; /* sorted by name */
    size_t n;
};
void sq_names_init(struct sq_names *names);
void sq_names_fini(struct sq_names *names);
/* Find each of them at `at`; `want` as for info.  SQ_ENOENT when one is missing. */
int sq_names_look(struct sq_job *job, const struct sq_place *at, const char *list,
                  unsigned want, struct sq_names *ret, struct sq_err *err);
/* The same of what `ret` names already. */
int sq_names_find(struct sq_job *job, unsigned want, struct sq_names *ret,
                  struct sq_err *err);
int sq_digest_names(struct sq_job *job, const struct sq_place *at, const char *list,
                    struct sq_digest *ret, struct sq_err *err);
/* What was stored from the local folder `from`, as sq_digest_names of where it is now
 * will give it if nobody writes there. */
int sq_digest_moved(struct sq_job *job, const char *from, const struct sq_moved *moved,
                    struct sq_digest *ret, struct sq_err *err);
/* Copy them to another folder of the same storage. */
int sq_names_copy(struct sq_job *job, const struct sq_place *from, const char *list,
                  const struct sq_place *to, struct sq_moved *moved,
                  struct sq_err *err);

#endif
