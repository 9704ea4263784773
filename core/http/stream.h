/* Answers of any length, in constant memory: rows of one type as a JSON array (or one
 * row as an object), produced piece by piece while the client takes them.
 *
 * Rows come from memory (what a write has just made) or from the database page by
 * page, each page read on a pooled connection that is given back before a byte is
 * sent.  The output and error of executions are read and escaped in pieces too. */
#ifndef SQ_HTTP_STREAM_H
#define SQ_HTTP_STREAM_H

#include "core/http/request.h"
#include "core/store/list.h"

struct sq_stream_conf {
    const struct sq_type *type;
    uint64_t mask;    /* fields to write */
    bool object;      /* one row, without brackets */
    const void *rows; /* rows in memory, which outlive the request; or NULL: */
    size_t n_rows;
    struct sq_page page;  /* filters and limit (SQ_NULL: all) of rows to read */
    int64_t text_from[2]; /* output, error: from this character on */
    int64_t trunc;        /* only their last N characters; SQ_NULL */
};

/* Make the stream the request's answer.  Everything is produced here and now when it is
 * short; errors before the first byte are returned. */
int sq_stream_answer(struct sq_request *r, const struct sq_stream_conf *conf,
                     struct sq_err *err);
void sq_stream_free(struct sq_row_stream *s); /* NULL is allowed */

/* libmicrohttpd's content reader; `request` is the struct sq_request. */
ssize_t sq_stream_read(void *request, uint64_t pos, char *buf, size_t max);

#endif
