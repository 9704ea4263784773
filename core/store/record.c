/* Reading, inserting and updating any type by its field table.
 *
 * PostgreSQL pays a round trip a statement, so many rows travel there as one JSON
 * text; SQLite pays nothing, so there a prepared single-row insert is repeated, which
 * is several times faster than having it parse JSON. */
#include "core/store/record.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/db_engine.h"
#include "lib/jsonio.h"

enum {
    SQL_MAX = 8192,
    ROWS_A_STATEMENT = 1000,
    ROWS_MAX_BYTES = 256 * 1024 * 1024 /* of JSON text in one statement */
};

bool sq_field_stored(const struct sq_field *f)
{
    return !(f->flags & SQ_F_COMPUTED);
}

const char *sq_real_text(double v, char text[32])
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, 32, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    return text;
}

void sq_record_columns(const struct sq_type *type, struct sq_buf *sql)
{
    const char *comma = "";
    for (int i = 0; i < type->n_fields; i++) {
        if (!sq_field_stored(&type->fields[i]))
            continue;
        sq_buf_addf(sql, "%s%s", comma, type->fields[i].name);
        comma = ", ";
    }
}

static bool read_text(struct sq_stmt *st, int column, struct sq_arena *arena, char **at)
{
    size_t len = 0;
    const char *text = sq_col_text(st, column, &len);
    *at = text ? sq_arena_memdup(arena, text, len) : NULL;
    return !text || *at;
}

static double read_real(struct sq_stmt *st, int column, const struct sq_field *f)
{
    if (!(f->flags & SQ_F_STORED_TEXT))
        return sq_col_real(st, column);
    const char *text = sq_col_text(st, column, NULL);
    char *end = NULL;
    double v = text ? strtod(text, &end) : NAN;
    return text && end != text ? v : NAN;
}

static bool read_field(struct sq_stmt *st, int column, const struct sq_field *f,
                       struct sq_arena *arena, void *at)
{
    if (sq_col_null(st, column))
        return true;
    switch (f->kind) {
    case SQ_K_INT: *(int64_t *)at = sq_col_int(st, column); break;
    case SQ_K_REAL: *(double *)at = read_real(st, column, f); break;
    case SQ_K_TEXT: return read_text(st, column, arena, at);
    case SQ_K_BOOL: *(int *)at = sq_col_bool(st, column); break;
    case SQ_K_TIME: *(int64_t *)at = sq_col_time(st, column); break;
    case SQ_K_ENUM:
        *(int *)at = sq_name_find(f->names, sq_col_text(st, column, NULL));
        break;
    case SQ_K_INTS: assert(!"a list is no column"); break;
    }
    return true;
}

