/* From --id or --name to one object. */
#ifndef SQ_CLI_FIND_H
#define SQ_CLI_FIND_H

#include "cli/cli.h"

struct sq_kind {
    const char *word; /* "task" */
    const char *path; /* "/tasks/" */
    const char *key;  /* "task_id" */
};
extern const struct sq_kind sq_kind_task, sq_kind_worker;

/* When several objects have the name. */
enum sq_find {
    SQ_FIND_NEWEST, /* the highest id, with a note on standard error */
    SQ_FIND_ONLY    /* refuse, listing them on standard error: for deletions */
};

/* The id that --id says, or that of the object --name names.  SQ_ENOENT for an
 * unknown name, SQ_EEXIST for an ambiguous one. */
int sq_find(struct sq_cli *cli, const struct sq_kind *kind, enum sq_find how,
            int64_t *ret_id, struct sq_err *err);
/* "/tasks/12" and whatever `rest` ("/why", "") says, in the arena. */
const char *sq_find_path(struct sq_cli *cli, const struct sq_kind *kind, int64_t id,
                         const char *rest);

#endif
