/* The output of the executions of a page: how long each is, asked once a page, and the
 * short ones, read for many rows at once, so that a list does not cost queries a row.
 */
#ifndef SQ_HTTP_TEXTS_H
#define SQ_HTTP_TEXTS_H

#include "core/model/entity.h"
#include "core/store/log.h"

/* Zero is a good start. */
struct sq_texts {
    const struct sq_execution *rows; /* of the page, borrowed; NULL: none given */
    size_t n;
    uint64_t mask;        /* SQ_EXEC_F_OUTPUT, SQ_EXEC_F_ERROR, or both, are wanted */
    struct sq_log_of *of; /* of each row; NULL: not asked yet */
    size_t read;          /* rows before this one have had their short texts read */
    struct sq_arena arena;
};

void sq_texts_fini(struct sq_texts *t);
/* Another page.  The rows must live until the next one. */
void sq_texts_page(struct sq_texts *t, const struct sq_execution *rows, size_t n,
                   uint64_t mask);
/* What is known of row i: sizes, 0 for what is not wanted, and with `with_text` the
 * texts that are short.  Valid until another row's is asked for. */
int sq_texts_get(struct sq_texts *t, struct sq_db *db, size_t i, bool with_text,
                 const struct sq_log_of **ret, struct sq_err *err);

#endif
