/* Whom the kernel killed for lack of memory. */
#ifndef SQ_WORKER_OOM_H
#define SQ_WORKER_OOM_H

#include <stdint.h>

/* How many on this machine since it started; -1: it does not tell. */
int64_t sq_oom_kills(void);

/* Does the kernel's log name a process of this container, or whatever else has `id` in
 * its control group's path?  -1: the log cannot be read.  It forgets, and leaves out
 * some of many at once: 0 is of what it still tells. */
int sq_oom_logged(const char *id);
/* The same of a log that is open, to its end; a read gives one record of it. */
int sq_oom_log_names(int fd, const char *id);

#endif
