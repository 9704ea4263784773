/* copy: a file or a folder's tree, anywhere to anywhere. */
#include <string.h>
#include <sys/stat.h>

#include "cli/fetch/verbs.h"

static bool is_folder_here(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* DST's folder and file name, for a SRC that is a file: into a folder under its own
 * name, else under the one given. */
static int to_here(struct sq_fetch_line *line, const struct sq_place *from,
                   const struct sq_place *to, struct sq_moved *moved,
                   struct sq_err *err)
{
    char *path = sq_arena_strdup(&moved->arena, to->path);
    char *slash = path ? strrchr(path, '/') : NULL;
    if (!slash)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    if (from->folder || to->folder || is_folder_here(to->path))
        return sq_get(&line->job, from, path, NULL, moved, err);
    if (from->uri.action)
        return sq_get(&line->job, from, path, NULL, moved, err); /* its folder */
    *slash = 0;
    return sq_get(&line->job, from, *path ? path : "/", slash + 1, moved, err);
}

/* The path of a file that goes to another storage. */
static int path_there(const struct sq_place *from, const struct sq_place *to,
                      struct sq_moved *moved, const char **ret, struct sq_err *err)
{
    char *name;
    *ret = to->path;
    if (!to->folder)
        return 0;
    int rc = sq_place_name(from, &moved->arena, &name, err);
    if (rc == 0)
        *ret = sq_place_below(to, name, &moved->arena);
    return rc == 0 && !*ret ? sq_fail(err, SQ_ENOMEM, "out of memory") : rc;
}

static int to_there(struct sq_fetch_line *line, const struct sq_place *from,
                    const struct sq_place *to, struct sq_moved *moved,
                    struct sq_err *err)
{
    const char *path;
    if (from->uri.action)
        return sq_cli_misuse(line->cli, err, "%s: |%s is for copies to this machine",
                             from->text, from->uri.action);
    if (from->folder)
        return from->local ? sq_put_tree(&line->job, from->path, to, moved, err)
                           : sq_fetch_tree(&line->job, from, to, moved, err);
    if (from->local && is_folder_here(from->path))
        return sq_fail(err, SQ_EINVAL,
                       "%s is a folder: with a / at its end its tree is "
                       "copied",
                       from->text);
    int rc = path_there(from, to, moved, &path, err);
    if (rc)
        return rc;
    return from->local
               ? sq_put_file(&line->job, from->path, to, path, &moved->source, err)
               : sq_relay_file(&line->job, from, NULL, to, path, err);
}

int sq_fetch_copy(struct sq_fetch_line *line, struct sq_err *err)
{
    struct sq_place from, to;
    struct sq_moved moved;
    int rc = sq_fetch_place(line, 0, NULL, &from, err);
    if (rc == 0)
        rc = sq_fetch_place(line, 1, ".", &to, err);
    if (rc == 0 && to.uri.action)
        return sq_cli_misuse(line->cli, err, "%s: |%s belongs to SRC", to.text,
                             to.uri.action);
    if (rc)
        return rc;
    sq_moved_init(&moved);
    rc = to.local ? to_here(line, &from, &to, &moved, err)
                  : to_there(line, &from, &to, &moved, err);
    sq_fetch_tell(line, &moved);
    sq_moved_fini(&moved);
    return rc;
}
