/* Random inputs that are the same in every run: a failure can be looked at again.
 * (xorshift64*, Vigna 2016; quality does not matter here.) */
#ifndef SQ_TESTS_RNG_H
#define SQ_TESTS_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

/* Uniform enough in [0, n). */
static inline size_t rng_below(struct rng *r, size_t n)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return (size_t)((r->state * UINT64_C(2685821657736338717)) >> 33) % n;
}

#endif
