/* Names are not unique: this decides which object is meant, and says so. */
#include "cli/find.h"

#include "cli/listing.h"

const struct sq_kind sq_kind_task = {"task", "/tasks/", "task_id"};
const struct sq_kind sq_kind_worker = {"worker", "/workers/", "worker_id"};

/* Enough to choose from; a name may be that of a hundred thousand tasks. */
enum { LISTED_MAX = 20 };

struct hits {
    const struct sq_kind *kind;
    json_t *first; /* the first LISTED_MAX objects */
    int64_t newest;
    size_t n;
};

static int count_hit(void *arg, const json_t *object, struct sq_err *err)
{
    struct hits *h = arg;
    (void)err;
    h->newest = json_integer_value(json_object_get(object, h->kind->key));
    if (h->n++ < LISTED_MAX)
        json_array_append_new(h->first, json_deep_copy(object));
    return 0;
}

static int refuse(const struct hits *h, const char *name, struct sq_err *err)
{
    const char *columns[] = {h->kind->key,    "name",  "status",
                             "creation_date", "batch", NULL};
    int rc = sq_listing_print_array(stderr, columns, true, true, h->first, err);
    if (rc != 0)
        return rc;
    if (h->n > LISTED_MAX)
        fprintf(stderr, "and %zu more\n", h->n - LISTED_MAX);
    return sq_fail(err, SQ_EEXIST,
                   "%zu %ss are named '%s': nothing was done; choose one with --id",
                   h->n, h->kind->word, name);
}

static int find_named(struct sq_cli *cli, const struct sq_kind *kind, enum sq_find how,
                      int64_t *ret_id, struct sq_err *err)
{
    const char *name = sq_args_text(&cli->args, "name");
    SQ_CLEANUP(sq_json_unref) json_t *first = json_array();
    struct hits h = {.kind = kind, .first = first};
    struct sq_listing l = {.path = kind->path, .key = kind->key};
    json_t *filter = json_pack("{s:s}", "name", name);
    const char *fields = sq_arena_printf(
        &cli->args.arena, "%s,name,status,creation_date,batch", kind->key);
    int rc = sq_listing_each_take(cli, &l, filter, fields, count_hit, &h, err);
    if (rc != 0)
        return rc;
    if (h.n == 0)
        return sq_fail(err, SQ_ENOENT, "no %s is named '%s'", kind->word, name);
    if (h.n > 1 && how == SQ_FIND_ONLY)
        return refuse(&h, name, err);
    if (h.n > 1)
        sq_cli_note(cli, "%zu %ss are named '%s': taking the newest, %lld", h.n,
                    kind->word, name, (long long)h.newest);
    *ret_id = h.newest;
    return 0;
}

int sq_find(struct sq_cli *cli, const struct sq_kind *kind, enum sq_find how,
            int64_t *ret_id, struct sq_err *err)
{
    if (!sq_args_has(&cli->args, "id"))
        return find_named(cli, kind, how, ret_id, err);
    *ret_id = sq_args_int(&cli->args, "id");
    return 0;
}

const char *sq_find_path(struct sq_cli *cli, const struct sq_kind *kind, int64_t id,
                         const char *rest)
{
    return sq_arena_printf(&cli->args.arena, "%s%lld%s", kind->path, (long long)id,
                           rest);
}
