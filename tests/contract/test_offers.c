/* Protofilters in SQL: of random offers, the same ones as in memory. */
#include "tests/contract/contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/offers.h"

enum { OFFERS = 200, FILTERS = 600 };

static uint64_t seed;

static int pick(int n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)((seed >> 33) % (uint64_t)n);
}

#define PICK(list) list[pick((int)SQ_LEN(list))]

static const char *const tags[] = {NULL, "", "G", "N", "GN", "NG", "GMN", "M", "g"};
static const char *const regions[] = {"GRA_11", "GRA-11", "gra_11", "GRA11",
                                      "SBG5",   "S%G5",   "%",      "a*b"};
static const char *const providers[] = {"ovh", "azure", "local", "OVH"};
static const double numbers[] = {0, 0.1, 0.25, 3, 4, 5, 6, 16, 117.5};

static struct sq_proto_facts offers[OFFERS];
static bool lacks[OFFERS][SQ_PROTO_TAGS]; /* a number that is null */

static void add_real(struct sq_buf *sql, int i, enum sq_proto_item item)
{
    if (lacks[i][item])
        sq_buf_adds(sql, "null");
    else
        sq_buf_addf(sql, "%.17g", offers[i].numbers[item]);
}

static void add_offer(struct contract *c, struct sq_buf *sql, int i)
{
    struct sq_proto_facts *o = &offers[i];
    for (int k = 0; k < SQ_PROTO_TAGS; k++)
        o->numbers[k] = PICK(numbers);
    o->numbers[SQ_PROTO_CPU] = pick(17);
    o->numbers[SQ_PROTO_EVICTION] = pick(8);
    lacks[i][SQ_PROTO_GPUMEM] = pick(3) == 0;
    lacks[i][SQ_PROTO_EVICTION] = pick(3) == 0;
    for (int k = 0; k < SQ_PROTO_TAGS; k++)
        if (lacks[i][k])
            o->numbers[k] = 0;
    o->texts[SQ_PROTO_TAGS] = PICK(tags);
    o->texts[SQ_PROTO_REGION] = PICK(regions);
    o->texts[SQ_PROTO_PROVIDER] = PICK(providers);
    const char *t = o->texts[SQ_PROTO_TAGS];
    sq_buf_clear(sql);
    sq_buf_addf(sql,
                "insert into flavor (name, provider, cpu, ram, disk, gpumem, tags) "
                "values ('%d', '%s', %g, %g, %g, ",
                i, o->texts[SQ_PROTO_PROVIDER], o->numbers[SQ_PROTO_CPU],
                o->numbers[SQ_PROTO_RAM], o->numbers[SQ_PROTO_DISK]);
    add_real(sql, i, SQ_PROTO_GPUMEM);
    sq_buf_addf(sql, t ? ", '%s');" : ", null);", t);
    sq_buf_addf(sql,
                "insert into flavormetrics (flavor_name, provider, region_name, cost, "
                "eviction) values ('%d', '%s', '%s', ",
                i, o->texts[SQ_PROTO_PROVIDER], o->texts[SQ_PROTO_REGION]);
    add_real(sql, i, SQ_PROTO_COST);
    sq_buf_adds(sql, ", ");
    add_real(sql, i, SQ_PROTO_EVICTION);
    sq_buf_adds(sql, ");");
    contract_sql(c->db, sql->data);
}

static void add_rule(struct sq_buf *text)
{
    static const char *const comparisons[] = {"==", "!=", ">=", ">", "<=", "<"};
    static const char *const of_numbers[] = {"cpu",    "ram",      "disk",
                                             "gpumem", "eviction", "cost"};
    static const char *const of_texts[] = {"tags", "region", "provider"};
    static const char *const text_tests[] = {"==", "!=", "~", "!~"};
    static const char *const values[] = {"GRA_11", "GRA%", "%11", "%", "G%5",   "ovh",
                                         "OVH",    "%_%",  "GN",  "N", "%A%1%", "a%b"};
    static const char *const letters[] = {"G", "N",   "M", "GN", "MG",
                                          "g", "NGM", "_", "%"};
    switch (pick(4)) {
    case 0: sq_buf_addf(text, ":tags%s%s", pick(2) ? "#" : "!#", PICK(letters)); break;
    case 1:
        sq_buf_addf(text, ":%s%s%s", PICK(of_texts), PICK(text_tests), PICK(values));
        break;
    default:
        sq_buf_addf(text, ":%s%s%g", PICK(of_numbers), PICK(comparisons),
                    PICK(numbers));
    }
}

static int compare(struct contract *c, const char *text, int *ret_wrong)
{
    struct sq_protofilter f;
    struct sq_err err;
    struct sq_listing q;
    bool in_sql[OFFERS] = {false};
    int found = 0;
    OK(err, sq_protofilter_parse(text, &f, &err));
    sq_listing_init(&q, c->db);
    sq_buf_adds(&q.sql,
                "select f.name from flavor f join flavormetrics m on "
                "m.flavor_name = f.name and m.provider = f.provider where true");
    sq_offers_where(&q, &f);
    struct sq_stmt *st = sq_listing_start(&q);
    while (sq_row(st))
        in_sql[atoi(sq_col_text(st, 0, NULL))] = true;
    OK(err, sq_db_error(c->db, &err));
    sq_listing_fini(&q);
    for (int i = 0; i < OFFERS; i++) {
        bool holds = sq_protofilter_match(&f, &offers[i]);
        found += holds;
        *ret_wrong = holds != in_sql[i] ? i : *ret_wrong;
    }
    return found;
}

static void test_the_same_in_sql(void **state)
{
    struct contract *c = *state;
    struct sq_buf text;
    int some = 0;
    seed = 20261122;
    sq_buf_init(&text, 4096);
    for (int i = 0; i < OFFERS; i++)
        add_offer(c, &text, i);
    for (int i = 0; i < FILTERS; i++) {
        int wrong = -1;
        sq_buf_clear(&text);
        sq_buf_adds(&text, "auto");
        for (int n = pick(4); n > 0; n--)
            add_rule(&text);
        int found = compare(c, text.data, &wrong);
        some += found > 0 && found < OFFERS;
        if (wrong >= 0)
            fail_msg("%s: offer %d differs", text.data, wrong);
    }
    assert_true(some > FILTERS / 4); /* most filters are worth the question */
    sq_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_same_in_sql)};
    return contract_main(tests, SQ_LEN(tests));
}
