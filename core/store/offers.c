/* Offers, found by the rules of a protofilter, which are conditions of one statement.
 * Patterns and letters are written in: the parser let nothing through that ends a text.
 * All other values are bound. */
#include "core/store/offers.h"

#include <string.h>

#include "core/store/record.h"
#include "lib/conf.h"

static const char *const columns[SQ_PROTO_ITEMS] = {
    [SQ_PROTO_CPU] = "f.cpu",           [SQ_PROTO_RAM] = "f.ram",
    [SQ_PROTO_DISK] = "f.disk",         [SQ_PROTO_GPUMEM] = "f.gpumem",
    [SQ_PROTO_EVICTION] = "m.eviction", [SQ_PROTO_COST] = "m.cost",
    [SQ_PROTO_TAGS] = "f.tags",         [SQ_PROTO_REGION] = "m.region_name",
    [SQ_PROTO_PROVIDER] = "f.provider",
};

static const char *const operators[] = {
    [SQ_PROTO_EQ] = "=", [SQ_PROTO_NE] = "<>", [SQ_PROTO_GE] = ">=",
    [SQ_PROTO_GT] = ">", [SQ_PROTO_LE] = "<=", [SQ_PROTO_LT] = "<",
};

static void where_number(struct sq_listing *q, const struct sq_proto_rule *r)
{
    sq_listing_bind(q, SQ_K_REAL)->real = r->number;
    sq_buf_addf(&q->sql, " and (coalesce(%s, 0) %s cast($%d as double precision))",
                columns[r->item], operators[r->test], q->n_binds);
}

/* Each engine's own pattern that sees case: % is any text, all else is itself. */
static void where_like(struct sq_listing *q, const struct sq_proto_rule *r)
{
    bool sqlite = sq_db_engine(q->db) == SQ_SQLITE;
    sq_buf_addf(&q->sql, " and (coalesce(%s, '') %s%s '", columns[r->item],
                r->test == SQ_PROTO_UNLIKE ? "not " : "", sqlite ? "glob" : "like");
    for (const char *p = r->text; *p; p++) {
        if (*p == '_' && !sqlite)
            sq_buf_addc(&q->sql, '\\');
        sq_buf_addc(&q->sql, *p == '%' && sqlite ? '*' : *p);
    }
    sq_buf_adds(&q->sql, sqlite ? "')" : "' escape '\\')");
}

static void where_letters(struct sq_listing *q, const struct sq_proto_rule *r)
{
    const char *place = sq_db_engine(q->db) == SQ_SQLITE ? "instr" : "strpos";
    sq_buf_adds(&q->sql, " and (true");
    for (const char *p = r->text; *p; p++)
        sq_buf_addf(&q->sql, " and %s(coalesce(%s, ''), '%c') %s 0", place,
                    columns[r->item], *p, r->test == SQ_PROTO_HAS ? ">" : "=");
    sq_buf_addc(&q->sql, ')');
}

void sq_offers_where(struct sq_listing *q, const struct sq_protofilter *f)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct sq_proto_rule *r = &f->rules[i];
        if (r->item < SQ_PROTO_TAGS)
            where_number(q, r);
        else if (r->test == SQ_PROTO_LIKE || r->test == SQ_PROTO_UNLIKE)
            where_like(q, r);
        else if (r->test == SQ_PROTO_HAS || r->test == SQ_PROTO_LACKS)
            where_letters(q, r);
        else
            sq_buf_addf(&q->sql, " and (coalesce(%s, '') %s $%d)", columns[r->item],
                        operators[r->test], sq_listing_text(q, r->text));
    }
}

/* ---- lists */

/* Processors that a region's quota leaves; null: there is none. */
#define ROOM                                                                           \
    "(r.cpus - (select coalesce(sum(wf.cpu), 0) from worker w join flavor wf "         \
    "on wf.name = w.flavor and wf.provider = w.provider "                              \
    "where w.provider = m.provider and w.region = m.region_name))"

static void where_text(struct sq_listing *q, const char *column, const char *value)
{
    if (value)
        sq_buf_addf(&q->sql, " and %s = $%d", column, sq_listing_text(q, value));
}

static void where_at_least(struct sq_listing *q, const char *column, double value)
{
    if (value <= 0)
        return;
    sq_listing_bind(q, SQ_K_REAL)->real = value;
    sq_buf_addf(&q->sql, " and %s >= cast($%d as double precision)", column,
                q->n_binds);
}

#define WORD_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

