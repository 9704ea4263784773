/* Ansible, for machines that their provider lends bare: deploy.yml makes one a worker,
 * destroy.yml has the managers forget it (scitq-ansible(7)).  Each line it writes is
 * the job's, PERCENT_n in it its progress; a canceled job ends it with all its
 * programs. */
#include "core/fleet/impl.h"

#include <stdio.h>
#include <string.h>

#include "core/store/inventory.h"
#include "lib/jsonio.h"
#include "lib/run.h"

enum { VARIABLES_MAX = 64 * 1024 };

static int on_line(void *arg, int stream, const char *line, size_t len)
{
    (void)stream;
    (void)len;
    sq_fleet_say(arg, "%s", line);
    return 0;
}

static void add(struct sq_jw *j, const char *key, const char *value)
{
    sq_jw_key(j, key);
    sq_jw_text(j, value);
}

/* A text that a user wrote: Ansible would run what it has in {{ }}, as root, here. */
static void add_unsafe(struct sq_jw *j, const char *key, const char *value)
{
    sq_jw_key(j, key);
    sq_jw_open(j, '{');
    add(j, "__ansible_unsafe", value);
    sq_jw_close(j);
}

static int make_variables(struct sq_running *r, const struct sq_fleet_machine *w,
                          struct sq_buf *out, struct sq_err *err)
{
    struct sq_jw j;
    sq_buf_init(out, VARIABLES_MAX);
    sq_jw_init(&j, out);
    sq_jw_open(&j, '{');
    add(&j, "scitq_host", w->name);
    add(&j, "scitq_server", r->fleet->setup.server);
    add_unsafe(&j, "scitq_batch", w->batch);
    sq_jw_key(&j, "scitq_concurrency");
    sq_jw_int(&j, w->concurrency < 1 ? 1 : w->concurrency);
    sq_jw_key(&j, "scitq_permanent");
    sq_jw_bool(&j, 0);
    sq_jw_close(&j);
    return sq_buf_ok(out)
               ? 0
               : sq_fail(err, SQ_ETOOBIG, "the names of %s are too long", w->name);
}

int sq_fleet_playbook(struct sq_running *r, const struct sq_fleet_machine *w,
                      const char *name, struct sq_err *err)
{
    const struct sq_fleet_setup *s = &r->fleet->setup;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf variables;
    char *path = sq_arena_printf(&r->arena, "%s/%s", s->playbooks, name);
    char *config =
        sq_arena_printf(&r->arena, "ANSIBLE_CONFIG=%s/ansible.cfg", s->playbooks);
    char *server = sq_arena_printf(&r->arena, "SCITQ_SERVER=%s", s->server);
    int status, rc = make_variables(r, w, &variables, err);
    if (rc == 0 && (!path || !config || !server))
        rc = sq_fail(err, SQ_ENOMEM, "out of memory for a playbook");
    if (rc)
        return rc;
    const char *const argv[] = {"ansible-playbook", "-i", s->inventory, path, "-e",
                                variables.data,     NULL};
    const char *const env[] = {config,
                               server,
                               "ANSIBLE_NOCOLOR=1",
                               "ANSIBLE_FORCE_COLOR",
                               "PYTHONUNBUFFERED=1",
                               NULL};
    const struct sq_run run = {.argv = argv, .env = env, .line = on_line, .arg = r};
    rc = sq_run_program(&r->call, &run, &status, err);
    if (rc == SQ_ENOENT)
        return sq_fail(err, SQ_EUNSUPPORTED,
                       "there is no ansible-playbook here to configure %s: install "
                       "Ansible",
                       w->name);
    if (rc == 0 && status != 0)
        rc = sq_fail(err, SQ_EIO,
                     "%s ended with exit code %d: what it said before tells why", name,
                     status);
    return rc;
}

/* ---- what Ansible has to know to reach it */

struct reach {
    const char *host, *group;
    const struct sq_machine *machine;
};

static int put(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    const struct reach *reach = arg;
    const struct sq_machine *m = reach->machine;
    char port[12];
    struct sq_inventory_variable v[3];
    size_t n = 0;
    snprintf(port, sizeof port, "%d", m->port);
    if (m->user[0])
        v[n++] = (struct sq_inventory_variable){.name = (char *)"ansible_user",
                                                .value = (char *)m->user};
    if (m->port)
        v[n++] = (struct sq_inventory_variable){.name = (char *)"ansible_port",
                                                .value = port};
    if (m->identity[0])
        v[n++] = (struct sq_inventory_variable){
            .name = (char *)"ansible_ssh_private_key_file",
            .value = (char *)m->identity};
    const struct sq_inventory_change change = {
        .host = reach->host, .group = reach->group, .variables = v, .n_variables = n};
    return sq_inventory_put(tx, &change, false, err);
}

int sq_fleet_configure(struct sq_running *r, const struct sq_fleet_machine *w,
                       const struct sq_machine *m, struct sq_err *err)
{
    struct reach reach = {w->name, w->provider, m};
    int rc = sq_fleet_change(r->fleet, put, &reach, &r->arena, err);
    if (rc)
        return rc;
    sq_fleet_say(r, "configuring %s with Ansible", w->name);
    return sq_fleet_playbook(r, w, "deploy.yml", err);
}

static int remove_host(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    struct sq_err why;
    int rc = sq_inventory_remove(tx, arg, &why);
    return rc == 0 || rc == SQ_ENOENT ? 0 : sq_fail(err, rc, "%s", why.text);
}

int sq_fleet_unconfigure(struct sq_running *r, const struct sq_fleet_machine *w,
                         struct sq_err *err)
{
    struct sq_err why;
    int rc = sq_fleet_playbook(r, w, "destroy.yml", &why);
    if (rc == SQ_ECANCELED)
        return sq_fail(err, rc, "%s", why.text);
    if (rc) /* the machine is gone: what is left open costs nothing and is said */
        sq_fleet_say(r, "the managers may not have forgotten it: %s", why.text);
    return sq_fleet_change(r->fleet, remove_host, w->name, &r->arena, err);
}
