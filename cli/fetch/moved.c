/* The list of what was moved. */
#include <string.h>

#include "cli/fetch/move.h"

enum { MOVED_BYTES = 256 * 1024 * 1024 };

void sq_moved_init(struct sq_moved *m)
{
    memset(m, 0, sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    sq_arena_init(&m->arena, MOVED_BYTES);
    m->source = (struct sq_entry){.size_bytes = SQ_UNKNOWN, .date_ns = SQ_UNKNOWN};
}

void sq_moved_fini(struct sq_moved *m)
{
    pthread_mutex_destroy(&m->lock);
    sq_arena_fini(&m->arena);
}

static void add(struct sq_moved *m, const char *name, const char ***list, size_t *n,
                size_t *cap)
{
    pthread_mutex_lock(&m->lock);
    const char **more = sq_arena_more(&m->arena, *list, *n, cap, sizeof **list);
    char *copy = more ? sq_arena_strdup(&m->arena, name) : NULL;
    if (more)
        *list = more;
    if (copy)
        (*list)[(*n)++] = copy;
    pthread_mutex_unlock(&m->lock);
}

void sq_moved_file(struct sq_moved *m, const char *name)
{
    add(m, name, &m->files, &m->n_files, &m->cap_files);
}

void sq_moved_skip(struct sq_moved *m, const char *name)
{
    add(m, name, &m->skipped, &m->n_skipped, &m->cap_skipped);
}
