/* Rows that the option tables of several commands share, so that an option is called,
 * spelled and explained alike wherever it is.  A row that one command alone has is in
 * that command's table. */
#ifndef SQ_CLI_ROWS_H
#define SQ_CLI_ROWS_H

#include "cli/options.h"

/* The words of --status. */
#define SQ_TASK_WORDS                                                                  \
    "paused waiting pending assigned accepted running failed succeeded debug"
#define SQ_EXECUTION_WORDS "pending accepted running failed succeeded refused"
#define SQ_WORKER_WORDS "paused running offline failed evicted"

/* clang-format off: it would spread each row over a screen */
/* Everywhere. */
#define SQ_OPT_SERVER                                                                  \
    {                                                                                  \
        .name = "server", .letter = 's', .kind = SQ_OPT_TEXT, .value = "SERVER",       \
        .help = "name, name:port or URL of the server; else SCITQ_SERVER, else "       \
                "127.0.0.1"                                                            \
    }

/* One object: by --id or --name (find.h). */
#define SQ_OPT_ID(what)                                                                \
    {                                                                                  \
        .name = "id", .letter = 'i', .kind = SQ_OPT_INT, .value = "ID", .min = 1,      \
        .flags = SQ_OPT_REQUIRED, .group = 1, .help = "the " what "'s id"              \
    }
#define SQ_OPT_NAME(what)                                                              \
    {                                                                                  \
        .name = "name", .letter = 'n', .kind = SQ_OPT_TEXT, .value = "NAME",           \
        .flags = SQ_OPT_REQUIRED, .group = 1, .help = "the " what "'s name"            \
    }

/* Its members. */
#define SQ_OPT_STATUS(words, sentence)                                                 \
    {                                                                                  \
        .name = "status", .letter = 'S', .kind = SQ_OPT_TEXT, .value = "STATUS",       \
        .choices = words, .help = sentence                                             \
    }
#define SQ_OPT_BATCH(sentence)                                                         \
    {                                                                                  \
        .name = "batch", .letter = 'b', .kind = SQ_OPT_TEXT, .value = "BATCH",         \
        .help = sentence                                                               \
    }
#define SQ_OPT_CONCURRENCY(otherwise)                                                  \
    {                                                                                  \
        .name = "concurrency", .letter = 'C', .kind = SQ_OPT_INT, .value = "N",        \
        .fallback = otherwise, .help = "tasks running at once"                         \
    }
#define SQ_OPT_PREFETCH(otherwise)                                                     \
    {                                                                                  \
        .name = "prefetch", .letter = 'p', .kind = SQ_OPT_INT, .value = "N",           \
        .fallback = otherwise, .help = "tasks fetched in advance"                      \
    }

/* Machines. */
#define SQ_OPT_FLAVOR(needed)                                                          \
    {                                                                                  \
        .name = "flavor", .letter = 'f', .kind = SQ_OPT_TEXT, .value = "FLAVOR",       \
        .flags = needed,                                                               \
        .help = "machine size, or auto:FILTERS, as 'flavor list --help' tells"         \
    }
#define SQ_OPT_REGION(needed, sentence)                                                \
    {                                                                                  \
        .name = "region", .letter = 'r', .kind = SQ_OPT_TEXT, .value = "REGION",       \
        .flags = needed, .help = sentence                                              \
    }
#define SQ_OPT_PROVIDER(needed, sentence)                                              \
    {                                                                                  \
        .name = "provider", .letter = 'P', .kind = SQ_OPT_TEXT, .value = "PROVIDER",   \
        .flags = needed, .help = sentence                                              \
    }

/* Batches (manage/batch.h). */
#define SQ_OPT_BATCH_NAMES                                                             \
    {                                                                                  \
        .name = "name", .letter = 'n', .kind = SQ_OPT_TEXT, .value = "BATCH",          \
        .flags = SQ_OPT_REQUIRED | SQ_OPT_MANY | SQ_OPT_GREEDY,                        \
        .help = "the batch, or several"                                                \
    }
#define SQ_OPT_SIGNAL(numbers)                                                         \
    {                                                                                  \
        .name = "signal", .letter = 'N', .kind = SQ_OPT_INT, .value = "SIGNAL",        \
        .choices = numbers, .group = 1,                                                \
        .help = "what is sent to its running tasks besides (0: nothing)"               \
    }

/* Lists (listing.h). */
#define SQ_OPT_NO_HEADER                                                               \
    {                                                                                  \
        .name = "no-header", .letter = 'H', .help = "print no header line"             \
    }
#define SQ_OPT_LONG                                                                    \
    {                                                                                  \
        .name = "long", .letter = 'L', .help = "print every column, values uncut"      \
    }

/* What an execution wrote (output.h). */
#define SQ_OPT_OUTPUT                                                                  \
    {                                                                                  \
        .name = "output", .letter = 'o', .group = 2,                                   \
        .help = "only the standard output"                                             \
    }
#define SQ_OPT_ERROR                                                                   \
    {                                                                                  \
        .name = "error", .letter = 'e', .group = 2,                                    \
        .help = "only the standard error, printed on standard output"                  \
    }
/* clang-format on */

#endif
