/* Lists: asks for pages by key ("after"), turns objects into cells.
 *
 * The next page is asked for after the last key of the one before, until a page is
 * empty: a server may answer fewer rows than asked. */
#include "cli/listing.h"

#include <string.h>

#include "cli/table.h"

/* A page of 2,000 tasks is about 1 MB of JSON: few calls, little memory. */
enum { PAGE_ROWS = 2000, FIELDS_BYTES = 1024, CELL_BYTES = 64 * 1024 * 1024 };

static json_t *page_filter(const struct sq_listing *l, json_t *filter,
                           const char *fields, int64_t after, int64_t left)
{
    json_t *f = json_copy(filter);
    if (fields)
        json_object_set_new(f, "fields", json_string(fields));
    if (l->newest_first)
        json_object_set_new(f, "reverse", json_true());
    if (l->key) {
        int64_t rows = left && left < PAGE_ROWS ? left : PAGE_ROWS;
        json_object_set_new(f, "limit", json_integer(rows));
        if (after >= 0)
            json_object_set_new(f, "after", json_integer(after));
    }
    return f;
}

static int each_of_page(const struct sq_listing *l, const json_t *page,
                        sq_listing_fn *fn, void *arg, int64_t *after,
                        struct sq_err *err)
{
    size_t i;
    json_t *object;
    json_array_foreach(page, i, object)
    {
        int rc = fn(arg, object, err);
        if (rc != 0)
            return rc;
    }
    if (l->key && json_array_size(page)) {
        const json_t *last = json_array_get(page, json_array_size(page) - 1);
        int64_t key = json_integer_value(json_object_get(last, l->key));
        bool forward = *after < 0 || (l->newest_first ? key < *after : key > *after);
        if (!forward)
            return sq_fail(err, SQ_EPROTO, "%s: the server repeats rows", l->path);
        *after = key;
    }
    return 0;
}

int sq_listing_each_take(struct sq_cli *cli, const struct sq_listing *l, json_t *filter,
                         const char *fields, sq_listing_fn *fn, void *arg,
                         struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *base = filter ? filter : json_object();
    int64_t after = -1, left = l->limit;
    for (;;) {
        SQ_CLEANUP(sq_json_unref) json_t *page = NULL;
        json_t *f = page_filter(l, base, fields, after, left);
        int rc = sq_cli_call_take(cli, "GET", l->path, f, &page, err);
        if (rc == 0 && !json_is_array(page))
            rc = sq_fail(err, SQ_EPROTO, "%s: the server answered no list", l->path);
        if (rc == 0)
            rc = each_of_page(l, page, fn, arg, &after, err);
        if (rc != 0)
            return rc;
        size_t n = json_array_size(page);
        if (l->rows)
            *l->rows += n;
        if (left && (int64_t)n >= left)
            return 0;
        left -= left ? (int64_t)n : 0;
        if (n == 0 || !l->key)
            return 0;
    }
}

/* A member as the text of a cell. */
static void add_cell(const json_t *v, struct sq_buf *out)
{
    if (json_is_string(v)) {
        sq_buf_add(out, json_string_value(v), json_string_length(v));
    } else if (json_is_integer(v)) {
        sq_buf_addf(out, "%lld", (long long)json_integer_value(v));
    } else if (json_is_real(v)) {
        sq_buf_addf(out, "%.10g", json_real_value(v));
    } else if (json_is_boolean(v)) {
        sq_buf_adds(out, json_is_true(v) ? "true" : "false");
    } else if (json_is_array(v)) {
        size_t i;
        json_t *item;
        json_array_foreach(v, i, item)
        {
            sq_buf_adds(out, i ? "," : "");
            add_cell(item, out);
        }
    } else if (json_is_object(v)) {
        char *text = json_dumps(v, JSON_COMPACT);
        sq_buf_adds(out, text ? text : "");
        free(text);
    }
}

static int print_object(struct sq_table *t, const char *const *columns,
                        const json_t *object, struct sq_err *err)
{
    const char *texts[SQ_TABLE_COLUMNS];
    size_t starts[SQ_TABLE_COLUMNS];
    SQ_CLEANUP(sq_buf_fini) struct sq_buf cells;
    sq_buf_init(&cells, CELL_BYTES);
    for (size_t i = 0; columns[i]; i++) {
        starts[i] = cells.len;
        add_cell(json_object_get(object, columns[i]), &cells);
        sq_buf_addc(&cells, 0);
    }
    if (!sq_buf_ok(&cells))
        return sq_fail(err, SQ_ENOMEM, "a row is too long");
    for (size_t i = 0; columns[i]; i++)
        texts[i] = cells.data + starts[i];
    return sq_table_row(t, texts, err);
}

