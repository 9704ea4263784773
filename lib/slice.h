/* The slice of processor time that the calling thread asks of the kernel.
 *
 * Linux (6.12 and later) lets a thread that wakes run before one whose slice is
 * longer.  A daemon that works for some microseconds at each event asks for short ones:
 * it then answers at once on a machine whose processors are all taken by commands, and
 * takes no more time in total than before.  Threads and processes made later inherit
 * it.  Older kernels, other scheduling policies and refusals change nothing: it is only
 * speed.  Source: sched_setattr(2), "sched_runtime" of SCHED_OTHER. */
#ifndef SQ_SLICE_H
#define SQ_SLICE_H

/* A tenth of a millisecond. */
void sq_slice_shorten(void);
/* The kernel's own again.  Makes system calls only: for the child of a vfork. */
void sq_slice_restore(void);

#endif
