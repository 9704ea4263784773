/* scitq-manage ansible inventory: what scitq-inventory does. */
#include "cli/inventory/inventory.h"
#include "cli/manage/commands.h"

const struct sq_verb sq_verb_ansible_inventory = {
    .name = "inventory",
    .help = "what scitq-inventory does: Ansible's hosts that scitq knows",
    .options = sq_inventory_options,
    .run = sq_inventory_act,
};
