/* info and list, by lsjson.  Where folders exist only by what they hold rclone calls
 * every absent name an empty folder: there a folder counts once something is in it, or
 * when it is a bucket. */
#include "plugins/rclone/list.h"

#include <stdlib.h>
#include <string.h>

#include "plugins/rclone/entry.h"
#include "plugins/rclone/place.h"

struct listing {
    unsigned want;
    const struct remote *remote;
    sq_entry_fn each; /* NULL: the first entry ends it */
    void *arg;
    int64_t count;
    int rc; /* why it was stopped */
    int by_each;
};

static int on_entry(void *arg, const char *line, size_t len)
{
    struct listing *l = arg;
    struct sq_entry entry;
    char *name = NULL;
    if (line[0] != '{')
        return 0;
    l->count++;
    if (!l->each)
        return 1;
    l->rc = entry_parse(line, len, l->want, l->remote, &entry, &name);
    if (l->rc == 0) {
        l->rc = l->each(l->arg, &entry);
        l->by_each = l->rc != 0;
    }
    free(name);
    return l->rc != 0;
}

static int list_place(struct listing *l, struct sq_storage *s, const struct place *p,
                      struct sq_call *call, struct sq_err *err)
{
    struct command c;
    int rc;
    command_init(&c, s, call, "lsjson");
    entry_options(&c, l->want);
    if (l->want & SQ_LIST_RECURSIVE)
        command_add(&c, "-R");
    if (p->is_folder)
        command_folder(&c);
    command_add(&c, "--");
    command_add(&c, p->whole);
    c.out = on_entry;
    c.arg = l;
    rc = command_run(&c, "list", p->at, err);
    command_fini(&c);
    if (rc || l->by_each)
        return rc ? rc : l->rc;
    if (l->rc == SQ_ENOMEM)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    if (l->rc)
        return sq_fail(err, SQ_EPROTO,
                       "cannot list %s://%s: rclone printed something else",
                       p->at->proto, p->at->path);
    if (l->count == 0 && l->remote->has_buckets && p->components > 1)
        return sq_fail(err, SQ_ENOENT, "cannot list %s://%s: there is nothing there",
                       p->at->proto, p->at->path);
    return 0;
}

int rclone_list(struct sq_storage *s, const struct sq_location *at, unsigned want,
                sq_entry_fn each, void *arg, struct sq_call *call, struct sq_err *err)
{
    struct listing l = {.want = want, .each = each, .arg = arg};
    struct place p;
    int rc = place_init(&p, at, err);
    if (rc)
        return rc;
    rc = remote_get(s, at, call, &l.remote, err);
    if (rc == 0)
        rc = list_place(&l, s, &p, call, err);
    place_fini(&p);
    return rc;
}

struct stat_answer {
    char text[16384];
    size_t len;
};

static int collect(void *arg, const char *line, size_t len)
{
    struct stat_answer *a = arg;
    if (a->len + len > sizeof a->text)
        return 1;
    memcpy(a->text + a->len, line, len);
    a->len += len;
    return 0;
}

static int stat_place(struct sq_storage *s, const struct place *p, unsigned want,
                      const struct remote *remote, struct sq_call *call,
                      struct sq_entry *ret, struct sq_err *err)
{
    struct stat_answer *answer = calloc(1, sizeof *answer);
    struct command c;
    int rc;
    if (!answer)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    command_init(&c, s, call, "lsjson");
    command_add(&c, "--stat");
    entry_options(&c, want);
    command_add(&c, "--");
    command_add(&c, p->whole);
    c.out = collect;
    c.arg = answer;
    rc = command_run(&c, "look at", p->at, err);
    command_fini(&c);
    if (rc == 0) {
        rc = entry_parse(answer->text, answer->len, want, remote, ret, NULL);
        if (rc)
            sq_fail(err, rc, "cannot look at %s://%s: rclone printed something else",
                    p->at->proto, p->at->path);
    }
    free(answer);
    return rc;
}

int rclone_info(struct sq_storage *s, const struct sq_location *at, unsigned want,
                struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    struct listing probe = {0};
    struct sq_entry entry;
    struct place p;
    int rc = place_init(&p, at, err);
    if (rc)
        return rc;
    rc = remote_get(s, at, call, &probe.remote, err);
    if (rc == 0)
        rc = stat_place(s, &p, want, probe.remote, call, &entry, err);
    if (rc == 0 && p.is_folder && entry.kind != SQ_ENTRY_FOLDER)
        rc = sq_fail(err, SQ_ENOENT, "%s://%s is a file, not a folder", at->proto,
                     at->path);
    if (rc == 0 && entry.kind == SQ_ENTRY_FOLDER && probe.remote->has_buckets)
        rc = list_place(&probe, s, &p, call, err);
    place_fini(&p);
    if (rc == 0)
        *ret = entry;
    return rc;
}
