/* list, rlist, nrlist: one line an entry, folders with a / at their end. */
#include <string.h>

#include "cli/fetch/tree.h"
#include "cli/fetch/verbs.h"

enum { LINE_BYTES = 64 * 1024 };

/* As md5sum prints it; "-" where the storage knows none. */
static void add_md5(const struct sq_entry *e, struct sq_buf *out)
{
    if (e->md5[0])
        sq_buf_adds(out, e->md5);
    else
        sq_buf_addf(out, "%-32s", "-");
    sq_buf_adds(out, "  ");
}

static int print_entry(struct sq_fetch_line *line, const struct sq_place *at,
                       const struct sq_entry *e, bool whole, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    sq_buf_init(&text, LINE_BYTES);
    if (sq_args_has(&line->cli->args, "md5"))
        add_md5(e, &text);
    if (whole && at->folder)
        sq_place_print(at, e->name, &text);
    else if (whole)
        sq_place_print(at, NULL, &text);
    else
        sq_buf_adds(&text, e->name);
    if (e->kind == SQ_ENTRY_FOLDER)
        sq_buf_addc(&text, '/');
    if (!sq_buf_ok(&text))
        return sq_fail(err, SQ_ETOOBIG, "a name is too long to print");
    sq_fetch_print(line, text.data);
    return 0;
}

/* Was the place, which ends in no slash, a folder after all?  One entry of its own name
 * may be the file or what is in a folder. */
static int find_kind(struct sq_fetch_line *line, struct sq_place *at,
                     const struct sq_tree *t, struct sq_err *err)
{
    struct sq_entry e;
    const char *slash = strrchr(at->path, '/');
    const char *name = slash ? slash + 1 : at->path;
    if (t->n != 1 || strcmp(t->entries[0].name, name) != 0) {
        at->folder = !at->url;
        return 0;
    }
    int rc = sq_tree_look(&line->job, at, 0, &e, err);
    if (rc == 0)
        at->folder = e.kind == SQ_ENTRY_FOLDER;
    return rc;
}

static int list(struct sq_fetch_line *line, bool recursive, bool whole,
                struct sq_err *err)
{
    struct sq_place at;
    struct sq_tree t;
    unsigned want = recursive ? SQ_LIST_RECURSIVE : 0;
    int rc = sq_fetch_place(line, 0, NULL, &at, err);
    if (rc)
        return rc;
    if (sq_args_has(&line->cli->args, "md5"))
        want |= SQ_WANT_MD5;
    sq_tree_init(&t);
    rc = sq_tree_list(&line->job, &at, want, &t, err);
    if (rc == 0 && whole && !at.folder)
        rc = find_kind(line, &at, &t, err);
    for (size_t i = 0; rc == 0 && i < t.n; i++)
        rc = print_entry(line, &at, &t.entries[i], whole, err);
    sq_tree_fini(&t);
    return rc;
}

static bool recursive(struct sq_fetch_line *line)
{
    return !sq_args_has(&line->cli->args, "not-recursive");
}

int sq_fetch_list(struct sq_fetch_line *line, struct sq_err *err)
{
    return list(line, recursive(line), true, err);
}

int sq_fetch_rlist(struct sq_fetch_line *line, struct sq_err *err)
{
    return list(line, recursive(line), false, err);
}

int sq_fetch_nrlist(struct sq_fetch_line *line, struct sq_err *err)
{
    return list(line, false, false, err);
}
