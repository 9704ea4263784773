/* What the verbs of `recruiter` share: the key, and what is printed of one. */
#ifndef SQ_CLI_MANAGE_RECRUITER_H
#define SQ_CLI_MANAGE_RECRUITER_H

#include "cli/cli.h"

/* clang-format off: a row an option */
#define SQ_OPT_RECRUITER_KEY                                                           \
    {.name = "batch",                                                                  \
     .letter = 'b',                                                                    \
     .kind = SQ_OPT_TEXT,                                                              \
     .value = "BATCH",                                                                 \
     .flags = SQ_OPT_REQUIRED,                                                         \
     .help = "the batch it gives workers to"},                                         \
    {                                                                                  \
        .name = "rank", .letter = 'n', .kind = SQ_OPT_INT, .value = "RANK",            \
        .fallback = "1", .help = "its place among the recruiters of that batch"        \
    }

#define SQ_OPT_RECRUITER_RULE                                                          \
    SQ_OPT_REGION(0, "where to deploy, or auto; none: only recycle"),                  \
        SQ_OPT_PROVIDER(0, "from whom to deploy, or auto; none: only recycle"),        \
        {.name = "prefetch",                                                           \
         .letter = 'p',                                                                \
         .kind = SQ_OPT_INT,                                                           \
         .value = "N",                                                                 \
         .help = "tasks fetched in advance on each worker"},                           \
        {.name = "tasks-per-worker",                                                   \
         .letter = 'T',                                                                \
         .kind = SQ_OPT_INT,                                                           \
         .value = "N",                                                                 \
         .min = 1,                                                                     \
         .help = "pending tasks that make one worker necessary; as many as the "       \
                 "concurrency when it is created without"},                            \
        {.name = "minimum",                                                            \
         .letter = 'm',                                                                \
         .kind = SQ_OPT_INT,                                                           \
         .value = "N",                                                                 \
         .help = "pending tasks below which it does nothing"},                         \
    {                                                                                  \
        .name = "maximum", .letter = 'W', .kind = SQ_OPT_INT, .value = "N",            \
        .help = "workers of the batch above which it adds none; 0: no limit"           \
    }
/* clang-format on */

/* The members of a body that its options give. */
void sq_recruiter_members(struct sq_cli *cli, json_t *body);
/* "/recruiter/BATCH/RANK", in the arena. */
const char *sq_recruiter_path(struct sq_cli *cli, struct sq_err *err);
/* The answer as --json says, or "Recruiter BATCH/RANK DONE". */
void sq_recruiter_print(struct sq_cli *cli, const json_t *recruiter, const char *done);

#endif
