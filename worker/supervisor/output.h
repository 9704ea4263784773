/* What a command writes: a pipe of it for each stream, copied to the stream's file. */
#ifndef SQ_WORKER_SUPERVISOR_OUTPUT_H
#define SQ_WORKER_SUPERVISOR_OUTPUT_H

#include <scitq/error.h>

struct sq_output {
    struct sq_output *next;
    int epoll_fd; /* which watches the next */
    int read_fd;  /* our end of the pipe */
    int write_fd; /* the command's; -1 once the file could not be written */
    int file_fd;
    int error; /* errno of what could not be written, else 0 */
};

/* Made once and used by one command after the other: an event that epoll gave before
 * its pipe was closed finds another command's, or none, and does no harm. */
struct sq_outputs {
    struct sq_output *idle;
};

/* Make `path`, or empty it, make a pipe, and have `epoll_fd` give its events with the
 * output as their data.ptr. */
int sq_output_open(struct sq_outputs *os, int epoll_fd, const char *path,
                   struct sq_output **ret, struct sq_err *err);
/* Copy some of what is in the pipe, without waiting. */
void sq_output_copy(struct sq_output *o);
/* Copy what is in the pipe now, then close all.  What is written later by processes
 * that left the command's tree goes nowhere.  Returns o->error. */
int sq_output_close(struct sq_outputs *os, struct sq_output *o);
void sq_outputs_free(struct sq_outputs *os);

#endif
