/* What may be said of a host of the inventory, which Ansible reads as root on the
 * server: names, groups and variables that cannot run a command there or read its
 * files.  No I/O, no clock, any thread. */
#ifndef SQ_MODEL_INVENTORY_H
#define SQ_MODEL_INVENTORY_H

#include <scitq/error.h>

enum {
    SQ_INVENTORY_NAME = 253,   /* bytes of a host's name, as DNS */
    SQ_INVENTORY_WORD = 64,    /* of a group's or a variable's */
    SQ_INVENTORY_VALUE = 1024, /* of a variable's value */
    SQ_INVENTORY_VARIABLES = 64
};

/* SQ_EINVAL with what is wrong. */
int sq_inventory_check_host(const char *host, struct sq_err *err);
int sq_inventory_check_group(const char *group, struct sq_err *err);
int sq_inventory_check_variable(const char *name, const char *value,
                                struct sq_err *err);

#endif
