/* Output: chunks of bytes in execution_log(execution_id, stream, start, data), read by
 * offset, appended in O(chunk); 1.3's text columns where a row has no chunks.
 *
 * Characters: each chunk row knows the decoder's state at its start (chars, carry), so
 * that a tail from character p reads only the chunks it needs. */
#ifndef SQ_STORE_LOG_H
#define SQ_STORE_LOG_H

#include "core/store/db.h"
#include "lib/arena.h"
#include "lib/buf.h"

enum sq_stream { SQ_STDOUT = 1, SQ_STDERR = 2 };
enum { SQ_LOG_CHUNK_MAX = 256 * 1024, SQ_LOG_TAIL = 64 * 1024 };

struct sq_log_chunk {
    int64_t execution_id;
    int stream;
    int64_t start; /* byte offset; SQ_NULL: at the end */
    const void *data;
    size_t len;
    int64_t owner; /* the worker it must belong to, else it is ignored; 0: anybody */
};

/* Append chunks in order.  A part that is already stored (start below the end) is
 * skipped; a gap is SQ_EPROTO; of an execution that is gone, ignored.  Long data is
 * cut into rows of at most SQ_LOG_CHUNK_MAX. */
int sq_log_append(struct sq_tx *tx, const struct sq_log_chunk *chunks, size_t n,
                  struct sq_err *err);
/* Copy the last SQ_LOG_TAIL bytes of both streams, as text, to the old columns. */
int sq_log_write_tails(struct sq_tx *tx, const int64_t *execution_ids, size_t n,
                       struct sq_err *err);

/* Bytes stored (of old text when there are no chunks). */
int sq_log_size(struct sq_db *db, int64_t execution_id, int stream, int64_t *ret,
                struct sq_err *err);
/* Up to `max` bytes from `start` into out; fewer at the end. */
int sq_log_read(struct sq_db *db, int64_t execution_id, int stream, int64_t start,
                size_t max, struct sq_buf *out, struct sq_err *err);
/* Up to about `max` bytes of text from character `from` (0 = the start); *ret_next is
 * the character to go on from, SQ_NULL at the end. */
int sq_log_text(struct sq_db *db, int64_t execution_id, int stream, int64_t from,
                size_t max, struct sq_buf *out, int64_t *ret_next, struct sq_err *err);
/* The last n characters. */
int sq_log_text_tail(struct sq_db *db, int64_t execution_id, int stream, int64_t n,
                     struct sq_buf *out, struct sq_err *err);

/* Of many executions at once (log_many.c); arrays are by stream - 1. */
struct sq_log_of {
    int64_t execution_id;
    bool ended;          /* nothing follows: a character that is cut is replaced */
    int64_t size[2];     /* as sq_log_size() */
    bool old[2];         /* in 1.3's columns */
    const char *text[2]; /* NULL: not read */
    size_t len[2];
};
/* Fill in size and old, 0 where there is nothing: one statement. */
int sq_log_sizes(struct sq_db *db, struct sq_log_of *of, size_t n, struct sq_err *err);
/* Then the text of every stream that is not larger than `most` bytes, into the arena:
 * one statement, and one for 1.3's columns. */
int sq_log_texts(struct sq_db *db, struct sq_log_of *of, size_t n, int64_t most,
                 struct sq_arena *arena, struct sq_err *err);

#endif
