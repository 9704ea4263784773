/* How much of a test is wanted: SCITQ_TEST_LONG=1 is all of it (./check long), =noise
 * is all of its noise and the short form of the rest (its sanitized part). */
#ifndef SQ_TESTS_LONG_H
#define SQ_TESTS_LONG_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static inline bool test_is_long(void)
{
    const char *value = getenv("SCITQ_TEST_LONG");
    return value && strcmp(value, "1") == 0;
}

static inline bool test_is_noisy(void)
{
    const char *value = getenv("SCITQ_TEST_LONG");
    return value && *value;
}

#endif
