/* Working directories: BASE_WORKDIR/<worker>-<number>/{input,output,tmp,resource}, all
 * 0777, with the files of scitq itself beside them under hidden names, since a command
 * starts in this folder and must not hit them by chance.
 *
 * Making and removing directories costs half the rate at which commands can be
 * started: so they are prepared once, emptied after a success and used again.  After
 * a failure they are kept, until the disk is fuller than the autoclean threshold.
 * What the watcher saw nothing made in is empty; what is quick to empty is emptied at
 * once; trees are left to a cleaner thread.
 *
 * The file .execution says whose the directory is, so that the next worker process
 * finds it: a header of one line, rewritten in place, then the command. */
#ifndef SQ_WORKER_WORKDIR_H
#define SQ_WORKER_WORKDIR_H

#include <sys/queue.h>
#include <scitq/error.h>
#include "lib/buf.h"
#include "worker/cleaner.h"
#include "worker/loop.h"
#include "worker/watcher.h"

enum sq_workdir_stage {
    SQ_DIR_FREE = 'F',
    SQ_DIR_FETCHING = 'D', /* an execution's, its inputs not here yet */
    SQ_DIR_HELD = 'H',     /* an execution's, its command not started */
    SQ_DIR_STARTED = 'S',  /* its command was asked of the supervisor `instance` */
    SQ_DIR_KEPT = 'K'      /* of a failed execution, since `time` */
};

enum { SQ_INSTANCE_MAX = 48 };

struct sq_workdir_header {
    enum sq_workdir_stage stage;
    int64_t execution_id, task_id;
    int64_t time; /* of writing, microseconds */
    char instance[SQ_INSTANCE_MAX];
};

struct sq_workdir {
    char *path; /* where it is if no command moved it: everything goes through `top` */
    int top;    /* the directory itself */
    int file;   /* .execution, kept open: one write says each change */
    int watches[SQ_WATCHES];
    unsigned touched; /* bits of enum sq_watched; kept by the watcher */
    bool unwatched;
    uint64_t owner, found_owner;
    size_t command_len;
    uint64_t command_sum;
    struct sq_workdir_header header;
    char *command; /* as found by open, for the one who recovers it */
    TAILQ_ENTRY(sq_workdir) link;
};
TAILQ_HEAD(sq_workdir_list, sq_workdir);

struct sq_workdirs {
    char *base, *prefix;
    int base_fd;
    uint64_t owner;               /* the state directory: others' are left alone */
    int autoclean;                /* percent of the disk */
    struct sq_workdir_list free;  /* emptied, ready */
    struct sq_workdir_list found; /* by open: held or started ones, to recover */
    struct sq_workdir_list kept;  /* oldest first */
    struct sq_cleaner cleaner;
    int64_t next_number;
    bool autocleaning;
    struct sq_watcher *watcher;
    void (*removed)(void *arg);
    void *arg;
};

struct sq_workdirs_conf {
    const char *base, *worker, *state_dir; /* worker: fit for a file name */
    int autoclean;                         /* percent */
    struct sq_watcher *watcher;
    void (*removed)(void *arg); /* a kept one is gone; NULL is allowed */
    void *arg;
};

/* Make the base where it is absent and look at what earlier processes left. */
int sq_workdirs_open(struct sq_workdirs *w, const struct sq_workdirs_conf *conf,
                     struct sq_loop *loop, struct sq_err *err);
void sq_workdirs_close(struct sq_workdirs *w);

/* An empty directory.  It is the caller's until sq_workdir_release. */
int sq_workdir_take(struct sq_workdirs *w, struct sq_workdir **ret, struct sq_err *err);
/* Make one more directory unless `n` are free: ahead of the first executions, since
 * making one takes longer than a short command.  True: there are still too few. */
bool sq_workdirs_stock(struct sq_workdirs *w, int64_t n);
/* Write what stands in d->header and, unless NULL, the command. */
int sq_workdir_save(struct sq_workdir *d, const char *command, struct sq_err *err);
/* Its execution is over: emptied for the next, or kept. */
void sq_workdir_release(struct sq_workdirs *w, struct sq_workdir *d, bool keep);

/* One of its output files: SQ_STDOUT or SQ_STDERR of execution.h.  -1 with errno; 0. */
int sq_workdir_open_output(const struct sq_workdir *d, int stream, int flags);
int64_t sq_workdir_output_size(const struct sq_workdir *d, int stream);
/* Cut its output files to nothing. */
void sq_workdir_trim(const struct sq_workdir *d);

/* Over the threshold, kept ones go, oldest first, one at a time until it is enough.
 * True: the disk is over it, and none is left. */
bool sq_workdirs_autoclean(struct sq_workdirs *w);
/* Whether one is kept for this execution. */
bool sq_workdirs_keep(const struct sq_workdirs *w, int64_t execution_id);
/* All kept ones go. */
void sq_workdirs_clean(struct sq_workdirs *w);

/* Append (all events taken in before) the names below output/, relative, sorted,
 * separated by spaces, with %20 for a space; links, pipes and devices are left out.
 * False when these are not all: there is more than `out` may hold, or than can be
 * looked at (links and pipes count too). */
bool sq_workdir_outputs(const struct sq_workdir *d, struct sq_buf *out);

#endif
