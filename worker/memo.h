/* What must be known of an execution to take it up again, as the text that its
 * directory keeps (.execution): the command as it is where there is nothing else, so
 * that plain commands cost nothing; else 0x01 and a JSON object.  No I/O. */
#ifndef SQ_WORKER_MEMO_H
#define SQ_WORKER_MEMO_H

#include <scitq/error.h>
#include "lib/arena.h"
#include "lib/buf.h"

struct sq_memo { /* NULL: none */
    const char *command;
    const char *container, *container_options; /* the image, and its options */
    const char *runtime, *container_id;        /* once the container is made */
    const char *input, *resource, *output;     /* URIs */
};

void sq_memo_write(const struct sq_memo *m, struct sq_buf *out);
/* Texts live in the arena, or are `text` itself. */
int sq_memo_read(const char *text, struct sq_arena *arena, struct sq_memo *ret,
                 struct sq_err *err);

#endif
