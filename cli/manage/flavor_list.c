/* scitq-manage flavor list */
#include "cli/change.h"
#include "cli/manage/commands.h"
#include "cli/manage/list.h"
#include "cli/rows.h"

/* clang-format off: a row an option */
static const struct sq_opt options[] = {
    {.name = "min-cpu",
     .kind = SQ_OPT_INT,
     .value = "N",
     .help = "processors at least"},
    {.name = "min-ram", .kind = SQ_OPT_REAL, .value = "GB", .help = "memory at least"},
    {.name = "min-disk", .kind = SQ_OPT_REAL, .value = "GB", .help = "disk at least"},
    {.name = "max-eviction",
     .kind = SQ_OPT_INT,
     .value = "PERCENT",
     .help =
         "chance an hour to be taken back, at most (5), unless FILTERS speak of it"},
    {.name = "limit", .kind = SQ_OPT_INT, .value = "N", .help = "how many (10)"},
    SQ_OPT_PROVIDER(0, "only of this provider"),
    SQ_OPT_REGION(0, "only in this region"),
    {.name = "protofilters",
     .kind = SQ_OPT_TEXT,
     .value = "FILTERS",
     .help = "rules such as cpu>=10:tags#G"},
    SQ_OPT_NO_HEADER,
    SQ_OPT_LONG,
    {0}};
/* clang-format on */

static const char *const columns[] = {
    "name", "provider", "region", "cpu",      "ram",       "disk", "tags",
    "gpu",  "gpumem",   "cost",   "eviction", "available", NULL};

static const struct sq_change members[] = {
    {"min-cpu", "min_cpu"},
    {"min-ram", "min_ram"},
    {"min-disk", "min_disk"},
    {"max-eviction", "max_eviction"},
    {"limit", "limit"},
    {"provider", "provider"},
    {"region", "region"},
    {"protofilters", "protofilters"},
    {NULL, NULL},
};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    const struct sq_listing l = {.path = "/flavor/", .columns = columns};
    json_t *filter = json_object();
    sq_change_collect(cli, members, filter);
    return sq_list_take(cli, &l, filter, err);
}

const struct sq_verb sq_verb_flavor_list = {
    .name = "list",
    .help = "list the machines offered, the cheapest first",
    .options = options,
    .run = run,
    .more =
        "FILTERS are items, each with a comparator and a value, joined by ':':\n"
        "  items        cpu ram disk tags gpumem eviction region cost provider\n"
        "  comparators  == != >= > < <=, and for words\n"
        "               ~ like, !~ unlike (% is any text), # has all these letters,\n"
        "               !# has none of them\n"
        "Without tags in them, machines of tag M (metal) are left out.\n",
};
