/* The text that is hashed has a line a file, sorted by name, the name led by its
 * length: no two different sets of files give the same text. */
#include "cli/fetch/digest.h"

#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include <scitq/md5.h>

struct sums {
    struct sq_md5 content, state;
};

static void add(struct sq_md5 *m, const char *text)
{
    sq_md5_add(m, text, strlen(text));
}

static void add_both(struct sums *s, const char *text)
{
    add(&s->content, text);
    add(&s->state, text);
}

static void add_file(struct sums *s, const char *name, const struct sq_entry *e)
{
    char text[100];
    snprintf(text, sizeof text, "file %zu:", strlen(name));
    add_both(s, text);
    add_both(s, name);
    snprintf(text, sizeof text, " %s\n", e->md5);
    add_both(s, text);
    snprintf(text, sizeof text, "%" PRId64 " %" PRId64 "\n", e->size_bytes, e->date_ns);
    add(&s->state, text);
}

static void add_folder(struct sums *s, const char *name)
{
    char text[40];
    snprintf(text, sizeof text, "folder %zu:", strlen(name));
    add_both(s, text);
    add_both(s, name);
    add_both(s, "\n");
}

static void begin(struct sums *s)
{
    sq_md5_init(&s->content);
    sq_md5_init(&s->state);
}

static void end(struct sums *s, struct sq_digest *ret)
{
    sq_md5_end(&s->content, ret->content);
    sq_md5_end(&s->state, ret->state);
}

static int no_md5(const struct sq_place *at, const char *name, struct sq_err *err)
{
    return sq_fail(err, SQ_EUNSUPPORTED, "%.300s: the storage gives no MD5%s%.200s",
                   at->text, name ? " of " : "", name ? name : "");
}

/* Does the sorted list hold something below entries[i], a folder? */
static bool is_empty_folder(const struct sq_tree *t, size_t i)
{
    size_t len = strlen(t->entries[i].name);
    for (size_t k = i + 1; k < t->n; k++) {
        const char *name = t->entries[k].name;
        if (strncmp(name, t->entries[i].name, len) != 0)
            return true;
        if (name[len] == '/')
            return false;
        if (name[len] > '/')
            return true;
    }
    return true;
}

static int sum_tree(const struct sq_place *at, const struct sq_tree *t, struct sums *s,
                    struct sq_err *err)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct sq_entry *e = &t->entries[i];
        if (e->kind == SQ_ENTRY_FOLDER && is_empty_folder(t, i))
            add_folder(s, e->name);
        if (e->kind != SQ_ENTRY_FILE && e->kind != SQ_ENTRY_LINK)
            continue;
        if (!e->md5[0])
            return no_md5(at, e->name, err);
        add_file(s, e->name, e);
    }
    return 0;
}

void sq_digest_listing(const struct sq_tree *files, char ret[33])
{
    struct sums s;
    begin(&s);
    for (size_t i = 0; i < files->n; i++)
        add_file(&s, files->entries[i].name, &files->entries[i]);
    sq_md5_end(&s.state, ret);
}

/* Of a path: is the disk one that other machines share?  /data is by agreement, and on
 * the machine that exports it a plain disk. */
static bool is_here(const char *path)
{
    static const long shared[] = {
        NFS_SUPER_MAGIC,       SMB_SUPER_MAGIC,         CIFS_SUPER_MAGIC,
        SMB2_SUPER_MAGIC,      CEPH_SUPER_MAGIC,        AFS_SUPER_MAGIC,
        AFS_FS_MAGIC,          OCFS2_SUPER_MAGIC,       0x0BD00BD0 /* Lustre */,
        0x47504653 /* GPFS */, 0x19830326 /* BeeGFS */, 0x01161970 /* GFS2 */,
    };
    struct statfs fs;
    if (strncmp(path, "/data/", strlen("/data/")) == 0 || statfs(path, &fs) != 0)
        return strncmp(path, "/data/", strlen("/data/")) != 0;
    for (size_t i = 0; i < SQ_LEN(shared); i++)
        if ((unsigned long)fs.f_type == (unsigned long)shared[i])
            return false;
    return true;
}

