/* The journal of exits: what the worker has not acknowledged yet, one line an exit.
 *
 * It survives the supervisor and the worker, not a power cut (no fsync a task: a power
 * cut ends the commands too).  Several exits are a few appends to one open file. */
#ifndef SQ_WORKER_SUPERVISOR_JOURNAL_H
#define SQ_WORKER_SUPERVISOR_JOURNAL_H

#include <scitq/error.h>
#include <sys/types.h>
#include "worker/supervisor/proto.h"

struct sq_journal {
    int fd;
    off_t end; /* where the next line goes */
    int kept;  /* lines not forgotten */
};

/* One call a kept line; `at` is its handle for sq_journal_forget. */
typedef void sq_journal_fn(void *arg, const struct sq_frame_event *exit, off_t at);

/* Open or create `name` in `dir_fd` and give every line that is whole and not
 * forgotten.  A torn last line is cut off, a damaged one passed over. */
int sq_journal_open(struct sq_journal *j, int dir_fd, const char *name,
                    sq_journal_fn *each, void *arg, struct sq_err *err);
void sq_journal_close(struct sq_journal *j);
/* Write one exit; *at is its handle. */
int sq_journal_append(struct sq_journal *j, const struct sq_frame_event *exit,
                      off_t *at, struct sq_err *err);
/* Mark the line.  Once nothing is kept the file is emptied, when that is worth it. */
void sq_journal_forget(struct sq_journal *j, off_t at);
/* When the file is mostly forgotten lines, write it anew and give each kept line with
 * its new handle.  To be called when it suits: it costs what is kept. */
int sq_journal_compact(struct sq_journal *j, int dir_fd, const char *name,
                       sq_journal_fn *each, void *arg, struct sq_err *err);

#endif
