/* Damaged texts for whatever reads what others wrote: a seed with bytes changed, cut,
 * doubled, spliced.  The sequence is the same at every run; SCITQ_TEST_LONG=1: a
 * hundred times more of it. */
#ifndef SQ_TESTS_DAMAGE_H
#define SQ_TESTS_DAMAGE_H

#include <stdlib.h>
#include <string.h>

#include "tests/long.h"
#include "tests/unit/lib/rng.h"

enum { DAMAGE_MAX = 4096, DAMAGE_LONG = 100 };

static inline int damage_rounds(int n)
{
    return test_is_noisy() ? n * DAMAGE_LONG : n;
}

static inline size_t damage_once(struct rng *rng, char *text, size_t len)
{
    static const char special[] = "\"'\\{}[]:,#@%| \n\t=$-0\xff";
    size_t at = rng_below(rng, len + 1), n = rng_below(rng, 8);
    if (at == len)
        return len;
    switch (rng_below(rng, 5)) {
    case 0: text[at] = (char)rng_below(rng, 256); return len;
    case 1: text[at] = special[rng_below(rng, sizeof special)]; return len;
    case 2: return at; /* cut */
    case 3:            /* taken out */
        n = n > len - at ? len - at : n;
        memmove(text + at, text + at + n, len - at - n);
        return len - n;
    default: /* doubled */
        n = n > len - at ? len - at : n;
        if (len + n > DAMAGE_MAX)
            return len;
        memmove(text + at + n, text + at, len - at);
        return len + n;
    }
}

/* A damaged copy of the seed, 0-terminated in memory of just its size. */
static inline char *damage_copy(struct rng *rng, const char *seed, size_t len,
                                size_t *ret_len)
{
    char text[DAMAGE_MAX];
    memcpy(text, seed, len);
    for (size_t n = rng_below(rng, 6); n; n--)
        len = damage_once(rng, text, len);
    char *copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    copy[len] = 0;
    *ret_len = len;
    return copy;
}

#endif