/* The next provider:pattern of a list; false at its end. */
static bool next_preferred(const char **at, char provider[SQ_PROTO_VALUE + 1],
                           char pattern[SQ_PROTO_VALUE + 1], bool *ret_wrong)
{
    size_t len;
    const char *item = sq_conf_item(at, &len);
    if (!item)
        return false;
    const char *colon = memchr(item, ':', len);
    size_t n = colon ? (size_t)(colon - item) : 0;
    size_t n2 = colon ? len - n - 1 : 0;
    *ret_wrong = n == 0 || n > SQ_PROTO_VALUE || n2 == 0 || n2 > SQ_PROTO_VALUE ||
                 strspn(item, WORD_CHARS) != n ||
                 strspn(item + n + 1, WORD_CHARS "%") < n2;
    if (!*ret_wrong) {
        memcpy(provider, item, n);
        memcpy(pattern, colon + 1, n2);
        provider[n] = pattern[n2] = 0;
    }
    return true;
}

int sq_preferred_check(const char *preferred, struct sq_err *err)
{
    char provider[SQ_PROTO_VALUE + 1], pattern[SQ_PROTO_VALUE + 1];
    bool wrong = false;
    while (!wrong && next_preferred(&preferred, provider, pattern, &wrong))
        ;
    return wrong ? sq_fail(err, SQ_EINVAL,
                           "must be a list of provider:region, separated by commas, "
                           "where %% is any text")
                 : 0;
}

/* 0 for what is preferred, so that it comes first. */
static void order_preferred(struct sq_listing *q, const char *preferred)
{
    char provider[SQ_PROTO_VALUE + 1], pattern[SQ_PROTO_VALUE + 1];
    bool wrong = false, any = false;
    bool sqlite = sq_db_engine(q->db) == SQ_SQLITE;
    while (preferred && next_preferred(&preferred, provider, pattern, &wrong)) {
        if (wrong)
            continue;
        sq_buf_addf(&q->sql, "%s (f.provider = '%s' and m.region_name %s '",
                    any ? " or" : "case when", provider, sqlite ? "glob" : "like");
        for (const char *p = pattern; *p; p++) {
            if (*p == '_' && !sqlite)
                sq_buf_addc(&q->sql, '\\');
            sq_buf_addc(&q->sql, *p == '%' && sqlite ? '*' : *p);
        }
        sq_buf_adds(&q->sql, sqlite ? "')" : "' escape '\\')");
        any = true;
    }
    if (any)
        sq_buf_adds(&q->sql, " then 0 else 1 end, ");
}

static void build(struct sq_listing *l, const struct sq_offer_query *q)
{
    sq_buf_adds(&l->sql,
                "select f.name, f.provider, m.region_name, f.cpu, f.ram, f.disk, "
                "f.tags, f.gpu, f.gpumem, m.cost, m.eviction, " ROOM
                " from flavor f join flavormetrics m on m.flavor_name = f.name "
                "and m.provider = f.provider left join region r "
                "on r.name = m.region_name and r.provider = m.provider where true");
    where_text(l, "f.name", q->name);
    where_text(l, "f.provider", q->provider);
    where_text(l, "m.region_name", q->region);
    where_at_least(l, "f.cpu", q->min_cpu);
    where_at_least(l, "f.ram", q->min_ram);
    where_at_least(l, "f.disk", q->min_disk);
    if (q->filter)
        sq_offers_where(l, q->filter);
    if (q->with_room)
        sq_buf_adds(&l->sql, " and coalesce(" ROOM " >= f.cpu, true)");
    sq_buf_adds(&l->sql, " order by ");
    order_preferred(l, q->preferred);
    /* Where no price is known the smallest is the likeliest to be cheap. */
    sq_buf_addf(&l->sql,
                "m.cost, f.cpu, f.ram, f.provider, m.region_name, f.name limit $%d",
                sq_listing_int(l, q->limit));
}

int sq_offers_list(struct sq_db *db, const struct sq_offer_query *q,
                   struct sq_arena *arena, struct sq_offered **ret, size_t *ret_n,
                   struct sq_err *err)
{
    struct sq_offered *v = NULL;
    size_t n = 0, cap = 0;
    SQ_CLEANUP(sq_listing_fini) struct sq_listing l;
    sq_listing_init(&l, db);
    build(&l, q);
    if (!sq_buf_ok(&l.sql))
        return sq_fail(err, SQ_EINVAL, "too many conditions");
    struct sq_stmt *st = sq_listing_start(&l);
    while (sq_row(st)) {
        v = sq_arena_more(arena, v, n, &cap, sizeof *v);
        if (!v || sq_record_read(st, 0, &sq_offered_type, arena, &v[n]) < 0) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for flavors");
        }
        n++;
    }
    *ret = v;
    *ret_n = n;
    return sq_db_error(db, err);
}
