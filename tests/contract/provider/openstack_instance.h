/* What tests of the openstack plugin's own begin with: the mock of OpenStack, a launch,
 * a look, and what every failure has to be like. */
#ifndef SQ_TESTS_OPENSTACK_INSTANCE_H
#define SQ_TESTS_OPENSTACK_INSTANCE_H

#include "tests/contract/provider/instance.h"
#include "tests/contract/provider/openstack_world.h"

int begin(void **state);
struct sq_launch wanted(const char *token);
int find(const char *token, struct sq_err *err);
/* It failed so, with these words, and told no secret. */
void fails(const char *label, int rc, int code, const char *words,
           const struct sq_err *err);
/* The text of a field, "(none)". */
const char *text(const json_t *object, const char *key);

#endif
