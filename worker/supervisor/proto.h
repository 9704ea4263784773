/* Frames between the worker and its supervisor, over a unix stream socket.
 *
 * A frame is a header, a fixed struct and 0-terminated texts, in the machine's own byte
 * order: both ends are on one machine.  They need not be of one build, since a
 * supervisor outlives its worker's upgrade: the first frame a client gets tells the
 * version, and the layout of a version never changes.  Used by both programs. */
#ifndef SQ_WORKER_SUPERVISOR_PROTO_H
#define SQ_WORKER_SUPERVISOR_PROTO_H

#include "lib/buf.h"

enum {
    SQ_FRAME_VERSION = 2,
    /* Linux takes 2 MiB of command and environment (a quarter of the usual stack
     * limit); what is longer may come, to be refused in words. */
    SQ_FRAME_MAX = 4 << 20,
    SQ_FRAME_READ = 32 << 10 /* a good size for one receive */
};

enum sq_frame_kind {
    SQ_FRAME_SPAWN = 1, /* sq_frame_spawn, then the texts it counts */
    SQ_FRAME_SIGNAL,    /* sq_frame_signal */
    SQ_FRAME_FORGET,    /* sq_frame_signal, signal unused */
    SQ_FRAME_QUIT,      /* nothing */
    SQ_FRAME_ATTACH,    /* nothing: the first of a connection, answered by HELLO */
    /* From here on what the supervisor says: sq_frame_event, then one text. */
    SQ_FRAME_HELLO = 16, /* id is the version, pid the supervisor's */
    SQ_FRAME_STARTED,
    SQ_FRAME_FAILED,
    SQ_FRAME_EXITED,
    SQ_FRAME_RUNNING,
    SQ_FRAME_READY
};

struct sq_frame_spawn {
    int64_t id;
    uint32_t argc, envc; /* texts: workdir, stdout, stderr, argc of argv, envc */
};

struct sq_frame_signal {
    int64_t id, signal;
};

struct sq_frame_event {
    int64_t id, pid;
    int64_t status, oom; /* of an exit, as in struct sq_exit */
    int64_t start, end;  /* wall clock, microseconds */
    int64_t cpu_us, peak_bytes;
    int64_t unwritten; /* errno of output that could not be written, else 0 */
};

/* One frame inside a buffer; `data` is borrowed from it and not aligned. */
struct sq_frame {
    uint32_t kind;
    const char *data;
    size_t len;
};

/* Append a frame: `fixed`, then `text` with its 0 unless NULL. */
void sq_frame_add(struct sq_buf *out, enum sq_frame_kind kind, const void *fixed,
                  size_t fixed_len, const char *text);
/* Append a header for `len` bytes, which the caller then appends. */
void sq_frame_begin(struct sq_buf *out, enum sq_frame_kind kind, size_t len);
/* The frame at *at, which moves past it.  1: given; 0: not all here yet; -1: broken. */
int sq_frame_next(const struct sq_buf *in, size_t *at, struct sq_frame *ret);
/* Copy the fixed part.  False when the frame is shorter. */
bool sq_frame_fixed(const struct sq_frame *f, void *ret, size_t len);

/* Room for the largest frame and what was read after it. */
void sq_frame_buf_init(struct sq_buf *in);
/* How many bytes the frame at the front of `in` still lacks; of its header, if that is
 * not there yet. */
size_t sq_frame_missing(const struct sq_buf *in);
/* Take the first frame of a connection: 1 if it is ATTACH, 0: not here yet, -1: other.
 */
int sq_frame_is_attach(int fd);
/* Receive at most `max` bytes without waiting.  1: something came; 0: nothing now; -1:
 * the end. */
int sq_frame_receive(int fd, struct sq_buf *in, size_t max);
/* Send what can be without waiting.  -1: the other side is gone. */
int sq_frame_flush(int fd, struct sq_buf *out);

#endif
