/* An arena is a chain of blocks; small allocations are cut from the newest one.
 *
 * Blocks double from 1 KiB to 64 KiB, so that a small request costs one malloc and a
 * large answer few.  What is larger than a quarter of a full block gets a block of its
 * own behind the newest, which stays in use.  Reset keeps the largest ordinary block,
 * so that a connection serving many requests stops calling malloc at all. */
#include "lib/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 16, BLOCK_MIN = 1024, BLOCK_MAX = 65536, FIRST_CAP = 16 };

struct sq_arena_block {
    struct sq_arena_block *next;
    size_t cap, used;
    alignas(ALIGN) char data[];
};

void sq_arena_init(struct sq_arena *a, size_t max_bytes)
{
    *a = (struct sq_arena){.max_bytes = max_bytes};
}

static void free_blocks(struct sq_arena_block *b)
{
    while (b) {
        struct sq_arena_block *next = b->next;
        free(b);
        b = next;
    }
}

void sq_arena_fini(struct sq_arena *a)
{
    free_blocks(a->blocks);
    a->blocks = NULL;
    a->used_bytes = 0;
}

/* Unlink and return the largest block that is not an oversized one. */
static struct sq_arena_block *take_best(struct sq_arena *a)
{
    struct sq_arena_block **best = NULL;
    for (struct sq_arena_block **b = &a->blocks; *b; b = &(*b)->next)
        if ((*b)->cap <= BLOCK_MAX && (!best || (*b)->cap > (*best)->cap))
            best = b;
    if (!best)
        return NULL;
    struct sq_arena_block *kept = *best;
    *best = kept->next;
    return kept;
}

void sq_arena_reset(struct sq_arena *a)
{
    struct sq_arena_block *kept = take_best(a);
    sq_arena_fini(a);
    if (!kept)
        return;
    kept->next = NULL;
    kept->used = 0;
    a->blocks = kept;
}

static struct sq_arena_block *new_block(size_t cap)
{
    struct sq_arena_block *b = malloc(sizeof *b + cap);
    if (!b)
        return NULL;
    b->next = NULL;
    b->cap = cap;
    b->used = 0;
    return b;
}

/* A block with `need` bytes free: a new newest one, or one of its own. */
static struct sq_arena_block *grow(struct sq_arena *a, size_t need)
{
    struct sq_arena_block *newest = a->blocks;
    if (newest && need > BLOCK_MAX / 4) {
        struct sq_arena_block *own = new_block(need);
        if (!own)
            return NULL;
        own->next = newest->next;
        newest->next = own;
        return own;
    }
    size_t cap = newest && newest->cap < BLOCK_MAX ? newest->cap * 2 : BLOCK_MIN;
    if (newest && newest->cap >= BLOCK_MAX)
        cap = BLOCK_MAX;
    while (cap < need)
        cap *= 2;
    struct sq_arena_block *b = new_block(cap);
    if (!b)
        return NULL;
    b->next = newest;
    a->blocks = b;
    return b;
}

/* `size_bytes` bytes, not zeroed. */
static char *take(struct sq_arena *a, size_t size_bytes)
{
    if (size_bytes > a->max_bytes)
        return NULL;
    size_t need = (size_bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (need < size_bytes || a->used_bytes > a->max_bytes - size_bytes)
        return NULL;
    if (!need)
        need = ALIGN;
    struct sq_arena_block *b = a->blocks;
    if (!b || b->cap - b->used < need)
        b = grow(a, need);
    if (!b)
        return NULL;
    char *p = b->data + b->used;
    b->used += need;
    a->used_bytes += need;
    return p;
}

void *sq_arena_alloc(struct sq_arena *a, size_t size_bytes)
{
    char *p = take(a, size_bytes);
    return p ? memset(p, 0, size_bytes) : NULL;
}

void *sq_arena_array(struct sq_arena *a, size_t n, size_t size_bytes)
{
    size_t total;
    if (__builtin_mul_overflow(n, size_bytes, &total))
        return NULL;
    return sq_arena_alloc(a, total);
}

void *sq_arena_more(struct sq_arena *a, void *v, size_t n, size_t *cap,
                    size_t size_bytes)
{
    if (n < *cap)
        return v;
    size_t wider = *cap ? *cap * 2 : FIRST_CAP;
    void *bigger = sq_arena_array(a, wider, size_bytes);
    if (!bigger)
        return NULL;
    if (n)
        memcpy(bigger, v, n * size_bytes);
    *cap = wider;
    return bigger;
}

char *sq_arena_memdup(struct sq_arena *a, const void *data, size_t len)
{
    char *p = len < SIZE_MAX ? take(a, len + 1) : NULL;
    if (!p)
        return NULL;
    if (len)
        memcpy(p, data, len);
    p[len] = 0;
    return p;
}

char *sq_arena_strdup(struct sq_arena *a, const char *text)
{
    return text ? sq_arena_memdup(a, text, strlen(text)) : NULL;
}

char *sq_arena_printf(struct sq_arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *p = n >= 0 ? take(a, (size_t)n + 1) : NULL;
    if (!p)
        return NULL;
    va_start(args, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, args);
    va_end(args);
    return p;
}
