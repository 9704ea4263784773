/* Small things every room uses: scope cleanup, array length, null numbers, the
 * order of numbers. */
#ifndef SQ_LIB_UTIL_H
#define SQ_LIB_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SQ_CLEANUP(fn) __attribute__((cleanup(fn)))
#define SQ_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define SQ_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* "No value" of an integer or a time; a text has NULL, a real has NAN, a bool -1. */
#define SQ_NULL INT64_MIN

/* For SQ_CLEANUP: free() and close() through a pointer to the variable. */
void sq_freep(void *ptr_to_ptr);
void sq_closep(int *fd); /* closes *fd when it is >= 0 */

/* For qsort() and bsearch() of int64_t. */
int sq_by_int64(const void *a, const void *b);

#endif
