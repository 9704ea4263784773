/* What a storage says is in a folder, all of it, sorted by name. */
#ifndef SQ_CLI_FETCH_TREE_H
#define SQ_CLI_FETCH_TREE_H

#include "cli/fetch/job.h"
#include "cli/fetch/place.h"

struct sq_tree {
    struct sq_arena arena;
    struct sq_entry *entries;
    size_t n, cap;
};

void sq_tree_init(struct sq_tree *t);
void sq_tree_fini(struct sq_tree *t);
/* `want`: SQ_WANT_… and SQ_LIST_RECURSIVE.  Retried.  SQ_EPROTO when a name would lie
 * outside the folder. */
int sq_tree_list(struct sq_job *job, const struct sq_place *at, unsigned want,
                 struct sq_tree *ret, struct sq_err *err);
/* What is at a place itself.  Retried. */
int sq_tree_look(struct sq_job *job, const struct sq_place *at, unsigned want,
                 struct sq_entry *ret, struct sq_err *err);
/* Keep only the files that one of these patterns takes (n 0: all files); links that
 * lead to files count as files.  A pattern without `/` is held against the last step of
 * a name, one with it against the whole, where * stays within a step. */
void sq_tree_keep_files(struct sq_tree *t, const char *const *patterns, size_t n);
/* The sum of the sizes that are known. */
int64_t sq_tree_bytes(const struct sq_tree *t);
/* The names, in the arena; NULL: out of memory. */
const char **sq_tree_names(struct sq_tree *t);

#endif
