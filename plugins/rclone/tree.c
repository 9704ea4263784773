/* A whole tree from one place of rclone's to another, without names from us. */
#include <stdlib.h>

#include "plugins/rclone/list.h"
#include "plugins/rclone/partial.h"
#include "plugins/rclone/transfer.h"

struct tree {
    struct sq_storage *s;
    const struct place *from, *to;
    struct sq_call *call;
    int64_t n_moved, done_bytes; /* n_moved: by the last command */
};

/* `verb` is copy or move. */
static int run_tree(struct tree *t, const char *verb, const char *from, const char *to,
                    struct sq_err *err)
{
    struct command c;
    int rc;
    command_init(&c, t->s, t->call, verb);
    command_add(&c, "--ignore-times");
    command_folder(&c);
    command_add(&c, "--");
    command_add(&c, from);
    command_add(&c, to);
    c.done_bytes = t->done_bytes;
    rc = command_run(&c, "copy to", t->to->at, err);
    t->n_moved = c.n_moved;
    t->done_bytes = c.done_bytes;
    command_fini(&c);
    return rc;
}

static int copy_and_rename(void *arg, const char *folder, struct sq_err *err)
{
    struct tree *t = arg;
    int rc = run_tree(t, "copy", t->from->whole, folder, err);
    if (rc == 0 && t->n_moved > 0)
        rc = run_tree(t, "move", folder, t->to->whole, err);
    return rc;
}

int rclone_copy_tree(struct sq_storage *s, const struct sq_location *from,
                     const struct sq_location *to, struct sq_call *call,
                     struct sq_err *err)
{
    struct place a, b = {0};
    struct tree t = {.s = s, .from = &a, .to = &b, .call = call};
    const struct remote *remote;
    struct sq_entry entry;
    int rc = place_init(&a, from, err);
    if (rc)
        return rc;
    rc = place_init(&b, to, err);
    if (rc == 0)
        rc = remote_get(s, to, call, &remote, err);
    if (rc == 0 && partial_wanted(&b, remote))
        rc = partial_folder(s, &b, call, copy_and_rename, &t, err);
    else if (rc == 0)
        rc = run_tree(&t, "copy", a.whole, b.whole, err);
    /* Nothing moved: an empty folder, or none at all. */
    if (rc == 0 && t.n_moved == 0)
        rc = rclone_info(s, from, 0, call, &entry, err);
    place_fini(&a);
    place_fini(&b);
    return rc;
}
