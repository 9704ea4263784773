/* The inventory: what scitq-inventory gives Ansible, and what it is told. */
#include "core/http/steps.h"

#include <string.h>

#include "core/model/inventory.h"
#include "core/store/inventory.h"

/* ---- reading: the JSON that Ansible expects of an inventory script's --list */

static bool seen_before(const struct sq_inventory *v, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(v->hosts[i].group, v->hosts[at].group) == 0)
            return true;
    return false;
}

/* Groups that 01-scitq-default places, or that are Ansible's: none is one of workers.
 */
static bool is_kind_of_worker(const char *group)
{
    static const char *const others[] = {"all", "managers", "scitq", "ungrouped",
                                         "workers"};
    for (size_t i = 0; i < SQ_LEN(others); i++)
        if (strcmp(group, others[i]) == 0)
            return false;
    return true;
}

static void write_group(struct sq_jw *w, const struct sq_inventory *v,
                        const char *group)
{
    sq_jw_key(w, group);
    sq_jw_open(w, '{');
    sq_jw_key(w, "hosts");
    sq_jw_open(w, '[');
    for (size_t i = 0; i < v->n_hosts; i++)
        if (strcmp(v->hosts[i].group, group) == 0)
            sq_jw_text(w, v->hosts[i].host);
    sq_jw_close(w);
    sq_jw_close(w);
}

static void write_children(struct sq_jw *w, const struct sq_inventory *v)
{
    sq_jw_key(w, "children");
    sq_jw_open(w, '[');
    for (size_t i = 0; i < v->n_hosts; i++)
        if (!seen_before(v, i) && is_kind_of_worker(v->hosts[i].group))
            sq_jw_text(w, v->hosts[i].group);
    sq_jw_close(w);
}

/* Variables are by host, as hosts are. */
static void write_variables(struct sq_jw *w, const struct sq_inventory *v)
{
    sq_jw_key(w, "_meta");
    sq_jw_open(w, '{');
    sq_jw_key(w, "hostvars");
    sq_jw_open(w, '{');
    for (size_t i = 0; i < v->n_variables;) {
        const char *host = v->variables[i].host;
        sq_jw_key(w, host);
        sq_jw_open(w, '{');
        for (; i < v->n_variables && strcmp(v->variables[i].host, host) == 0; i++) {
            sq_jw_key(w, v->variables[i].name);
            sq_jw_text(w, v->variables[i].value);
        }
        sq_jw_close(w);
    }
    sq_jw_close(w);
    sq_jw_close(w);
}

int sq_inventory_list(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    struct sq_inventory v;
    struct sq_jw w;
    int code = sq_inventory_read(db, &r->arena, &v, err);
    if (code != 0)
        return code;
    sq_jw_init(&w, &r->out);
    sq_jw_open(&w, '{');
    write_variables(&w, &v);
    for (size_t i = 0; i < v.n_hosts; i++)
        if (!seen_before(&v, i) && strcmp(v.hosts[i].group, "workers") != 0)
            write_group(&w, &v, v.hosts[i].group);
    sq_jw_key(&w, "workers");
    sq_jw_open(&w, '{');
    write_children(&w, &v);
    sq_jw_key(&w, "hosts");
    sq_jw_open(&w, '[');
    for (size_t i = 0; i < v.n_hosts; i++)
        if (strcmp(v.hosts[i].group, "workers") == 0)
            sq_jw_text(&w, v.hosts[i].host);
    sq_jw_close(&w);
    sq_jw_close(&w);
    sq_jw_close(&w);
    sq_buf_addc(&r->out, '\n');
    return 0;
}

/* ---- changing */

/* The body's object of variables; numbers are taken as texts. */
static int read_variables(struct sq_request *r, struct sq_inventory_change *c,
                          struct sq_err *err)
{
    const json_t *body, *object;
    const char *name;
    json_t *value;
    int code = sq_request_object(r, &body, err);
    object = code == 0 ? json_object_get(body, "variables") : NULL;
    if (code != 0 || !object || json_is_null(object))
        return code;
    if (!json_is_object(object))
        return sq_fail(err, SQ_EINVAL, "variables must be an object");
    if (json_object_size(object) > SQ_INVENTORY_VARIABLES)
        return sq_fail(err, SQ_EINVAL, "more than %d variables",
                       SQ_INVENTORY_VARIABLES);
    code = sq_request_alloc(r, json_object_size(object) * sizeof *c->variables + 1,
                            &c->variables, err);
    json_object_foreach((json_t *)object, name, value)
    {
        struct sq_inventory_variable *v =
            code == 0 ? &c->variables[c->n_variables++] : NULL;
        if (!v)
            break;
        v->name = (char *)name;
        code = sq_json_to_text(value, name, &r->arena, &v->value, err);
        if (code == 0 && !v->value)
            code = sq_fail(err, SQ_EINVAL, "the variable %s has no value", name);
    }
    return code;
}

static int prepare(struct sq_request *r, const char *host, struct sq_err *err)
{
    struct sq_inventory_change *c;
    int code = sq_request_alloc(r, sizeof *c, &c, err);
    if (code == 0 && !host)
        code = sq_body_text(r, "host", &host, err);
    if (code == 0 && !host)
        code = sq_fail(err, SQ_EINVAL, "host is missing");
    if (code == 0)
        code = sq_body_text(r, "group", &c->group, err);
    if (code == 0)
        code = read_variables(r, c, err);
    if (code == 0) {
        c->host = host;
        r->data = c;
    }
    return code;
}

int sq_inventory_prepare_add(struct sq_request *r, struct sq_err *err)
{
    return prepare(r, NULL, err);
}

int sq_inventory_prepare_change(struct sq_request *r, struct sq_err *err)
{
    return prepare(r, r->match.name, err);
}

int sq_inventory_add(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    return sq_inventory_put(tx, r->data, false, err);
}

int sq_inventory_change(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    return sq_inventory_put(tx, r->data, true, err);
}

int sq_inventory_delete(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    return sq_inventory_remove(tx, r->match.name, err);
}
