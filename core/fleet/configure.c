/* Ansible, for machines that their provider lends bare: the inventory learns how to
 * reach one, deploy.yml makes it a worker, destroy.yml has the managers forget it
 * (scitq-ansible(7)). */
#include "core/fleet/impl.h"

#include <stdio.h>
#include <string.h>

#include "core/store/inventory.h"

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

int sq_fleet_configure(struct sq_running *r, const struct sq_recruited_machine *w,
                       const struct sq_machine *m, struct sq_err *err)
{
    struct reach reach = {w->name, w->provider, m};
    int rc = sq_writer_change(r->fleet->setup.writer, put, &reach, &r->arena, err);
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

int sq_fleet_unconfigure(struct sq_running *r, const struct sq_recruited_machine *w,
                         struct sq_err *err)
{
    struct sq_err why;
    int rc = sq_fleet_playbook(r, w, "destroy.yml", &why);
    if (rc == SQ_ECANCELED)
        return sq_fail(err, rc, "%s", why.text);
    if (rc) /* the machine is gone: what is left open costs nothing and is said */
        sq_fleet_say(r, "the managers may not have forgotten it: %s", why.text);
    return sq_writer_change(r->fleet->setup.writer, remove_host, w->name, &r->arena,
                            err);
}
