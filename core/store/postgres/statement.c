/* The PostgreSQL engine: statements and values.
 *
 * A statement is prepared at its first use on a connection, in the same round trip.
 * Parameters travel as text, blobs as they are, so that 50 MB of output are not
 * written twice over as hexadecimal; results come in PostgreSQL's binary form, decoded
 * here by their type (the send functions of src/backend/utils/adt). */
#include "core/store/postgres/internal.h"

#include <endian.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

/* Type numbers that never change (pg_type.dat). */
enum {
    T_BOOL = 16,
    T_INT8 = 20,
    T_INT2 = 21,
    T_INT4 = 23,
    T_OID = 26,
    T_FLOAT4 = 700,
    T_FLOAT8 = 701,
    T_TIMESTAMP = 1114,
    T_TIMESTAMPTZ = 1184,
    T_NUMERIC = 1700,
    T_JSONB = 3802
};
enum { PLANS_US = 1000000 /* how long plans are trusted */ };
/* Microseconds from 1970 to 2000, where PostgreSQL's times start. */
#define EPOCH_2000 INT64_C(946684800000000)

static struct sq_pg *connection(struct sq_stmt *st)
{
    return (struct sq_pg *)st->db;
}

static struct sq_pg_statement *statement(struct sq_stmt *st)
{
    return (struct sq_pg_statement *)st;
}

static const char *name_of(const struct sq_pg_statement *s)
{
    return s->name ? s->name : s->sql;
}

/* Life. */

/* The highest $N of a text, quoted ones aside. */
static int count_params(const char *sql)
{
    int most = 0;
    bool quoted = false;
    for (const char *p = sql; *p; p++) {
        if (*p == '\'')
            quoted = !quoted;
        int n = *p == '$' && !quoted ? atoi(p + 1) : 0;
        if (n > most && n <= 999)
            most = n;
    }
    return most;
}

static bool fill(struct sq_pg_statement *s, const char *sql)
{
    size_t n = (size_t)count_params(sql);
    s->n_params = (int)n;
    s->sql = strdup(sql);
    s->values = calloc(n + 1, sizeof *s->values);
    s->lengths = calloc(n + 1, sizeof *s->lengths);
    s->formats = calloc(n + 1, sizeof *s->formats);
    s->numbers = calloc(n + 1, sizeof *s->numbers);
    return s->sql && s->values && s->lengths && s->formats && s->numbers;
}

struct sq_stmt *sq_pg_prepare(struct sq_db *db, const char *name, const char *sql)
{
    struct sq_pg *pg = (struct sq_pg *)db;
    struct sq_pg_statement *s = calloc(1, sizeof *s);
    if (s) {
        s->base.db = db;
        s->name = name;
        snprintf(s->id, sizeof s->id, "q%d", ++pg->prepared);
    }
    if (s && fill(s, sql))
        return &s->base;
    sq_db_stick(db, SQ_ENOMEM, "out of memory for a query");
    if (s)
        sq_pg_finish(&s->base);
    return NULL;
}

/* The server forgets a statement with its connection, or when told. */
static void deallocate(struct sq_pg_statement *s)
{
    struct sq_pg *pg = connection(&s->base);
    char sql[40];
    for (int i = 0; i < pg->n_pending; i++)
        if (pg->pending[i].prepares == s)
            pg->pending[i].prepares = NULL;
    snprintf(sql, sizeof sql, "deallocate %s", s->id);
    if (!s->name && s->state != SQ_PG_NEW && sq_pg_reserve(pg, NULL) &&
        !PQsendQueryParams(pg->conn, sql, 0, NULL, NULL, NULL, NULL, 1))
        pg->n_pending--;
}

void sq_pg_finish(struct sq_stmt *st)
{
    struct sq_pg_statement *s = statement(st);
    sq_pg_end(st);
    deallocate(s);
    free(s->values);
    free(s->lengths);
    free(s->formats);
    free(s->numbers);
    free(s->sql);
    free(s);
}

void sq_pg_start(struct sq_stmt *st)
{
    struct sq_pg_statement *s = statement(st);
    sq_pg_end(st);
    s->sent = false;
    for (int i = 0; i < s->n_params; i++)
        s->values[i] = NULL;
}

/* Nobody waits for the rows any more. */
static void forget_asked(struct sq_pg_statement *s)
{
    struct sq_pg *pg = connection(&s->base);
    for (int i = 0; s->asked && i < pg->n_pending; i++)
        if (pg->pending[i].answers == s)
            pg->pending[i].answers = NULL;
    s->asked = false;
}

void sq_pg_end(struct sq_stmt *st)
{
    struct sq_pg_statement *s = statement(st);
    forget_asked(s);
    PQclear(s->result);
    s->result = NULL;
    s->next = s->rows = 0;
    s->sent = true;
}

/* Parameters. */

