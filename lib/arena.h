/* An arena: memory with one owner and one end.
 *
 * A request, a page of rows, a parsed file allocates from its arena and never
 * frees piecemeal; fini releases everything.  An arena has a maximum, so that what
 * comes from outside cannot eat the machine.  One thread at a time. */
#ifndef SQ_LIB_ARENA_H
#define SQ_LIB_ARENA_H

#include "lib/util.h"

struct sq_arena_block;
struct sq_arena {
    struct sq_arena_block *blocks; /* newest first */
    size_t used_bytes;             /* handed out */
    size_t max_bytes;
};

/* `max_bytes` bounds the total handed out. */
void sq_arena_init(struct sq_arena *a, size_t max_bytes);
void sq_arena_fini(struct sq_arena *a);
/* Forget everything allocated, keep one block for reuse. */
void sq_arena_reset(struct sq_arena *a);

/* 16-byte aligned, zeroed.  NULL when over the maximum or out of memory. */
void *sq_arena_alloc(struct sq_arena *a, size_t size_bytes);
/* n * size, checked for overflow. */
void *sq_arena_array(struct sq_arena *a, size_t n, size_t size_bytes);
/* Room for one more element in an array of n: `v` while n < *cap, else a copy of it of
 * twice as many.  Begin with NULL, 0 and 0. */
void *sq_arena_more(struct sq_arena *a, void *v, size_t n, size_t *cap,
                    size_t size_bytes);
/* Copies; NULL for a NULL text, or when out of room. */
char *sq_arena_strdup(struct sq_arena *a, const char *text);
char *sq_arena_memdup(struct sq_arena *a, const void *data, size_t len); /* adds a 0 */
char *sq_arena_printf(struct sq_arena *a, const char *fmt, ...) SQ_PRINTF(2, 3);

#endif