int sq_record_read(struct sq_stmt *st, int first, const struct sq_type *type,
                   struct sq_arena *arena, void *rec)
{
    sq_record_clear(type, rec);
    int column = first;
    for (int i = 0; i < type->n_fields; i++) {
        const struct sq_field *f = &type->fields[i];
        if (sq_field_stored(f) &&
            !read_field(st, column++, f, arena, SQ_FIELD_PTR(rec, f)))
            return -1;
    }
    return column;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_ints(const struct sq_ints *a, const struct sq_ints *b)
{
    return a->n == b->n && (!a->n || memcmp(a->v, b->v, a->n * sizeof *a->v) == 0);
}

static bool same(const struct sq_field *f, const void *a, const void *b)
{
    switch (f->kind) {
    case SQ_K_INT:
    case SQ_K_TIME: return *(const int64_t *)a == *(const int64_t *)b;
    case SQ_K_REAL: {
        double x = *(const double *)a, y = *(const double *)b;
        return x == y || (isnan(x) && isnan(y));
    }
    case SQ_K_TEXT: return same_text(*(char *const *)a, *(char *const *)b);
    case SQ_K_BOOL:
    case SQ_K_ENUM: return *(const int *)a == *(const int *)b;
    case SQ_K_INTS: return same_ints(a, b);
    }
    return false;
}

uint64_t sq_record_diff(const struct sq_type *type, const void *a, const void *b,
                        uint64_t mask)
{
    uint64_t diff = 0;
    for (int i = 0; i < type->n_fields; i++) {
        size_t at = type->fields[i].offset;
        if ((mask & SQ_BIT(i)) &&
            !same(&type->fields[i], (const char *)a + at, (const char *)b + at))
            diff |= SQ_BIT(i);
    }
    return diff;
}

static size_t kind_size(enum sq_kind kind)
{
    switch (kind) {
    case SQ_K_INT:
    case SQ_K_TIME: return sizeof(int64_t);
    case SQ_K_REAL: return sizeof(double);
    case SQ_K_TEXT: return sizeof(char *);
    case SQ_K_BOOL:
    case SQ_K_ENUM: return sizeof(int);
    case SQ_K_INTS: return sizeof(struct sq_ints);
    }
    return 0;
}

void sq_record_merge(const struct sq_type *type, void *into, const void *from,
                     uint64_t mask)
{
    for (int i = 0; i < type->n_fields; i++) {
        const struct sq_field *f = &type->fields[i];
        if (mask & SQ_BIT(i))
            memcpy((char *)into + f->offset, (const char *)from + f->offset,
                   kind_size(f->kind));
    }
}

/* `scratch` lives until the statement is run: at most one number a type is stored as
 * text. */
static void bind_field(struct sq_stmt *st, int i, const struct sq_field *f,
                       const void *at, char scratch[32])
{
    switch (f->kind) {
    case SQ_K_INT: sq_bind_int(st, i, *(const int64_t *)at); break;
    case SQ_K_REAL:
        if (!(f->flags & SQ_F_STORED_TEXT) || isnan(*(const double *)at))
            sq_bind_real(st, i, *(const double *)at);
        else
            sq_bind_text(st, i, sq_real_text(*(const double *)at, scratch));
        break;
    case SQ_K_TEXT: sq_bind_text(st, i, *(char *const *)at); break;
    case SQ_K_BOOL: sq_bind_bool(st, i, *(const int *)at); break;
    case SQ_K_TIME: sq_bind_time(st, i, *(const int64_t *)at); break;
    case SQ_K_ENUM: sq_bind_text(st, i, sq_name(f->names, *(const int *)at)); break;
    case SQ_K_INTS: assert(!"a list is no column"); break;
    }
}

static const char *key_name(const struct sq_type *type)
{
    return type->fields[0].name;
}

/* Append ", " between items. */
static void separate(struct sq_buf *sql, int index)
{
    if (index > 0)
        sq_buf_adds(sql, ", ");
}

/* "insert into task (a, b) values ($1, $2) returning task_id", from field `from` on. */
static void insert_sql(const struct sq_type *type, int from, struct sq_buf *sql)
{
    sq_buf_addf(sql, "insert into %s (", type->table);
    int n = 0;
    for (int i = from; i < type->n_fields; i++) {
        if (!sq_field_stored(&type->fields[i]))
            continue;
        separate(sql, n++);
        sq_buf_adds(sql, type->fields[i].name);
    }
    sq_buf_adds(sql, ") values (");
    for (int i = 0; i < n; i++) {
        separate(sql, i);
        sq_buf_addf(sql, "$%d", i + 1);
    }
    sq_buf_addf(sql, ") returning %s", key_name(type));
}

static void insert_bind(struct sq_stmt *st, const struct sq_type *type, int from,
                        const void *rec, char scratch[32])
{
    int n = 0;
    for (int i = from; i < type->n_fields; i++) {
        const struct sq_field *f = &type->fields[i];
        if (sq_field_stored(f))
            bind_field(st, ++n, f, (const char *)rec + f->offset, scratch);
    }
}

int sq_record_insert(struct sq_tx *tx, const struct sq_type *type, void *rec,
                     struct sq_err *err)
{
    char scratch[32];
    int64_t *key = SQ_FIELD_PTR(rec, &type->fields[0]);
    int from = *key == SQ_NULL ? 1 : 0;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf sql;
    sq_buf_init(&sql, SQL_MAX);
    insert_sql(type, from, &sql);
    if (!sq_buf_ok(&sql))
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    struct sq_stmt *st = sq_db_sql(tx->db, sql.data);
    insert_bind(st, type, from, rec, scratch);
    if (sq_row(st))
        *key = sq_col_int(st, 0);
    sq_stmt_end(st);
    return sq_db_error(tx->db, err);
}

/* A PostgreSQL type for a value that comes out of JSON. */
static const char *type_in_json(const struct sq_field *f)
{
    if (f->flags & SQ_F_STORED_TEXT)
        return "text";
    switch (f->kind) {
    case SQ_K_INT: return "bigint";
    case SQ_K_REAL: return "double precision";
    case SQ_K_BOOL: return "boolean";
    case SQ_K_TIME: return "timestamp";
    default: return "text";
    }
}

static void recordset_sql(const struct sq_type *type, struct sq_buf *sql)
{
    sq_buf_addf(sql, "insert into %s (", type->table);
    sq_record_columns(type, sql);
    sq_buf_adds(sql, ") select ");
    sq_record_columns(type, sql);
    sq_buf_adds(sql, " from json_to_recordset(cast($1 as json)) as j(");
    int n = 0;
    for (int i = 0; i < type->n_fields; i++) {
        const struct sq_field *f = &type->fields[i];
        if (!sq_field_stored(f))
            continue;
        separate(sql, n++);
        sq_buf_addf(sql, "%s %s", f->name, type_in_json(f));
    }
    sq_buf_adds(sql, ")");
}

static void write_ints(struct sq_jw *w, const struct sq_ints *ints)
{
    sq_jw_open(w, '[');
    for (size_t i = 0; i < ints->n; i++)
        sq_jw_int(w, ints->v[i]);
    sq_jw_close(w);
}

static void write_text(struct sq_jw *w, const struct sq_field *f, const char *text)
{
    if (text && (f->flags & SQ_F_JSON))
        sq_jw_raw(w, text, strlen(text));
    else
        sq_jw_text(w, text);
}

void sq_field_to_json(struct sq_jw *w, const struct sq_field *f, const void *rec)
{
    const void *at = (const char *)rec + f->offset;
    sq_jw_key(w, f->name);
    switch (f->kind) {
    case SQ_K_INT: sq_jw_int(w, *(const int64_t *)at); break;
    case SQ_K_REAL: sq_jw_real(w, *(const double *)at); break;
    case SQ_K_TEXT: write_text(w, f, *(char *const *)at); break;
    case SQ_K_BOOL: sq_jw_bool(w, *(const int *)at); break;
    case SQ_K_TIME: sq_jw_time(w, *(const int64_t *)at); break;
    case SQ_K_ENUM: sq_jw_text(w, sq_name(f->names, *(const int *)at)); break;
    case SQ_K_INTS: write_ints(w, at); break;
    }
}

static void json_rows(const struct sq_type *type, const char *recs, size_t n,
                      struct sq_buf *out)
{
    struct sq_jw w;
    sq_jw_init(&w, out);
    sq_jw_open(&w, '[');
    for (size_t r = 0; r < n; r++) {
        sq_jw_open(&w, '{');
        for (int i = 0; i < type->n_fields; i++) {
            const struct sq_field *f = &type->fields[i];
            if (sq_field_stored(f))
                sq_field_to_json(&w, f, recs + r * type->size);
        }
        sq_jw_close(&w);
    }
    sq_jw_close(&w);
}

/* SQLite keeps the last key given in a table of its own. */
static void reserve_sqlite(struct sq_tx *tx, const char *table, size_t n, int64_t *ids)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_ID_RESERVE);
    sq_bind_text(st, 1, table);
    sq_bind_int(st, 2, (int64_t)n);
    int64_t last = (int64_t)n;
    bool known = sq_row(st);
    if (known)
        last = sq_col_int(st, 0);
    sq_stmt_end(st);
    if (!known) {
        st = sq_db_query(tx->db, SQ_Q_ID_RESERVE_FIRST);
        sq_bind_text(st, 1, table);
        sq_bind_int(st, 2, (int64_t)n);
        sq_run(st);
    }
    for (size_t i = 0; i < n; i++)
        ids[i] = last - (int64_t)(n - 1 - i);
}

