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

#define SQ_OPT_ID(what)                                                                \
    {                                                                                  \
        .name = "id", .letter = 'i', .kind = SQ_OPT_INT, .value = "ID", .min = 1,      \
        .help = "the " what "'s id", .flags = SQ_OPT_REQUIRED, .group = 1              \
    }
#define SQ_OPT_NAME(what)                                                              \
    {                                                                                  \
        .name = "name", .letter = 'n', .kind = SQ_OPT_TEXT, .value = "NAME",           \
        .help = "the " what "'s name", .flags = SQ_OPT_REQUIRED, .group = 1            \
    }

#endif
