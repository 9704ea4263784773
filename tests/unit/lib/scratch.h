/* A directory of the test's own, made at setup and gone at teardown. */
#ifndef SQ_TESTS_SCRATCH_H
#define SQ_TESTS_SCRATCH_H

#include <stdio.h>
#include <stdlib.h>

#include "lib/arena.h"
#include "tests/file.h"

struct scratch {
    char dir[100];
    struct sq_arena arena;
};

static inline int scratch_setup(void **state)
{
    const char *base = getenv("TMPDIR");
    struct scratch *s = calloc(1, sizeof *s);
    if (!s)
        return -1;
    snprintf(s->dir, sizeof s->dir, "%.80s/sq-test-XXXXXX", base ? base : "/tmp");
    sq_arena_init(&s->arena, 1 << 20);
    *state = s;
    return mkdtemp(s->dir) ? 0 : -1;
}

static inline int scratch_teardown(void **state)
{
    struct scratch *s = *state;
    int rc = sq_dir_remove(s->dir, NULL);
    sq_arena_fini(&s->arena);
    free(s);
    return rc;
}

/* dir/name, valid until the test ends. */
static inline const char *scratch_path(struct scratch *s, const char *name)
{
    char *p = sq_arena_printf(&s->arena, "%s/%s", s->dir, name);
    assert_non_null(p);
    return p;
}

/* A file with this text; returns its path. */
static inline const char *scratch_write(struct scratch *s, const char *name,
                                        const char *text, size_t len)
{
    const char *path = scratch_path(s, name);
    write_file(path, text, len);
    return path;
}

#endif
