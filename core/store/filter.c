/* Filters of lists: their values, which are texts, checked and turned into conditions.
 * Every value is bound, but words of closed sets, which are written in so that partial
 * indexes apply. */
#include "core/store/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/record.h"
#include "lib/clock.h"

static bool parse_int(const char *text, int64_t *ret)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || end == text || *end)
        return false;
    *ret = v;
    return true;
}

static bool parse_real(const char *text, double *ret)
{
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end)
        return false;
    *ret = v;
    return true;
}

static int parse_bool(const char *text)
{
    if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0 ||
        strcmp(text, "True") == 0)
        return 1;
    if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0 ||
        strcmp(text, "False") == 0)
        return 0;
    return -1;
}

static bool value_fits(const struct sq_field *f, const char *value)
{
    int64_t number;
    double real;
    switch (f->kind) {
    case SQ_K_INT: return parse_int(value, &number);
    case SQ_K_REAL: return parse_real(value, &real);
    case SQ_K_BOOL: return parse_bool(value) >= 0;
    case SQ_K_TIME: return sq_time_parse(value, &number);
    default: return true;
    }
}

static const char *kind_word(enum sq_kind kind)
{
    switch (kind) {
    case SQ_K_INT: return "an integer";
    case SQ_K_REAL: return "a number";
    case SQ_K_BOOL: return "a boolean";
    default: return "a date";
    }
}

static const struct sq_field *column_of(const struct sq_type *type, const char *name)
{
    return &type->fields[sq_field_find(type, name)];
}

/* The column that the values are of. */
static const struct sq_field *field_of(const struct sq_type *type,
                                       const struct sq_filter *f)
{
    switch (f->field) {
    case SQ_FILTER_TASK_NAME:
    case SQ_FILTER_NAME_HAS: return column_of(&sq_task_type, "name");
    case SQ_FILTER_TASK_BATCH: return column_of(&sq_task_type, "batch");
    case SQ_FILTER_WORKER: return column_of(&sq_execution_type, "worker_id");
    default: return &type->fields[f->field];
    }
}

int sq_filter_check(const struct sq_type *type, const struct sq_filter *filter,
                    struct sq_err *err)
{
    const struct sq_field *f = field_of(type, filter);
    if (!sq_field_stored(f))
        return sq_fail(err, SQ_EINVAL, "A %s cannot be filtered by %s", type->name,
                       f->name);
    bool one_by_one = f->kind == SQ_K_TIME || f->kind == SQ_K_REAL ||
                      filter->field == SQ_FILTER_NAME_HAS;
    if (one_by_one && filter->n > 20)
        return sq_fail(err, SQ_EINVAL, "%s: at most 20 values", f->name);
    for (size_t i = 0; i < filter->n; i++)
        if (filter->values[i] && !value_fits(f, filter->values[i]))
            return sq_fail(err, SQ_EINVAL, "%s must be %s, not %.100s", f->name,
                           kind_word(f->kind), filter->values[i]);
    return 0;
}

/* Conditions.  Each `where_…` writes one that is false when nothing can match. */

static size_t count_values(const struct sq_filter *f, bool *ret_null)
{
    size_t n = 0;
    *ret_null = false;
    for (size_t i = 0; i < f->n; i++)
        if (f->values[i])
            n++;
        else
            *ret_null = true;
    return n;
}

static const char *first_value(const struct sq_filter *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->values[i])
            return f->values[i];
    return NULL;
}

static int64_t int_of(const char *text)
{
    int64_t v = 0;
    parse_int(text, &v);
    return v;
}

/* "column in (the values of one JSON text)" */
static void where_set(struct sq_listing *q, const char *column, bool numbers,
                      const struct sq_filter *f)
{
    struct sq_set *s = sq_listing_set(q);
    for (size_t i = 0; i < f->n; i++)
        if (f->values[i] && numbers)
            sq_set_int(s, int_of(f->values[i]));
        else if (f->values[i])
            sq_set_str(s, f->values[i]);
    int at = sq_listing_text(q, sq_set_text(s));
    if (sq_db_engine(q->db) == SQ_SQLITE)
        sq_buf_addf(&q->sql, "%s in (select value from json_each($%d))", column, at);
    else
        sq_buf_addf(&q->sql,
                    "%s = any(array(select %s from "
                    "json_array_elements_text(cast($%d as json)) j(value)))",
                    column, numbers ? "cast(value as bigint)" : "value", at);
}

static void where_number(struct sq_listing *q, const char *column,
                         const struct sq_filter *f, size_t n)
{
    if (n == 1)
        sq_buf_addf(&q->sql, "%s = cast($%d as bigint)", column,
                    sq_listing_int(q, int_of(first_value(f))));
    else
        where_set(q, column, true, f);
}

