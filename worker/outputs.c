/* The list of a task's output files: a walk of output/ that follows no link, sorts,
 * and writes names so that a space-separated list can hold any (http-api.md A.1). */
#include "worker/workdir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/file.h"
#include "lib/utf8.h"

enum { DEPTH_MAX = 64, NAMES_BYTES_MAX = 16 << 20 };

struct walk {
    struct sq_arena arena;
    const char **names;
    size_t n, cap;
    bool whole;
};

static bool add_name(struct walk *w, const char *name)
{
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 64;
        void *grown = reallocarray(w->names, cap, sizeof *w->names);
        if (!grown)
            return false;
        w->names = grown;
        w->cap = cap;
    }
    w->names[w->n++] = name;
    return true;
}

static void walk_folder(struct walk *w, int parent, const char *name,
                        const char *prefix, int depth);

static void walk_entry(struct walk *w, int dir, const char *name, const char *prefix,
                       int depth)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return;
    const char *path = sq_arena_printf(&w->arena, "%s%s%s", prefix, name,
                                       S_ISDIR(st.st_mode) ? "/" : "");
    if (!path)
        w->whole = false;
    else if (S_ISDIR(st.st_mode))
        walk_folder(w, dir, name, path, depth + 1);
    else
        w->whole &= add_name(w, path);
}

static void walk_folder(struct walk *w, int parent, const char *name,
                        const char *prefix, int depth)
{
    int fd = sq_open_dir_at(parent, name);
    DIR *dir = fd >= 0 && depth < DEPTH_MAX ? fdopendir(fd) : NULL;
    if (!dir) {
        sq_closep(&fd);
        w->whole = false;
        return;
    }
    for (struct dirent *e; w->whole && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            walk_entry(w, fd, e->d_name, prefix, depth);
    closedir(dir);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void encode(const char *name, struct sq_buf *out)
{
    bool text = sq_utf8_valid(name, strlen(name));
    for (const unsigned char *p = (const unsigned char *)name; *p; p++)
        if (*p <= ' ' || *p == '%' || *p == 0x7f || (*p >= 0x80 && !text))
            sq_buf_addf(out, "%%%02X", *p);
        else
            sq_buf_addc(out, (char)*p);
}

static void write_names(struct walk *w, struct sq_buf *out)
{
    for (size_t i = 0; i < w->n && w->whole; i++) {
        size_t len = out->len;
        if (i)
            sq_buf_addc(out, ' ');
        encode(w->names[i], out);
        if (!sq_buf_ok(out)) { /* without the one that did not fit */
            out->failed = false;
            out->len = len;
            out->data[len] = 0;
            w->whole = false;
        }
    }
}

bool sq_workdir_outputs(const struct sq_workdir *d, struct sq_buf *out)
{
    struct walk w = {.whole = true};
    /* A folder that is a link or gone was seen in the one above it. */
    const unsigned relevant = 1 << SQ_WATCH_OUTPUT | 1 << SQ_WATCH_TOP;
    if (!(d->touched & relevant))
        return true;
    struct stat st;
    if (fstatat(d->top, "output", &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISDIR(st.st_mode))
        return true;
    sq_arena_init(&w.arena, NAMES_BYTES_MAX);
    walk_folder(&w, d->top, "output", "", 0);
    if (w.n)
        qsort(w.names, w.n, sizeof *w.names, by_name);
    write_names(&w, out);
    free(w.names);
    sq_arena_fini(&w.arena);
    return w.whole;
}