static void take_values(struct sq_tx *tx, const char *table, size_t n, int64_t *ids)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_ID_RESERVE);
    sq_bind_text(st, 1, table);
    sq_bind_int(st, 2, (int64_t)n);
    for (size_t i = 0; i < n && sq_row(st); i++)
        ids[i] = sq_col_int(st, 0);
    sq_stmt_end(st);
}

/* Rows made one by one take theirs from a few that the connection holds, for a round
 * trip less each.  Many at once end those: keys ascend in the order of making. */
static void reserve_postgres(struct sq_tx *tx, const char *table, size_t n,
                             int64_t *ids)
{
    struct sq_db_keys *held = &tx->db->keys;
    if (n > 1 || held->table != table)
        held->n = 0;
    if (n > 1) {
        take_values(tx, table, n, ids);
        return;
    }
    if (held->n == 0) {
        take_values(tx, table, SQ_DB_KEYS, held->v);
        held->n = tx->db->err.code ? 0 : SQ_DB_KEYS;
        held->table = table;
    }
    ids[0] = held->n ? held->v[SQ_DB_KEYS - held->n--] : SQ_NULL;
}

int sq_record_reserve(struct sq_tx *tx, const struct sq_type *type, size_t n,
                      int64_t *ret_ids, struct sq_err *err)
{
    if (n && sq_db_engine(tx->db) == SQ_SQLITE)
        reserve_sqlite(tx, type->table, n, ret_ids);
    else if (n)
        reserve_postgres(tx, type->table, n, ret_ids);
    return sq_db_error(tx->db, err);
}

