/* scitq-manage execution output: what executions wrote, each under a line about it.
 *
 * Among a task's executions, newest first, -N skips some and -l says how many are
 * printed.  With --json that is one object, or a list of them where -l is given. */
#include "cli/find.h"
#include "cli/listing.h"
#include "cli/manage/commands.h"
#include "cli/output.h"
#include "cli/rows.h"
#include "cli/table.h"

#include <string.h>

static const struct sq_opt options[] = {
    SQ_OPT_ID("task"),
    SQ_OPT_NAME("task"),
    {.name = "execution",
     .letter = 'x',
     .kind = SQ_OPT_INT,
     .value = "ID",
     .min = 1,
     .flags = SQ_OPT_REQUIRED,
     .group = 1,
     .help = "the execution's id"},
    {.name = "number",
     .letter = 'N',
     .kind = SQ_OPT_INT,
     .value = "N",
     .min = -1000000000,
     .fallback = "0",
     .help = "which execution: 0 the newest, -1 the one before, and so on"},
    {.name = "limit",
     .letter = 'l',
     .kind = SQ_OPT_INT,
     .value = "N",
     .min = 1,
     .max = 1000000,
     .help = "how many executions, from that one back (1)"},
    SQ_OPT_OUTPUT,
    SQ_OPT_ERROR,
    SQ_OPT_NO_HEADER,
    SQ_OPT_STATUS(SQ_EXECUTION_WORDS, "only executions in this status"),
    {.name = "columns",
     .letter = 'C',
     .kind = SQ_OPT_TEXT,
     .value = "COLUMNS",
     .fallback = "execution_id,task_id,worker_id,status,return_code,command",
     .help = "what the line about each execution tells, separated by commas"},
    {0},
};

/* Every member an execution has but its output: the columns of a line about it. */
static const char known_columns[] =
    "execution_id worker_id task_id status return_code pid creation_date "
    "modification_date output_files command latest";

struct wanted {
    int64_t skip;
    json_t *list;
};

static int keep(void *arg, const json_t *object, struct sq_err *err)
{
    struct wanted *w = arg;
    (void)err;
    if (w->skip > 0)
        w->skip--;
    else
        json_array_append_new(w->list, json_deep_copy(object));
    return 0;
}

static int fail_none(struct sq_cli *cli, bool of_task, int64_t id, struct sq_err *err)
{
    const char *status = sq_args_text(&cli->args, "status");
    if (of_task)
        return sq_fail(
            err, SQ_ENOENT,
            "task %lld has no such execution: 'execution list -i %lld' shows "
            "which it has",
            (long long)id, (long long)id);
    return sq_fail(err, SQ_ENOENT, "there is no execution %lld%s%s", (long long)id,
                   status ? " in status " : "", status ? status : "");
}

static int find_executions(struct sq_cli *cli, json_t *list, struct sq_err *err)
{
    struct wanted w = {-sq_args_int(&cli->args, "number"), list};
    struct sq_listing l = {
        .path = "/executions/", .key = "execution_id", .newest_first = true};
    int64_t id = sq_args_int(&cli->args, "execution");
    bool of_task = id == SQ_NULL;
    int rc = of_task ? sq_find(cli, &sq_kind_task, SQ_FIND_NEWEST, &id, err) : 0;
    if (rc != 0)
        return rc;
    json_t *filter = json_pack("{s:b, s:I}", "no_output", 1,
                               of_task ? "task_id" : "execution_id", (json_int_t)id);
    sq_listing_filter(cli, filter, "status", "status");
    l.limit = w.skip +
              (sq_args_has(&cli->args, "limit") ? sq_args_int(&cli->args, "limit") : 1);
    rc = sq_listing_each_take(cli, &l, filter, NULL, keep, &w, err);
    return rc == 0 && json_array_size(list) == 0 ? fail_none(cli, of_task, id, err)
                                                 : rc;
}

/* Split --columns in place, refusing what an execution does not have. */
static int read_columns(struct sq_cli *cli, const char *ret[SQ_TABLE_COLUMNS + 1],
                        struct sq_err *err)
{
    size_t n = 0;
    char *rest = sq_arena_strdup(&cli->args.arena, sq_args_text(&cli->args, "columns"));
    for (char *word; (word = strsep(&rest, ", ")) != NULL;) {
        if (!*word)
            continue;
        if (!sq_word_among(known_columns, word))
            return sq_cli_misuse(cli, err, "--columns: no '%s' (there are: %s)", word,
                                 known_columns);
        if (n == SQ_TABLE_COLUMNS)
            return sq_cli_misuse(cli, err, "--columns: too many");
        ret[n++] = word;
    }
    ret[n] = NULL;
    return n ? 0 : sq_cli_misuse(cli, err, "--columns: name at least one");
}

static int64_t id_of(const json_t *execution)
{
    return json_integer_value(json_object_get(execution, "execution_id"));
}

static int show(struct sq_cli *cli, const json_t *execution, const char *const *columns,
                struct sq_err *err)
{
    int rc = 0;
    if (columns) {
        SQ_CLEANUP(sq_json_unref) json_t *one = json_pack("[O]", execution);
        rc = sq_listing_print_array(cli->out, columns, true, false, one, err);
    }
    return rc == 0 ? sq_output_show(cli, id_of(execution), err) : rc;
}

static int show_json(struct sq_cli *cli, const json_t *list, struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *all = json_array();
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        json_t *one = NULL;
        rc = sq_output_json(cli, id_of(json_array_get(list, i)), &one, err);
        if (rc == 0)
            json_array_append_new(all, one);
    }
    if (rc == 0)
        sq_cli_print_json(
            cli, sq_args_has(&cli->args, "limit") ? all : json_array_get(all, 0));
    return rc;
}

static int run(struct sq_cli *cli, struct sq_err *err)
{
    const char *columns[SQ_TABLE_COLUMNS + 1];
    SQ_CLEANUP(sq_json_unref) json_t *list = json_array();
    bool header = !sq_args_has(&cli->args, "no-header");
    int rc = read_columns(cli, columns, err);
    if (rc == 0)
        rc = find_executions(cli, list, err);
    if (rc == 0 && sq_args_has(&cli->args, "json"))
        return show_json(cli, list, err);
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++)
        rc = show(cli, json_array_get(list, i), header ? columns : NULL, err);
    return rc;
}

const struct sq_verb sq_verb_execution_output = {
    .name = "output",
    .help = "print what executions wrote",
    .options = options,
    .run = run,
};