static int check_place(const struct sq_place *at, struct sq_err *err)
{
    if (at->local && at->uri.path[0] != '/')
        return sq_fail(err, SQ_EUNSUPPORTED,
                       "%.300s: a relative path is another file on another machine",
                       at->text);
    return 0;
}

static int sum_file(struct sq_job *job, const struct sq_place *at, struct sums *s,
                    struct sq_digest *ret, struct sq_err *err)
{
    SQ_CLEANUP(sq_arena_fini) struct sq_arena arena;
    struct sq_entry e;
    char *name;
    sq_arena_init(&arena, 64 * 1024);
    int rc = sq_place_name(at, &arena, &name, err);
    if (rc == 0)
        rc = sq_tree_look(job, at, SQ_WANT_DATE | SQ_WANT_MD5, &e, err);
    if (rc == 0 && e.kind != SQ_ENTRY_FILE && e.kind != SQ_ENTRY_LINK)
        rc = sq_fail(err, SQ_EINVAL, "%.300s is no file", at->text);
    if (rc == 0 && !e.md5[0])
        rc = no_md5(at, NULL, err);
    if (rc)
        return rc;
    add_file(s, name, &e);
    memcpy(ret->md5, e.md5, sizeof ret->md5);
    return 0;
}

int sq_digest_place(struct sq_job *job, const struct sq_place *at,
                    struct sq_digest *ret, struct sq_err *err)
{
    struct sums s;
    struct sq_digest d = {.here = at->local && is_here(at->path)};
    int rc = check_place(at, err);
    begin(&s);
    if (rc == 0 && at->folder) {
        struct sq_tree t;
        sq_tree_init(&t);
        rc = sq_tree_list(job, at, SQ_WANT_DATE | SQ_WANT_MD5 | SQ_LIST_RECURSIVE, &t,
                          err);
        if (rc == 0)
            rc = sum_tree(at, &t, &s, err);
        sq_tree_fini(&t);
    } else if (rc == 0) {
        rc = sum_file(job, at, &s, &d, err);
    }
    end(&s, &d);
    if (rc == 0)
        *ret = d;
    return rc;
}

static int sum_names(const struct sq_names *names, struct sums *s, struct sq_err *err)
{
    for (size_t i = 0; i < names->n; i++) {
        const struct sq_entry *e = &names->entries[i];
        if (!e->md5[0])
            return no_md5(&names->folder, e->name, err);
        add_file(s, e->name, e);
    }
    return 0;
}

int sq_digest_moved(struct sq_job *job, const char *from, const struct sq_moved *moved,
                    struct sq_digest *ret, struct sq_err *err)
{
    struct sums s;
    struct sq_names names;
    struct sq_digest d = {.here = true};
    begin(&s);
    sq_names_init(&names);
    char *folder = sq_arena_printf(&names.arena, "%s/", from);
    names.entries =
        sq_arena_array(&names.arena, moved->n_files + 1, sizeof *names.entries);
    names.folder = (struct sq_place){.text = from,
                                     .uri = {.proto = (char[]){"file"}, .path = folder},
                                     .path = folder,
                                     .folder = true,
                                     .local = true};
    int rc = folder && names.entries ? 0 : sq_fail(err, SQ_ENOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < moved->n_files; i++)
        names.entries[names.n++].name = moved->files[i];
    if (rc == 0)
        rc = sq_names_find(job, SQ_WANT_MD5, &names, err);
    if (rc == 0)
        rc = sum_names(&names, &s, err);
    sq_names_fini(&names);
    end(&s, &d);
    if (rc == 0)
        *ret = d;
    return rc;
}

int sq_digest_names(struct sq_job *job, const struct sq_place *at, const char *list,
                    struct sq_digest *ret, struct sq_err *err)
{
    struct sums s;
    struct sq_names names;
    struct sq_digest d = {.here = at->local && is_here(at->path)};
    int rc = check_place(at, err);
    begin(&s);
    sq_names_init(&names);
    if (rc == 0)
        rc = sq_names_look(job, at, list, SQ_WANT_MD5, &names, err);
    if (rc == 0)
        rc = sum_names(&names, &s, err);
    sq_names_fini(&names);
    end(&s, &d);
    if (rc == 0)
        *ret = d;
    return rc;
}
