/* Reading and changing the inventory: see inventory.h. */
#include "core/store/inventory.h"

#include <string.h>

#include "core/model/inventory.h"

static char *text(struct sq_stmt *st, int i, struct sq_arena *arena, bool *ok)
{
    size_t len;
    const char *t = sq_col_text(st, i, &len);
    char *copy = t ? sq_arena_memdup(arena, t, len) : NULL;
    *ok = *ok && copy;
    return copy;
}

static bool read_hosts(struct sq_db *db, struct sq_arena *arena, struct sq_inventory *v)
{
    bool ok = true;
    size_t cap = 0;
    struct sq_stmt *st = sq_db_query(db, SQ_Q_INVENTORY_HOSTS);
    while (ok && sq_row(st)) {
        v->hosts = sq_arena_more(arena, v->hosts, v->n_hosts, &cap, sizeof *v->hosts);
        ok = v->hosts;
        if (ok)
            v->hosts[v->n_hosts++] = (struct sq_inventory_host){
                text(st, 0, arena, &ok), text(st, 1, arena, &ok)};
    }
    sq_stmt_end(st);
    return ok;
}

static bool read_variables(struct sq_db *db, struct sq_arena *arena,
                           struct sq_inventory *v)
{
    bool ok = true;
    size_t cap = 0;
    struct sq_stmt *st = sq_db_query(db, SQ_Q_INVENTORY_VARIABLES);
    while (ok && sq_row(st)) {
        v->variables = sq_arena_more(arena, v->variables, v->n_variables, &cap,
                                     sizeof *v->variables);
        ok = v->variables;
        if (ok)
            v->variables[v->n_variables++] = (struct sq_inventory_variable){
                text(st, 0, arena, &ok), text(st, 1, arena, &ok),
                text(st, 2, arena, &ok)};
    }
    sq_stmt_end(st);
    return ok;
}

int sq_inventory_read(struct sq_db *db, struct sq_arena *arena,
                      struct sq_inventory *ret, struct sq_err *err)
{
    struct sq_inventory v = {0};
    if (!read_hosts(db, arena, &v) || !read_variables(db, arena, &v))
        return sq_fail(err, SQ_ENOMEM, "out of memory for the inventory");
    int code = sq_db_error(db, err);
    if (code == 0)
        *ret = v;
    return code;
}

static int check(const struct sq_inventory_change *c, struct sq_err *err)
{
    int code = sq_inventory_check_host(c->host, err);
    if (code == 0 && c->group)
        code = sq_inventory_check_group(c->group, err);
    for (size_t i = 0; code == 0 && i < c->n_variables; i++)
        code = sq_inventory_check_variable(c->variables[i].name, c->variables[i].value,
                                           err);
    return code;
}

static bool is_known(struct sq_tx *tx, const char *host)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_INVENTORY_KNOWN);
    sq_bind_text(st, 1, host);
    bool known = sq_row(st);
    sq_stmt_end(st);
    return known;
}

static int unknown(const char *host, struct sq_err *err)
{
    return sq_fail(err, SQ_ENOENT, "Host %s is not in the inventory", host);
}

int sq_inventory_put(struct sq_tx *tx, const struct sq_inventory_change *change,
                     bool known, struct sq_err *err)
{
    int code = check(change, err);
    if (code != 0)
        return code;
    if (known && !is_known(tx, change->host))
        return sq_db_error(tx->db, NULL) ? sq_db_error(tx->db, err)
                                         : unknown(change->host, err);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_INVENTORY_PUT);
    sq_bind_text(st, 1, change->host);
    sq_bind_text(st, 2, change->group);
    sq_run(st);
    for (size_t i = 0; i < change->n_variables; i++) {
        st = sq_db_query(tx->db, SQ_Q_INVENTORY_SET);
        sq_bind_text(st, 1, change->host);
        sq_bind_text(st, 2, change->variables[i].name);
        sq_bind_text(st, 3, change->variables[i].value);
        sq_run(st);
    }
    return sq_db_error(tx->db, err);
}

int sq_inventory_remove(struct sq_tx *tx, const char *host, struct sq_err *err)
{
    bool known = is_known(tx, host);
    static const enum sq_query steps[] = {SQ_Q_INVENTORY_FORGET,
                                          SQ_Q_INVENTORY_DEACTIVATE};
    for (size_t i = 0; known && i < SQ_LEN(steps); i++) {
        struct sq_stmt *st = sq_db_query(tx->db, steps[i]);
        sq_bind_text(st, 1, host);
        sq_run(st);
    }
    int code = sq_db_error(tx->db, err);
    return code != 0 || known ? code : unknown(host, err);
}