static void bind(struct sq_stmt *st, int i, const char *value, int len, int format)
{
    struct sq_pg_statement *s = statement(st);
    if (i < 1 || i > s->n_params) {
        sq_db_stick(st->db, SQ_EINVAL, "%s has no parameter $%d", name_of(s), i);
        return;
    }
    s->values[i - 1] = value;
    s->lengths[i - 1] = len;
    s->formats[i - 1] = format;
}

/* Where a number is written: borrowed by bind(). */
static char *number(struct sq_stmt *st, int i)
{
    struct sq_pg_statement *s = statement(st);
    return s->numbers[i >= 1 && i <= s->n_params ? i - 1 : s->n_params];
}

void sq_pg_bind_null(struct sq_stmt *st, int i)
{
    bind(st, i, NULL, 0, 0);
}

void sq_pg_bind_int(struct sq_stmt *st, int i, int64_t v)
{
    char *text = number(st, i);
    snprintf(text, SQ_PG_NUMBER, "%lld", (long long)v);
    bind(st, i, text, 0, 0);
}

void sq_pg_bind_real(struct sq_stmt *st, int i, double v)
{
    char *text = number(st, i);
    snprintf(text, SQ_PG_NUMBER, "%.17g", v);
    bind(st, i, text, 0, 0);
}

void sq_pg_bind_text(struct sq_stmt *st, int i, const char *v)
{
    bind(st, i, v, 0, 0);
}

void sq_pg_bind_bool(struct sq_stmt *st, int i, bool v)
{
    bind(st, i, v ? "t" : "f", 0, 0);
}

void sq_pg_bind_time(struct sq_stmt *st, int i, int64_t v)
{
    char *text = number(st, i);
    sq_time_format(v, ' ', text);
    bind(st, i, text, 0, 0);
}

void sq_pg_bind_blob(struct sq_stmt *st, int i, const void *v, size_t len)
{
    if (len > INT_MAX)
        sq_db_stick(st->db, SQ_ETOOBIG, "%s: a value of %zu bytes is too big",
                    name_of(statement(st)), len);
    else
        bind(st, i, v, (int)len, 1);
}

/* Running. */

static bool send_prepare(struct sq_pg *pg, struct sq_pg_statement *s)
{
    if (s->state != SQ_PG_NEW)
        return true;
    if (!sq_pg_reserve(pg, s))
        return false;
    if (PQsendPrepare(pg->conn, s->id, s->sql, 0, NULL)) {
        s->state = SQ_PG_PREPARING;
        return true;
    }
    pg->n_pending--;
    sq_pg_stick(pg);
    return false;
}

static bool send_execute(struct sq_pg *pg, struct sq_pg_statement *s)
{
    if (!sq_pg_reserve(pg, NULL))
        return false;
    if (PQsendQueryPrepared(pg->conn, s->id, s->n_params, s->values, s->lengths,
                            s->formats, 1))
        return true;
    pg->n_pending--;
    sq_pg_stick(pg);
    return false;
}

/* The server keeps a statement's plan until the table is analysed again, a minute or
 * more: 10,000 lives of tasks took 17 s instead of 1.2 with plans made on ten rows.
 * Planning all of them anew costs about 3 ms. */
static void refresh_plans(struct sq_pg *pg)
{
    int64_t now = sq_monotonic();
    if (now - pg->planned_at < PLANS_US)
        return;
    if (pg->planned_at)
        sq_pg_command(pg, "discard plans");
    pg->planned_at = now;
}

static bool send_all(struct sq_stmt *st)
{
    struct sq_pg *pg = connection(st);
    struct sq_pg_statement *s = statement(st);
    if (s->sent)
        return false;
    s->sent = true;
    refresh_plans(pg);
    pg->fallible = true;
    return send_prepare(pg, s) && send_execute(pg, s);
}

static void execute(struct sq_stmt *st)
{
    struct sq_pg_statement *s = statement(st);
    if (s->asked && !s->result)
        sq_pg_settle(connection(st), name_of(s), NULL);
    else if (!s->asked && send_all(st))
        sq_pg_settle(connection(st), name_of(s), &s->result);
    else if (!s->asked)
        return;
    s->asked = false;
    s->rows = s->result ? PQntuples(s->result) : 0;
    s->next = 0;
}

bool sq_pg_row(struct sq_stmt *st)
{
    struct sq_pg_statement *s = statement(st);
    execute(st);
    if (s->next < s->rows) {
        s->next++;
        return true;
    }
    sq_pg_end(st);
    return false;
}

int64_t sq_pg_run(struct sq_stmt *st)
{
    struct sq_pg_statement *s = statement(st);
    execute(st);
    int64_t n = s->result ? atoll(PQcmdTuples(s->result)) : 0;
    sq_pg_end(st);
    return n;
}

void sq_pg_send(struct sq_stmt *st)
{
    send_all(st);
}

