/* A progress bar on standard error, where that is a terminal. */
#ifndef SQ_CLI_FETCH_BAR_H
#define SQ_CLI_FETCH_BAR_H

#include "cli/fetch/job.h"

enum { SQ_BAR_MS = 250 };

struct sq_bar {
    bool shown;
    bool drawn;
    int64_t begun_us;
    pthread_mutex_t lock;
};
/* What wipes the line it is on. */
#define SQ_BAR_WIPE "\r\033[K"
void sq_bar_init(struct sq_bar *bar);
/* Wipe it, and draw no more.  Any thread; more than once is allowed. */
void sq_bar_end(struct sq_bar *bar);
void sq_bar_fini(struct sq_bar *bar);
/* sq_watch's tick: draw where the job is.  `bar` is a struct sq_bar. */
void sq_bar_tick(void *bar, struct sq_job *job);
/* The line alone: "reads.fq.gz  45% [====>     ] 1.2 GB/2.7 GB 84.1 MB/s 0:17". */
void sq_bar_line(const struct sq_job *job, int64_t elapsed_us, int columns, char *out,
                 size_t size);

#endif
