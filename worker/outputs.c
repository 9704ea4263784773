/* The list of a task's output files: a walk of output/ that follows no link, sorts,
 * and writes names so that a space-separated list can hold any (http-api.md A.1).
 *
 * The loop waits for it: whatever is looked at counts against a limit, be it listed or
 * not, and the walk reads no further. */
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

enum {
    DEPTH_MAX = 64,
    NAMES_BYTES_MAX = 16 << 20,
    LOOKED_MAX = 100000 /* about 0.1 s; a megabyte of names is fewer files */
};

struct walk {
    struct sq_arena arena;
    const char **names;
    size_t n, cap;
    int looked; /* entries of any kind */
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

/* DT_REG, DT_DIR, or another; not every file system tells it in the folder. */
static int type_of(int dir, const struct dirent *e)
{
    struct stat st;
    if (e->d_type != DT_UNKNOWN)
        return e->d_type;
    if (fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return DT_UNKNOWN;
    return IFTODT(st.st_mode);
}

static void walk_entry(struct walk *w, int dir, const struct dirent *e,
                       const char *prefix, int depth)
{
    int type = type_of(dir, e);
    if (++w->looked > LOOKED_MAX)
        w->whole = false;
    if (!w->whole || (type != DT_REG && type != DT_DIR))
        return;
    const char *path = sq_arena_printf(&w->arena, "%s%s%s", prefix, e->d_name,
                                       type == DT_DIR ? "/" : "");
    if (!path)
        w->whole = false;
    else if (type == DT_DIR)
        walk_folder(w, dir, e->d_name, path, depth + 1);
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
            walk_entry(w, fd, e, prefix, depth);
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
    bool room = true;
    for (size_t i = 0; i < w->n && room; i++) {
        size_t len = out->len;
        if (i)
            sq_buf_addc(out, ' ');
        encode(w->names[i], out);
        if (!sq_buf_ok(out)) { /* without the one that did not fit */
            out->failed = false;
            out->len = len;
            out->data[len] = 0;
            room = w->whole = false;
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
