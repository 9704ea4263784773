/* The list out of its JSON.  What each order will bring is told from its URI, where
 * that can be told before; sorted by folder and name, twins stand side by side.  What
 * an earlier child that was killed left in hidden folders is swept before the first one
 * begins. */
#include "cli/fetch/orders.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/fetch/landing.h"
#include "cli/fetch/place.h"
#include "cli/fetch/unpack.h"

enum { NAMES_BYTES = 64 * 1024 * 1024 };

static int read_order(const json_t *v, struct sq_order *ret, struct sq_err *err)
{
    const json_t *id = json_object_get(v, "id");
    ret->op = json_string_value(json_object_get(v, "op"));
    ret->uri = json_string_value(json_object_get(v, "uri"));
    ret->to = json_string_value(json_object_get(v, "to"));
    ret->from = json_string_value(json_object_get(v, "from"));
    ret->names = json_string_value(json_object_get(v, "names"));
    ret->hash = json_is_true(json_object_get(v, "hash"));
    if (!json_is_integer(id) || !ret->op || !ret->uri)
        return sq_fail(err, SQ_EINVAL,
                       "a job needs an integer \"id\", \"op\", \"uri\"");
    ret->id = json_integer_value(id);
    return 0;
}

static bool is_get(const struct sq_order *o)
{
    return strcmp(o->op, "get") == 0 && o->to;
}

/* The folder of |mv:, "" for none, without what says nothing: "./a//b/" is "a/b/". */
static char *folder_of(const struct sq_place *p, struct sq_arena *arena)
{
    const char *from =
        p->uri.action && strncmp(p->uri.action, "mv:", 3) == 0 ? p->uri.action + 3 : "";
    char *folder = sq_arena_alloc(arena, strlen(from) + 2), *to = folder;
    for (size_t len; folder && *from; from += len) {
        from += strspn(from, "/");
        len = strcspn(from, "/");
        if (len == 0 || (len == 1 && *from == '.'))
            continue;
        memcpy(to, from, len);
        to += len;
        *to++ = '/';
    }
    if (folder)
        *to = 0;
    return folder;
}

/* What the order brings, if that can be told before; or nothing. */
static const char *name_of(const struct sq_order *o, struct sq_arena *arena)
{
    struct sq_place p;
    enum sq_unpack_kind kind;
    char *name, plain[NAME_MAX + 5];
    if (!is_get(o) || sq_place_parse(o->uri, arena, &p, NULL) != 0 || p.folder ||
        sq_place_name(&p, arena, &name, NULL) != 0)
        return NULL;
    if (p.uri.action && sq_unpack_parse(p.uri.action, &kind)) {
        if (kind != SQ_UNPACK_GUNZIP)
            return NULL;
        sq_unpack_plain_name(name, plain, sizeof plain);
        name = plain;
    }
    const char *folder = folder_of(&p, arena);
    return folder ? sq_arena_printf(arena, "%s%s", folder, name) : NULL;
}

static int by_name(const void *a, const void *b)
{
    const struct sq_order *x = *(struct sq_order *const *)a;
    const struct sq_order *y = *(struct sq_order *const *)b;
    int order = strcmp(x->to, y->to);
    return order ? order : strcmp(x->name, y->name);
}

static int find_twins(struct sq_orders *o, struct sq_err *err)
{
    struct sq_order **named = calloc(o->n + 1, sizeof(struct sq_order *));
    size_t n = 0;
    if (!named)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    for (size_t i = 0; i < o->n; i++)
        if ((o->all[i].name = name_of(&o->all[i], &o->arena)))
            named[n++] = &o->all[i];
    qsort(named, n, sizeof *named, by_name);
    for (size_t i = 1; i < n; i++)
        if (by_name(&named[i - 1], &named[i]) == 0 &&
            strcmp(named[i - 1]->uri, named[i]->uri) != 0) {
            named[i]->twin = named[i - 1];
            if (!named[i - 1]->twin)
                named[i - 1]->twin = named[i];
        }
    free(named);
    return 0;
}

int sq_orders_read(const json_t *list, struct sq_orders *ret, struct sq_err *err)
{
    const json_t *jobs = json_object_get(list, "jobs");
    const json_t *limit = json_object_get(list, "timeout_s");
    int64_t timeout_s = json_is_integer(limit) ? json_integer_value(limit) : 0;
    *ret = (struct sq_orders){.n = json_array_size(jobs), .timeout_s = (int)timeout_s};
    sq_arena_init(&ret->arena, NAMES_BYTES);
    if (!json_is_array(jobs))
        return sq_fail(err, SQ_EINVAL, "the list needs \"jobs\", an array");
    if (timeout_s < 0 || timeout_s > INT32_MAX)
        return sq_fail(err, SQ_EINVAL, "\"timeout_s\" is out of range");
    ret->all = calloc(ret->n + 1, sizeof *ret->all);
    int rc = ret->all ? 0 : sq_fail(err, SQ_ENOMEM, "out of memory");
    for (size_t i = 0; i < ret->n && rc == 0; i++)
        rc = read_order(json_array_get(jobs, i), &ret->all[i], err);
    return rc ? rc : find_twins(ret, err);
}

void sq_orders_fini(struct sq_orders *o)
{
    free(o->all);
    sq_arena_fini(&o->arena);
    *o = (struct sq_orders){0};
}

void sq_orders_sweep(const struct sq_orders *o)
{
    SQ_CLEANUP(sq_arena_fini) struct sq_arena arena;
    const char *last_to = "";
    char *last_below = NULL;
    sq_arena_init(&arena, NAMES_BYTES);
    for (size_t i = 0; i < o->n; i++) {
        struct sq_place p;
        if (!is_get(&o->all[i]) || sq_place_parse(o->all[i].uri, &arena, &p, NULL) != 0)
            continue;
        char *below = folder_of(&p, &arena);
        if (!below || (strcmp(last_to, o->all[i].to) == 0 && last_below &&
                       strcmp(last_below, below) == 0))
            continue;
        sq_landing_sweep(o->all[i].to, below);
        last_to = o->all[i].to;
        last_below = below;
    }
}

int sq_order_check(const struct sq_order *o, struct sq_err *err)
{
    SQ_CLEANUP(sq_freep) char *mine = o->twin ? strdup(o->uri) : NULL;
    SQ_CLEANUP(sq_freep) char *other = o->twin ? strdup(o->twin->uri) : NULL;
    if (!o->twin)
        return 0;
    if (!mine || !other)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    sq_uri_hide(mine);
    sq_uri_hide(other);
    bool first = o->uri < o->twin->uri;
    return sq_fail(err, SQ_EEXIST,
                   "two inputs are named %.200s: %.250s and %.250s: put one into a "
                   "folder of its own with |mv:",
                   o->name, first ? mine : other, first ? other : mine);
}
