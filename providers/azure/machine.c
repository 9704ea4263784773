/* A machine as the provider tells it: the virtual machine of a group with its state and
 * its public address. */
#include "providers/azure/azure.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* What power and provisioning together say. */
static enum sq_machine_state state_of(const char *provisioning, const char *power)
{
    if (strcmp(provisioning, "Failed") == 0 || strcmp(provisioning, "Canceled") == 0)
        return SQ_MACHINE_BROKEN;
    if (strcmp(provisioning, "Deleting") == 0)
        return SQ_MACHINE_STOPPED;
    if (strcmp(power, "PowerState/running") == 0)
        return strcmp(provisioning, "Creating") == 0 ? SQ_MACHINE_STARTING
                                                     : SQ_MACHINE_RUNNING;
    if (!*power || strcmp(power, "PowerState/starting") == 0 ||
        strcmp(power, "PowerState/unknown") == 0)
        return SQ_MACHINE_STARTING;
    return SQ_MACHINE_STOPPED; /* stopping, stopped, deallocating, deallocated */
}

/* The power among the statuses of an instance view, and the words of an error. */
static const char *power_of(const json_t *view, struct sq_machine *ret)
{
    const json_t *row;
    const char *power = "";
    size_t i;
    json_array_foreach(json_object_get(view, "statuses"), i, row)
    {
        const char *code = text_of(row, "code");
        if (strncmp(code, "PowerState/", 11) == 0)
            power = code;
        if (strcmp(text_of(row, "level"), "Error") == 0)
            copy(ret->detail, sizeof ret->detail, text_of(row, "message"));
    }
    return power;
}

/* "2022-08-09T17:07:32.123+00:00", always UTC. */
static int64_t date_of(const char *text)
{
    struct tm t = {0};
    return strptime(text, "%Y-%m-%dT%H:%M:%S", &t) ? (int64_t)timegm(&t) : SQ_UNKNOWN;
}

static void read_machine(const json_t *vm, struct sq_machine *ret)
{
    const json_t *p = json_object_get(vm, "properties");
    const char *provisioning = text_of(p, "provisioningState");
    const char *power = power_of(json_object_get(p, "instanceView"), ret);
    copy(ret->flavor, sizeof ret->flavor,
         text_of(json_object_get(p, "hardwareProfile"), "vmSize"));
    ret->state = state_of(provisioning, power);
    ret->created_s = date_of(text_of(p, "timeCreated"));
    if (!ret->detail[0])
        snprintf(ret->detail, sizeof ret->detail, "%s%s%s", provisioning,
                 *power ? ", " : "", power);
}

int machine_look(struct sq_provider *p, struct sq_call *call, const struct group *g,
                 struct sq_machine *ret, struct sq_err *err)
{
    struct sq_machine m = {.state = SQ_MACHINE_REMAINS, .created_s = SQ_UNKNOWN};
    char path[sizeof MACHINE_PATH + SQ_NAME_SIZE];
    json_t *json = NULL;
    int rc;
    copy(m.id, sizeof m.id, g->name);
    copy(m.token, sizeof m.token, g->token);
    copy(m.name, sizeof m.name, g->worker);
    copy(m.flavor, sizeof m.flavor, g->flavor);
    copy(m.region, sizeof m.region, g->region);
    copy(m.user, sizeof m.user, p->user);
    snprintf(path, sizeof path, MACHINE_PATH "%s", g->worker);
    rc = arm_get(p, call, "look at the machine", g->name, path,
                 COMPUTE "&$expand=instanceView", &json, err);
    if (rc == 0)
        read_machine(json, &m);
    json_decref(json);
    json = NULL;
    if (rc == 0 || rc == SQ_ENOENT)
        rc = arm_get(p, call, "look at the address", g->name, ADDRESS_PATH, NETWORK,
                     &json, err);
    if (rc == 0)
        copy(m.ipv4, sizeof m.ipv4,
             text_of(json_object_get(json, "properties"), "ipAddress"));
    json_decref(json);
    if (rc && rc != SQ_ENOENT)
        return rc;
    if (g->deleting) {
        m.state = SQ_MACHINE_REMAINS;
        copy(m.detail, sizeof m.detail, "being deleted");
    }
    *ret = m;
    return 0;
}
