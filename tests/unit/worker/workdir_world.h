/* A base directory, its loop and its watcher for each test of working directories, and
 * what tasks do to these. */
#ifndef SQ_TESTS_WORKDIR_WORLD_H
#define SQ_TESTS_WORKDIR_WORLD_H

#include "tests/test.h"

#include "worker/workdir.h"

extern char base[64];
extern struct sq_loop loop;
extern struct sq_watcher watcher;
extern int written; /* directories that the watcher spoke of */

int make_base(void **state);
int remove_base(void **state);
#define ONE(test) cmocka_unit_test_setup_teardown(test, make_base, remove_base)

void open_with(struct sq_workdirs *w, const char *worker, const char *state_dir);
struct sq_workdir *take(struct sq_workdirs *w);
void save(struct sq_workdir *d, int stage, int64_t id, const char *command);
/* A path in it, until the next call. */
const char *in(const struct sq_workdir *d, const char *name);
/* Write a small file. */
void put(const struct sq_workdir *d, const char *name);
/* Run the loop until the cleaner has given everything back. */
void settle(struct sq_workdirs *w);
size_t count(const struct sq_workdir_list *list);
/* As if it had never been used. */
void assert_pristine(const struct sq_workdir *d);

/* What a task may do. */
void mess_tree(struct sq_workdir *d);
void mess_pipe(struct sq_workdir *d);

#endif
