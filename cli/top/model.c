/* Three questions to the server.  Of the tasks those that run come first, then those on
 * their way, those that wait, and those that failed: each status asked for until there
 * are enough, so that a queue of a million costs a screenful. */
#include "cli/top/model.h"

#include <stdio.h>
#include <string.h>

enum { FIELDS_BYTES = 400 };

static const char *const batch_columns[] = {
    "batch", "pending", "accepted", "running", "failed", "succeeded", NULL};
static const char *const worker_columns[] = {
    "worker_id", "name", "status", "concurrency", "batch", "load", NULL};
static const char *const task_columns[] = {"task_id", "name",    "status",
                                           "batch",   "command", NULL};
static const char *const keys[] = {"batch", "worker_id", "task_id"};
static const char *const members[] = {"batches", "workers", "tasks"};

void sq_top_init(struct sq_top *t, struct sq_cli *cli)
{
    *t = (struct sq_top){.cli = cli,
                         .lists = {{.title = "Batches", .columns = batch_columns},
                                   {.title = "Workers", .columns = worker_columns},
                                   {.title = "Tasks", .columns = task_columns}}};
}

void sq_top_fini(struct sq_top *t)
{
    for (int i = 0; i < SQ_TOP_PANES; i++) {
        json_decref(t->lists[i].rows);
        json_decref(t->lists[i].missed);
    }
}

/* Add what `path` lists of this status (NULL: of any) to `rows`. */
static int load(struct sq_cli *cli, const char *path, const char *const *columns,
                const char *status, json_t *rows, struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *list = NULL;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf fields;
    int room = SQ_TOP_ROWS_MAX - (int)json_array_size(rows);
    sq_buf_init(&fields, FIELDS_BYTES);
    for (size_t i = 0; columns[i]; i++)
        sq_buf_addf(&fields, "%s%s", i ? "," : "", columns[i]);
    json_t *filter = json_pack("{s:i, s:s}", "limit", room, "fields", fields.data);
    if (status)
        json_object_set_new(filter, "status", json_string(status));
    int rc = sq_cli_call_take(cli, "GET", path, filter, &list, err);
    if (rc == 0 && json_array_extend(rows, list) != 0)
        rc = sq_fail(err, SQ_EPROTO,
                     "the server answers %s with something else than a list", path);
    return rc;
}

static int load_tasks(struct sq_cli *cli, json_t *rows, struct sq_err *err)
{
    static const char *const statuses[] = {"running", "accepted", "assigned", "pending",
                                           "paused",  "waiting",  "failed"};
    int rc = 0;
    for (size_t i = 0; i < SQ_LEN(statuses) && rc == 0; i++)
        if (json_array_size(rows) < SQ_TOP_ROWS_MAX)
            rc = load(cli, "/tasks/", task_columns, statuses[i], rows, err);
    return rc;
}

/* Select the row of this key; false: there is none. */
static bool select_row(struct sq_top_list *l, const char *key, const json_t *value)
{
    size_t i;
    json_t *row;
    json_array_foreach(l->rows, i, row)
    {
        if (!value || !json_equal(json_object_get(row, key), value))
            continue;
        l->selected = i;
        return true;
    }
    return false;
}

static void miss(struct sq_top_list *l, json_t *value)
{
    json_decref(l->missed);
    l->missed = json_incref(value);
}

/* Take new rows; what was selected is looked for among them.  A task that went from one
 * status to the next between two of the questions is in none of the answers, once: the
 * row that takes its place gives it back when it is there again. */
static void replace(struct sq_top_list *l, const char *key, json_t *rows)
{
    SQ_CLEANUP(sq_json_unref)
    json_t *was =
        json_incref(json_object_get(json_array_get(l->rows, l->selected), key));
    size_t n = json_array_size(rows);
    json_decref(l->rows);
    l->rows = json_incref(rows);
    if (select_row(l, key, l->missed) || select_row(l, key, was)) {
        miss(l, NULL);
        return;
    }
    miss(l, was);
    if (l->selected >= n)
        l->selected = n ? n - 1 : 0;
}

void sq_top_move(struct sq_top *t, int step)
{
    struct sq_top_list *l = &t->lists[t->pane];
    size_t n = json_array_size(l->rows);
    miss(l, NULL);
    if (step < 0)
        l->selected = l->selected > (size_t)-step ? l->selected - (size_t)-step : 0;
    else if (n)
        l->selected =
            l->selected + (size_t)step < n ? l->selected + (size_t)step : n - 1;
}

int sq_top_ask(struct sq_cli *cli, json_t **ret, struct sq_err *err)
{
    json_t *rows[SQ_TOP_PANES] = {NULL, json_array(), json_array()};
    int rc = sq_cli_call_take(cli, "GET", "/batch/", NULL, &rows[SQ_TOP_BATCHES], err);
    if (rc == 0 && !json_is_array(rows[SQ_TOP_BATCHES]))
        rc = sq_fail(err, SQ_EPROTO,
                     "the server answers /batch/ with something else than a list: is "
                     "it a scitq server?");
    if (rc == 0)
        rc = load(cli, "/workers/", worker_columns, NULL, rows[SQ_TOP_WORKERS], err);
    if (rc == 0)
        rc = load_tasks(cli, rows[SQ_TOP_TASKS], err);
    json_t *all = json_object();
    for (int i = 0; i < SQ_TOP_PANES; i++)
        json_object_set_new(all, members[i], rows[i] ? rows[i] : json_null());
    if (rc == 0)
        *ret = all;
    else
        json_decref(all);
    return rc;
}

void sq_top_take(struct sq_top *t, const json_t *answer)
{
    for (int i = 0; i < SQ_TOP_PANES; i++)
        replace(&t->lists[i], keys[i], json_object_get(answer, members[i]));
    t->as_of = time(NULL);
}

const json_t *sq_top_selected(const struct sq_top *t)
{
    const struct sq_top_list *l = &t->lists[t->pane];
    return json_array_get(l->rows, l->selected);
}

const char *sq_top_cell(const json_t *row, const char *column, char *ret, size_t size)
{
    const json_t *v = json_object_get(row, column);
    if (json_is_integer(v))
        snprintf(ret, size, "%lld", (long long)json_integer_value(v));
    else
        snprintf(ret, size, "%s", json_is_string(v) ? json_string_value(v) : "-");
    return ret;
}