static void where_text(struct sq_listing *q, const char *column,
                       const struct sq_filter *f, size_t n)
{
    if (n == 1)
        sq_buf_addf(&q->sql, "%s = $%d", column, sq_listing_text(q, first_value(f)));
    else
        where_set(q, column, false, f);
}

static void where_word(struct sq_listing *q, const struct sq_field *field,
                       const struct sq_filter *f)
{
    sq_buf_addf(&q->sql, "%s in (''", field->name);
    for (size_t i = 0; i < f->n; i++) {
        int word = sq_name_find(field->names, f->values[i]);
        if (word >= 0)
            sq_buf_addf(&q->sql, ", '%s'", sq_name(field->names, word));
    }
    sq_buf_adds(&q->sql, ")");
}

static void where_each(struct sq_listing *q, const struct sq_field *field,
                       const struct sq_filter *f)
{
    const char * or = "";
    sq_buf_addc(&q->sql, '(');
    for (size_t i = 0; i < f->n; i++) {
        if (!f->values[i])
            continue;
        if (field->kind == SQ_K_BOOL) {
            sq_buf_addf(&q->sql, "%s%s = %s", or, field->name,
                        parse_bool(f->values[i]) ? "true" : "false");
        } else {
            bool as_text = field->flags & SQ_F_STORED_TEXT;
            struct sq_bound *b = sq_listing_bind(q, as_text ? SQ_K_TEXT : field->kind);
            if (field->kind == SQ_K_TIME)
                sq_time_parse(f->values[i], &b->number);
            else
                parse_real(f->values[i], &b->real);
            if (as_text)
                b->text = sq_real_text(b->real, b->scratch);
            sq_buf_addf(&q->sql, "%s%s = $%d", or, field->name, q->n_binds);
        }
        or = " or ";
    }
    sq_buf_addc(&q->sql, ')');
}

static void where_field(struct sq_listing *q, const struct sq_field *field,
                        const struct sq_filter *f)
{
    bool null;
    size_t n = count_values(f, &null);
    sq_buf_adds(&q->sql, " and (");
    if (null)
        sq_buf_addf(&q->sql, "%s is null", field->name);
    if (null && n)
        sq_buf_adds(&q->sql, " or ");
    if (!null && !n)
        sq_buf_adds(&q->sql, "1 = 0");
    else if (n && field->kind == SQ_K_INT)
        where_number(q, field->name, f, n);
    else if (n && field->kind == SQ_K_TEXT)
        where_text(q, field->name, f, n);
    else if (n && field->kind == SQ_K_ENUM)
        where_word(q, field, f);
    else if (n)
        where_each(q, field, f);
    sq_buf_addc(&q->sql, ')');
}

/* Executions by something of their task. */
static void where_task(struct sq_listing *q, const struct sq_filter *f)
{
    sq_buf_adds(&q->sql, " and task_id in (select task_id from task where true");
    where_field(q, field_of(&sq_execution_type, f), f);
    sq_buf_addc(&q->sql, ')');
}

/* Tasks by who runs them, or ran them last. */
static void where_worker(struct sq_listing *q, const struct sq_filter *f)
{
    sq_buf_adds(&q->sql, " and task_id in (select task_id from execution where latest");
    where_field(q, field_of(&sq_task_type, f), f);
    sq_buf_addc(&q->sql, ')');
}

/* Letters are compared as they are, in both databases. */
static void where_name_has(struct sq_listing *q, const struct sq_filter *f)
{
    const char *place = sq_db_engine(q->db) == SQ_SQLITE ? "instr" : "strpos";
    const char * or = "";
    sq_buf_adds(&q->sql, " and (");
    for (size_t i = 0; i < f->n; i++) {
        if (!f->values[i])
            continue;
        sq_buf_addf(&q->sql, "%s%s(name, $%d) > 0", or, place,
                    sq_listing_text(q, f->values[i]));
        or = " or ";
    }
    sq_buf_adds(&q->sql, * or ? ")" : "1 = 0)");
}

void sq_filter_where(struct sq_listing *q, const struct sq_type *type,
                     const struct sq_filter *f)
{
    switch (f->field) {
    case SQ_FILTER_TASK_NAME:
    case SQ_FILTER_TASK_BATCH: where_task(q, f); break;
    case SQ_FILTER_WORKER: where_worker(q, f); break;
    case SQ_FILTER_NAME_HAS: where_name_has(q, f); break;
    default: where_field(q, &type->fields[f->field], f);
    }
}
