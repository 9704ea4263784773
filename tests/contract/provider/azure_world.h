/* The mock of Azure (tests/servers/azure.py) as tests of the azure plugin need it. */
#ifndef SQ_TESTS_AZURE_WORLD_H
#define SQ_TESTS_AZURE_WORLD_H

#include "tests/contract/provider/mock.h"
#include "tests/contract/provider/provider.h"

/* The account that the mock knows, and two of its regions: "KEY=value", ended by NULL.
 */
extern const char *const azure_settings[];
/* Start the mock and name it in the environment. */
bool azure_start(const char *folder);

#endif
