/* A list that is empty since nothing has the name that was asked for looks like one
 * that is empty today.  It is printed all the same, exit code 0, since scripts count
 * its rows; what does not exist is told by a note. */
#include "cli/manage/list.h"

#include <string.h>

#include "cli/manage/batch.h"

/* Does the collection at `path` hold anything that matches `filter` (taken)? */
static int any_in_take(struct sq_cli *cli, const char *path, json_t *filter, bool *ret,
                       struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *list = NULL;
    json_object_set_new(filter, "limit", json_integer(1));
    int rc = sq_cli_call_take(cli, "GET", path, filter, &list, err);
    if (rc == 0)
        *ret = json_array_size(list) > 0;
    return rc;
}

static int look_batch(struct sq_cli *cli, const char *name, struct sq_err *err)
{
    struct sq_err why;
    int rc = sq_batch_known(cli, name, &why);
    if (rc == SQ_ENOENT) {
        sq_cli_note(cli, "%s", why.text);
        return 0;
    }
    return rc ? sq_fail(err, rc, "%s", why.text) : 0;
}

/* Of executions: the task, by its id or its name. */
static int look_task(struct sq_cli *cli, const json_t *asked, struct sq_err *err)
{
    json_t *id = json_object_get(asked, "task_id");
    json_t *name = json_object_get(asked, "task_name");
    bool known = true;
    if (!id && !name)
        return 0;
    json_t *filter = id ? json_pack("{s:O, s:s}", "task_id", id, "fields", "task_id")
                        : json_pack("{s:O, s:s}", "name", name, "fields", "task_id");
    int rc = any_in_take(cli, "/tasks/", filter, &known, err);
    if (rc == 0 && !known && id)
        sq_cli_note(cli, "no task has the id %s", json_string_value(id));
    else if (rc == 0 && !known)
        sq_cli_note(cli, "no task is named '%s'", json_string_value(name));
    return rc;
}

/* Of flavors, whatever else was asked of them: `tags` of that kind leave none out. */
static int look_flavor(struct sq_cli *cli, const json_t *asked, const char *member,
                       struct sq_err *err)
{
    json_t *name = json_object_get(asked, member);
    bool known = true;
    if (!name || strcmp(json_string_value(name), "auto") == 0)
        return 0;
    int rc = any_in_take(cli, "/flavor/",
                         json_pack("{s:O, s:i, s:s}", member, name, "max_eviction", 100,
                                   "protofilters", "tags!#none"),
                         &known, err);
    if (rc == 0 && !known)
        sq_cli_note(cli, "no flavor is known of a %s named '%s'", member,
                    json_string_value(name));
    return rc;
}

static int look(struct sq_cli *cli, const struct sq_listing *l, const json_t *asked,
                struct sq_err *err)
{
    const char *batch = json_string_value(json_object_get(asked, "batch"));
    if (strcmp(l->path, "/flavor/") == 0) {
        int rc = look_flavor(cli, asked, "provider", err);
        return rc ? rc : look_flavor(cli, asked, "region", err);
    }
    if (batch)
        return look_batch(cli, batch, err);
    return look_task(cli, asked, err);
}

int sq_list_take(struct sq_cli *cli, const struct sq_listing *l, json_t *filter,
                 struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *asked = json_copy(filter);
    struct sq_listing counted = *l;
    size_t rows = 0;
    counted.rows = &rows;
    int rc = sq_listing_print_take(cli, &counted, filter, err);
    return rc == 0 && rows == 0 ? look(cli, l, asked, err) : rc;
}
