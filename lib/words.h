/* A command line as words: splitting as a POSIX shell splits and unquotes (no
 * expansion of any kind: $, *, ~ and ` are plain characters; so are | ; & < >),
 * and quoting as scitq-launch does. */
#ifndef SQ_LIB_WORDS_H
#define SQ_LIB_WORDS_H

#include <scitq/error.h>
#include "lib/arena.h"
#include "lib/buf.h"

/* Split `command` into a NULL-terminated array in `arena`.  SQ_EINVAL for an
 * unterminated quote or a final backslash; an empty command gives 0 words. */
int sq_words_split(const char *command, struct sq_arena *arena, char ***ret,
                   size_t *ret_n, struct sq_err *err);
/* Join arguments into a command: words with white space, and empty ones, are put in
 * '…', or in "…" if they hold a ' (product.md section 11); others are left as is. */
void sq_words_join(char *const *words, size_t n, struct sq_buf *out);

#endif