void sq_pg_ask(struct sq_stmt *st)
{
    struct sq_pg *pg = connection(st);
    struct sq_pg_statement *s = statement(st);
    s->asked = send_all(st);
    if (s->asked)
        pg->pending[pg->n_pending - 1].answers = s;
}

/* Columns. */

struct value {
    Oid type;
    const char *bytes; /* 0-terminated by libpq */
    size_t len;
};

static struct value value(struct sq_stmt *st, int i)
{
    struct sq_pg_statement *s = statement(st);
    int row = s->next - 1;
    if (row < 0 || i >= PQnfields(s->result)) {
        sq_db_stick(st->db, SQ_EINVAL, "%s: no column %d to read", name_of(s), i);
        return (struct value){.type = T_JSONB, .bytes = ""};
    }
    return (struct value){.type = PQftype(s->result, i),
                          .bytes = PQgetvalue(s->result, row, i),
                          .len = (size_t)PQgetlength(s->result, row, i)};
}

bool sq_pg_col_null(struct sq_stmt *st, int i)
{
    struct sq_pg_statement *s = statement(st);
    return s->next < 1 || PQgetisnull(s->result, s->next - 1, i);
}

static int64_t big_endian(struct value v)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (v.len) {
    case 1: return v.bytes[0];
    case 2: memcpy(&two, v.bytes, 2); return (int16_t)be16toh(two);
    case 4: memcpy(&four, v.bytes, 4); return (int32_t)be32toh(four);
    case 8: memcpy(&eight, v.bytes, 8); return (int64_t)be64toh(eight);
    default: return 0;
    }
}

static double real(struct value v)
{
    int64_t bits = big_endian(v);
    double d;
    float f;
    int32_t half = (int32_t)bits;
    memcpy(&d, &bits, sizeof d);
    memcpy(&f, &half, sizeof f);
    return v.type == T_FLOAT4 ? f : d;
}

/* Types that no query of ours should answer without a cast. */
static bool refused(struct sq_stmt *st, struct value v)
{
    if (v.type != T_NUMERIC && v.type != T_JSONB)
        return false;
    sq_db_stick(st->db, SQ_EUNSUPPORTED, "%s: cast numeric and jsonb columns",
                name_of(statement(st)));
    return true;
}

int64_t sq_pg_col_int(struct sq_stmt *st, int i)
{
    struct value v = value(st, i);
    if (refused(st, v))
        return SQ_NULL;
    switch (v.type) {
    case T_BOOL:
    case T_INT2:
    case T_INT4:
    case T_INT8: return big_endian(v);
    case T_OID: return (uint32_t)big_endian(v);
    case T_FLOAT4:
    case T_FLOAT8: return (int64_t)real(v);
    default: return atoll(v.bytes);
    }
}

double sq_pg_col_real(struct sq_stmt *st, int i)
{
    struct value v = value(st, i);
    if (refused(st, v))
        return 0;
    switch (v.type) {
    case T_FLOAT4:
    case T_FLOAT8: return real(v);
    case T_BOOL:
    case T_INT2:
    case T_INT4:
    case T_INT8:
    case T_OID: return (double)sq_pg_col_int(st, i);
    default: return atof(v.bytes);
    }
}

int64_t sq_pg_col_time(struct sq_stmt *st, int i)
{
    struct value v = value(st, i);
    int64_t t = SQ_NULL;
    if (v.type == T_TIMESTAMP || v.type == T_TIMESTAMPTZ)
        t = big_endian(v);
    else if (!refused(st, v) && sq_time_parse(v.bytes, &t))
        return t;
    /* The two ends stand for infinity. */
    return t == INT64_MIN || t == INT64_MAX ? SQ_NULL : t + EPOCH_2000;
}

const char *sq_pg_col_text(struct sq_stmt *st, int i, size_t *len)
{
    struct value v = value(st, i);
    struct sq_pg_statement *s = statement(st);
    if (refused(st, v))
        return NULL;
    switch (v.type) {
    case T_BOOL:
    case T_INT2:
    case T_INT4:
    case T_INT8:
    case T_OID:
        snprintf(s->text, sizeof s->text, "%lld", (long long)sq_pg_col_int(st, i));
        break;
    case T_FLOAT4:
    case T_FLOAT8: snprintf(s->text, sizeof s->text, "%.17g", real(v)); break;
    case T_TIMESTAMP:
    case T_TIMESTAMPTZ: sq_time_format(sq_pg_col_time(st, i), ' ', s->text); break;
    default:
        if (len)
            *len = v.len;
        return v.bytes;
    }
    if (len)
        *len = strlen(s->text);
    return s->text;
}

const void *sq_pg_col_blob(struct sq_stmt *st, int i, size_t *len)
{
    struct value v = value(st, i);
    if (len)
        *len = v.len;
    return v.bytes;
}