static int insert_sets(struct sq_tx *tx, const struct sq_type *type, const char *recs,
                       size_t n, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf sql, rows;
    sq_buf_init(&sql, SQL_MAX);
    sq_buf_init(&rows, ROWS_MAX_BYTES);
    recordset_sql(type, &sql);
    for (size_t at = 0; at < n; at += ROWS_A_STATEMENT) {
        size_t some = n - at < ROWS_A_STATEMENT ? n - at : ROWS_A_STATEMENT;
        sq_buf_clear(&rows);
        json_rows(type, recs + at * type->size, some, &rows);
        if (!sq_buf_ok(&sql) || !sq_buf_ok(&rows))
            return sq_fail(err, SQ_ETOOBIG, "these rows of %s are too big together",
                           type->table);
        struct sq_stmt *st = sq_db_sql(tx->db, sql.data);
        sq_bind_text(st, 1, rows.data);
        sq_send(st); /* copied: the next rows are written while the server works */
    }
    return sq_db_error(tx->db, err);
}

int sq_record_insert_many(struct sq_tx *tx, const struct sq_type *type,
                          const void *recs, size_t n, struct sq_err *err)
{
    if (n > 1 && sq_db_engine(tx->db) == SQ_POSTGRES)
        return insert_sets(tx, type, recs, n, err);
    SQ_CLEANUP(sq_buf_fini) struct sq_buf sql;
    sq_buf_init(&sql, SQL_MAX);
    insert_sql(type, 0, &sql);
    if (!sq_buf_ok(&sql))
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        char scratch[32];
        struct sq_stmt *st = sq_db_sql(tx->db, sql.data);
        insert_bind(st, type, 0, (const char *)recs + i * type->size, scratch);
        if (sq_run(st) < 0)
            break;
    }
    return sq_db_error(tx->db, err);
}

static int update_sql(const struct sq_type *type, uint64_t mask, struct sq_buf *sql)
{
    sq_buf_addf(sql, "update %s set ", type->table);
    int n = 0;
    for (int i = 1; i < type->n_fields; i++) {
        if (!(mask & SQ_BIT(i)) || !sq_field_stored(&type->fields[i]))
            continue;
        separate(sql, n++);
        sq_buf_addf(sql, "%s = $%d", type->fields[i].name, n);
    }
    sq_buf_addf(sql, " where %s = cast($%d as bigint)", key_name(type), n + 1);
    return n;
}

int sq_record_update(struct sq_tx *tx, const struct sq_type *type, int64_t id,
                     const void *rec, uint64_t mask, struct sq_err *err)
{
    char scratch[32];
    SQ_CLEANUP(sq_buf_fini) struct sq_buf sql;
    sq_buf_init(&sql, SQL_MAX);
    int n = update_sql(type, mask, &sql);
    if (!sq_buf_ok(&sql))
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    if (n == 0)
        return 0;
    struct sq_stmt *st = sq_db_sql(tx->db, sql.data);
    int bound = 0;
    for (int i = 1; i < type->n_fields; i++) {
        const struct sq_field *f = &type->fields[i];
        if ((mask & SQ_BIT(i)) && sq_field_stored(f))
            bind_field(st, ++bound, f, (const char *)rec + f->offset, scratch);
    }
    sq_bind_int(st, bound + 1, id);
    sq_run(st);
    return sq_db_error(tx->db, err);
}
