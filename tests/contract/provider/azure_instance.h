/* What tests of the azure plugin's own begin with: the mock of Azure, and a launch. */
#ifndef SQ_TESTS_AZURE_INSTANCE_H
#define SQ_TESTS_AZURE_INSTANCE_H

#include "tests/contract/provider/azure_world.h"
#include "tests/contract/provider/instance.h"

int begin(void **state);
struct sq_launch wanted(const char *token, const char *name, const char *flavor);

#endif
