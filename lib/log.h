/* The daemon's log: one line a message, to stderr or to a rotated file.
 *
 * 2026-11-22T00:39:58.356026 warning [http] text
 * (no time on stderr when it goes to the journal: $JOURNAL_STREAM is set).
 * Thread-safe.  Before sq_log_open everything goes to stderr at level info. */
#ifndef SQ_LIB_LOG_H
#define SQ_LIB_LOG_H

#include <scitq/error.h>
#include "lib/util.h"

enum sq_level { SQ_LOG_ERROR, SQ_LOG_WARNING, SQ_LOG_INFO, SQ_LOG_DEBUG };

struct sq_log_conf {
    const char *path;       /* NULL: stderr */
    int64_t max_size_bytes; /* rotate past this: path -> path.1 -> … */
    int keep;               /* rotated files kept */
    enum sq_level level;
    /* Written before each line on stderr (a terminal's progress bar is wiped so);
     * borrowed for good.  NULL: nothing. */
    const char *before;
};

/* Again and again: where the file cannot be opened, all goes on as before. */
int sq_log_open(const struct sq_log_conf *conf, struct sq_err *err);
void sq_log_close(void);
/* Open the file again: for SIGHUP after an outside rotation.  Not in the handler. */
int sq_log_reopen(struct sq_err *err);
void sq_log_set_level(enum sq_level level);
bool sq_log_level_parse(const char *text, enum sq_level *ret); /* error … debug */

/* `room` is a short word: http, sched, store, worker.  Newlines inside the text are
 * written as spaces. */
void sq_log(enum sq_level level, const char *room, const char *fmt, ...)
    SQ_PRINTF(3, 4);

#endif
