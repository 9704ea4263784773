/* The rules of a protofilter as conditions.  Patterns and letters are written in: the
 * parser let nothing through that ends a text.  All other values are bound. */
#include "core/store/offers.h"

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