struct table_sink {
    struct sq_table *table;
    const char *const *columns;
};

static int to_table(void *arg, const json_t *object, struct sq_err *err)
{
    struct table_sink *sink = arg;
    return print_object(sink->table, sink->columns, object, err);
}

/* The columns of a listing, and their names joined by commas. */
static void choose_columns(const struct sq_listing *l, bool all,
                           const char *ret[SQ_TABLE_COLUMNS + 1], struct sq_buf *fields)
{
    size_t n = 0;
    for (size_t i = 0; l->columns[i]; i++)
        ret[n++] = l->columns[i];
    for (size_t i = 0; all && l->more && l->more[i]; i++)
        ret[n++] = l->more[i];
    ret[n] = NULL;
    for (size_t i = 0; i < n; i++)
        sq_buf_addf(fields, "%s%s", i ? "," : "", ret[i]);
}

static int print_table_take(struct sq_cli *cli, const struct sq_listing *l,
                            json_t *filter, struct sq_err *err)
{
    bool all = sq_args_has(&cli->args, "long");
    bool header = !sq_args_has(&cli->args, "no-header");
    const char *columns[SQ_TABLE_COLUMNS + 1];
    SQ_CLEANUP(sq_buf_fini) struct sq_buf fields;
    struct table_sink sink = {NULL, columns};
    sq_buf_init(&fields, FIELDS_BYTES);
    choose_columns(l, all, columns, &fields);
    int rc = sq_table_open(cli->out, columns, header, !all, &sink.table, err);
    if (rc != 0) {
        json_decref(filter);
        return rc;
    }
    rc = sq_listing_each_take(cli, l, filter, l->key ? fields.data : NULL, to_table,
                              &sink, err);
    sq_table_close(sink.table, rc == 0);
    return rc;
}

struct json_sink {
    FILE *out;
    bool filled;
};

static int to_json(void *arg, const json_t *object, struct sq_err *err)
{
    struct json_sink *sink = arg;
    fputs(sink->filled ? ",\n" : "[\n", sink->out);
    sink->filled = true;
    if (json_dumpf(object, sink->out, 0) != 0)
        return sq_fail(err, SQ_EIO, "cannot write the list");
    return 0;
}

static int print_json_take(struct sq_cli *cli, const struct sq_listing *l,
                           json_t *filter, struct sq_err *err)
{
    struct json_sink sink = {cli->out, false};
    const char *columns[SQ_TABLE_COLUMNS + 1];
    SQ_CLEANUP(sq_buf_fini) struct sq_buf fields;
    bool all = l->asked && sq_args_has(&cli->args, "long");
    sq_buf_init(&fields, FIELDS_BYTES);
    choose_columns(l, true, columns, &fields);
    int rc = sq_listing_each_take(cli, l, filter, all ? fields.data : NULL, to_json,
                                  &sink, err);
    if (rc == 0)
        fputs(sink.filled ? "\n]\n" : "[]\n", cli->out);
    return rc;
}

int sq_listing_print_take(struct sq_cli *cli, const struct sq_listing *l,
                          json_t *filter, struct sq_err *err)
{
    if (sq_args_has(&cli->args, "json"))
        return print_json_take(cli, l, filter, err);
    return print_table_take(cli, l, filter, err);
}

int sq_listing_print_array(FILE *out, const char *const *columns, bool header, bool cut,
                           const json_t *array, struct sq_err *err)
{
    struct sq_table *table = NULL;
    size_t i;
    json_t *object;
    int rc = sq_table_open(out, columns, header, cut, &table, err);
    if (rc != 0)
        return rc;
    json_array_foreach(array, i, object)
    {
        if (rc == 0)
            rc = print_object(table, columns, object, err);
    }
    sq_table_close(table, rc == 0);
    return rc;
}

void sq_listing_filter(struct sq_cli *cli, json_t *filter, const char *option,
                       const char *field)
{
    const char *text = sq_args_text(&cli->args, option);
    if (text)
        json_object_set_new(filter, field, json_string(text));
}
