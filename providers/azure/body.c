/* What is asked of the Resource Manager for one machine: a network of its own, a public
 * address, a firewall that lets SSH in, an interface, and the machine.  Everything goes
 * with its group; the tags are the group's. */
#include "providers/azure/azure.h"

#include <stdlib.h>
#include <string.h>

json_t *body_net(const struct sq_provider *p, const struct group *g)
{
    return json_pack("{s:s, s:{s:{s:[s]}, s:[{s:s, s:{s:s}}]}}", "location", g->region,
                     "properties", "addressSpace", "addressPrefixes", p->network,
                     "subnets", "name", "default", "properties", "addressPrefix",
                     p->network);
}

json_t *body_address(const struct sq_provider *p, const struct group *g)
{
    (void)p;
    return json_pack("{s:s, s:{s:s}, s:{s:s, s:s}}", "location", g->region, "sku",
                     "name", "Standard", "properties", "publicIPAllocationMethod",
                     "Static", "publicIPAddressVersion", "IPv4");
}

json_t *body_firewall(const struct sq_provider *p, const struct group *g)
{
    (void)p;
    return json_pack("{s:s, s:{s:[{s:s, s:{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s}}]}}",
                     "location", g->region, "properties", "securityRules", "name",
                     "ssh", "properties", "protocol", "Tcp", "sourcePortRange", "*",
                     "destinationPortRange", "22", "sourceAddressPrefix", "*",
                     "destinationAddressPrefix", "*", "access", "Allow", "priority",
                     1000, "direction", "Inbound");
}

/* {"id": …} of what is beside it in the group; NULL: out of memory. */
static json_t *reference(const struct sq_provider *p, const struct group *g,
                         const char *path)
{
    char *id = NULL;
    json_t *ret;
    if (asprintf(&id, "/subscriptions/%s/resourceGroups/%s/providers/%s",
                 p->subscription, g->name, path) < 0)
        return NULL;
    ret = json_pack("{s:s}", "id", id);
    free(id);
    return ret;
}

json_t *body_interface(const struct sq_provider *p, const struct group *g)
{
    json_t *subnet = reference(p, g, NET_PATH "/subnets/default");
    json_t *address = reference(p, g, ADDRESS_PATH);
    json_t *firewall = reference(p, g, FIREWALL_PATH);
    /* json_pack gives all three back even when it fails. */
    return json_pack("{s:s, s:{s:o, s:[{s:s, s:{s:o, s:o, s:s}}]}}", "location",
                     g->region, "properties", "networkSecurityGroup", firewall,
                     "ipConfigurations", "name", "address", "properties", "subnet",
                     subnet, "publicIPAddress", address, "privateIPAllocationMethod",
                     "Dynamic");
}

/* publisher:offer:sku:version, as `az vm image list` prints it; the parts point into
 * `ret`. */
static int split_image(const char *image, char **ret, char *part[4], struct sq_err *err)
{
    char *rest = *ret = strdup(image);
    if (!rest)
        return no_memory(err);
    for (int i = 0; i < 4; i++) {
        part[i] = strsep(&rest, ":");
        if (!part[i] || !*part[i] || (i == 3 && rest))
            return sq_fail(err, SQ_EINVAL,
                           "the image \"%s\" is not publisher:offer:sku:version: check "
                           "AZURE_IMAGE and AZURE_GPU_IMAGE",
                           image);
    }
    return 0;
}

static bool has_gpu(const struct sq_launch *req)
{
    return strchr(req->tags, 'G') || strncmp(req->flavor, "Standard_N", 10) == 0;
}

/* adminUsername, key and the rest. */
static json_t *os_profile(const struct sq_provider *p, const struct group *g,
                          const char *key)
{
    char *path = NULL;
    json_t *ret;
    if (asprintf(&path, "/home/%s/.ssh/authorized_keys", p->user) < 0)
        return NULL;
    ret = json_pack("{s:s, s:s, s:{s:b, s:{s:[{s:s, s:s}]}}}", "computerName",
                    g->worker, "adminUsername", p->user, "linuxConfiguration",
                    "disablePasswordAuthentication", 1, "ssh", "publicKeys", "path",
                    path, "keyData", key);
    free(path);
    return ret;
}

/* Size, image, disk, user, interface: without what is only for spot machines. */
static json_t *properties(const struct sq_provider *p, const struct group *g,
                          const struct sq_launch *req, char *const image[4])
{
    json_t *interface = reference(p, g, INTERFACE_PATH);
    json_t *storage = json_pack(
        "{s:{s:s, s:s, s:s, s:s}, s:{s:s, s:s, s:s, s:{s:s}}}", "imageReference",
        "publisher", image[0], "offer", image[1], "sku", image[2], "version", image[3],
        "osDisk", "name", "disk", "createOption", "FromImage", "deleteOption", "Delete",
        "managedDisk", "storageAccountType", p->disk);
    if (interface && json_object_set_new(interface, "properties",
                                         json_pack("{s:b}", "primary", 1)) != 0) {
        json_decref(interface);
        interface = NULL;
    }
    return json_pack("{s:{s:s}, s:o, s:o, s:{s:[o]}, s:s}", "hardwareProfile", "vmSize",
                     req->flavor, "storageProfile", storage, "osProfile",
                     os_profile(p, g, req->ssh_key), "networkProfile",
                     "networkInterfaces", interface, "priority",
                     p->spot ? "Spot" : "Regular");
}

/* The price is capped at that of a regular machine, so that price evicts nobody. */
static int add_spot(const struct sq_provider *p, json_t *properties)
{
    return json_object_set_new(properties, "evictionPolicy", json_string(p->policy)) ||
           json_object_set_new(properties, "billingProfile",
                               json_pack("{s:i}", "maxPrice", -1));
}

/* A marketplace image is bought, at no cost, by naming its plan. */
static int add_plan(json_t *machine, char *const image[4])
{
    return json_object_set_new(machine, "plan",
                               json_pack("{s:s, s:s, s:s}", "publisher", image[0],
                                         "product", image[1], "name", image[2]));
}

int body_machine(const struct sq_provider *p, const struct group *g,
                 const struct sq_launch *req, json_t **ret, struct sq_err *err)
{
    char *image[4], *text = NULL;
    bool gpu = has_gpu(req);
    int rc = split_image(gpu ? p->gpu_image : p->image, &text, image, err);
    json_t *machine = NULL;
    if (rc == 0) {
        machine = json_pack("{s:s, s:o}", "location", g->region, "properties",
                            properties(p, g, req, image));
        if (!machine ||
            (p->spot && add_spot(p, json_object_get(machine, "properties"))) ||
            (gpu && add_plan(machine, image)))
            rc = no_memory(err);
    }
    free(text);
    if (rc)
        json_decref(machine);
    else
        *ret = machine;
    return rc;
}
