/* A folder of its own for what is not whole yet: see partial.h.  Of a call that is
 * canceled nobody waits for the end: its folder stays, under a name that nobody reads.
 */
#include "plugins/rclone/partial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/rclone/transfer.h"

/* Nothing depends on it: the folder has a name that nobody reads. */
static void purge(struct sq_storage *s, const char *folder,
                  const struct sq_location *at, struct sq_call *call)
{
    struct sq_err ignored;
    struct command c;
    command_init(&c, s, call, "purge");
    command_add(&c, "--");
    command_add(&c, folder);
    c.done_bytes = INT64_MAX;
    command_run(&c, "remove", at, &ignored);
    command_fini(&c);
}

/* A new folder beside the place, in rclone's writing: it does not move files into a
 * folder that holds them already.  NULL: no memory. */
static char *folder_name(const struct place *p)
{
    char name[40], *folder = NULL;
    const char *slash = strrchr(p->whole, '/'), *colon = strchr(p->whole, ':');
    int above = (int)((slash && slash > colon ? slash : colon) - p->whole) + 1;
    partial_name(name);
    if (asprintf(&folder, "%.*s%s", above, p->whole, name) < 0)
        return NULL;
    return folder;
}

int partial_wanted(const struct place *p, const struct remote *remote)
{
    return !remote->has_buckets && remote->can_move && *p->rest;
}

int partial_folder(struct sq_storage *s, const struct place *to, struct sq_call *call,
                   partial_fn *fill, void *arg, struct sq_err *err)
{
    char *folder = folder_name(to);
    int rc;
    if (!folder)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    rc = fill(arg, folder, err);
    if (rc != SQ_ECANCELED)
        purge(s, folder, to->at, call);
    free(folder);
    return rc;
}
