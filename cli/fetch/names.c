/* Files of a folder by their names.  A storage that lists hashes for nothing is asked
 * for the whole folder when there are many of them; a few are looked at one by one,
 * since the folder may hold a million others, and on a local disk all of them, since
 * there a hash costs reading the file. */
#include <stdlib.h>
#include <string.h>

#include "cli/fetch/digest.h"
#include "cli/fetch/inside.h"

/* NAMES_BYTES: output_files is at most some megabytes. */
enum { NAMES_BYTES = 256 * 1024 * 1024, FEW_NAMES = 16 };

void sq_names_init(struct sq_names *names)
{
    memset(names, 0, sizeof *names);
    sq_arena_init(&names->arena, NAMES_BYTES);
}

void sq_names_fini(struct sq_names *names)
{
    sq_arena_fini(&names->arena);
}

static int hex(char c)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;
    return !at ? -1 : at - digits > 15 ? (int)(at - digits) - 6 : (int)(at - digits);
}

/* In place. */
static void decode(char *name)
{
    char *to = name;
    for (const char *p = name; *p; p++, to++) {
        int high = *p == '%' ? hex(p[1]) : -1, low = high >= 0 ? hex(p[2]) : -1;
        *to = low >= 0 && (high || low) ? (char)(high * 16 + low) : *p;
        p += low >= 0 && (high || low) ? 2 : 0;
    }
    *to = 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct sq_entry *)a)->name,
                  ((const struct sq_entry *)b)->name);
}

static int split(struct sq_names *names, const char *list, struct sq_err *err)
{
    size_t cap = 0;
    for (const char *p = list + strspn(list, " "); *p; p += strspn(p, " ")) {
        size_t len = strcspn(p, " ");
        char *name = sq_arena_memdup(&names->arena, p, len);
        names->entries = sq_arena_more(&names->arena, names->entries, names->n, &cap,
                                       sizeof *names->entries);
        if (!name || !names->entries)
            return sq_fail(err, SQ_ENOMEM, "out of memory for the names");
        decode(name);
        int rc = sq_inside_check(name, err);
        if (rc)
            return rc;
        names->entries[names->n++] = (struct sq_entry){.name = name};
        p += len;
    }
    return 0;
}

struct looking {
    struct sq_job *job;
    struct sq_names *names;
    unsigned want;
};

static bool is_file(const struct sq_entry *e)
{
    return e->kind == SQ_ENTRY_FILE || e->kind == SQ_ENTRY_LINK;
}

static int no_file(const struct sq_names *names, const char *name, struct sq_err *err)
{
    return sq_fail(err, SQ_ENOENT, "%.300s has no file %.200s", names->folder.text,
                   name);
}

static int look_at(void *arg, size_t i, struct sq_err *err)
{
    struct looking *l = arg;
    SQ_CLEANUP(sq_arena_fini) struct sq_arena arena;
    struct sq_entry *e = &l->names->entries[i], found;
    const char *name = e->name;
    struct sq_place file = l->names->folder;
    sq_arena_init(&arena, 256 * 1024);
    file.path = sq_place_below(&l->names->folder, name, &arena);
    file.folder = false;
    if (!file.path)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    int rc = sq_tree_look(l->job, &file, l->want, &found, err);
    if (rc)
        return rc;
    *e = found;
    e->name = name;
    return is_file(e) ? 0 : no_file(l->names, name, err);
}

static int look_in_list(struct looking *l, struct sq_err *err)
{
    struct sq_names *names = l->names;
    struct sq_tree t;
    sq_tree_init(&t);
    int rc = sq_tree_list(l->job, &names->folder, l->want | SQ_LIST_RECURSIVE, &t, err);
    for (size_t i = 0; rc == 0 && i < names->n; i++) {
        const char *name = names->entries[i].name;
        const struct sq_entry *found = t.n ? bsearch(&names->entries[i], t.entries, t.n,
                                                     sizeof *t.entries, by_name)
                                           : NULL;
        if (!found || !is_file(found))
            rc = no_file(names, name, err);
        else
            names->entries[i] = *found;
        names->entries[i].name = name;
    }
    sq_tree_fini(&t);
    return rc;
}

int sq_names_look(struct sq_job *job, const struct sq_place *at, const char *list,
                  unsigned want, struct sq_names *ret, struct sq_err *err)
{
    ret->folder = *at;
    if (!at->folder)
        ret->folder.path = sq_arena_printf(&ret->arena, "%s/", at->path);
    ret->folder.folder = true;
    int rc = ret->folder.path ? split(ret, list, err)
                              : sq_fail(err, SQ_ENOMEM, "out of memory");
    return rc ? rc : sq_names_find(job, want, ret, err);
}

int sq_names_find(struct sq_job *job, unsigned want, struct sq_names *ret,
                  struct sq_err *err)
{
    struct looking l = {job, ret, want};
    if (ret->n)
        qsort(ret->entries, ret->n, sizeof *ret->entries, by_name);
    if (ret->folder.local || ret->n <= FEW_NAMES)
        return sq_each(job->fetch->parallel, ret->n, look_at, &l, err);
    return look_in_list(&l, err);
}

int sq_names_copy(struct sq_job *job, const struct sq_place *from, const char *list,
                  const struct sq_place *to, struct sq_moved *moved, struct sq_err *err)
{
    struct sq_names names;
    if (strcmp(from->uri.proto, to->uri.proto) != 0 || from->uri.action ||
        to->uri.action)
        return sq_fail(err, SQ_EINVAL, "%.200s is on another storage than %.200s",
                       to->text, from->text);
    sq_names_init(&names);
    int rc = sq_names_look(job, from, list, 0, &names, err);
    if (rc == 0)
        rc = sq_relay_files(job, &names.folder, to, names.entries, names.n, moved, err);
    sq_names_fini(&names);
    return rc;
}
