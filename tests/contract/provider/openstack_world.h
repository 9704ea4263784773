/* The mocks of OpenStack and of OVH's API (tests/servers/openstack.py, ovh.py) as tests
 * of the openstack plugin need them. */
#ifndef SQ_TESTS_OPENSTACK_WORLD_H
#define SQ_TESTS_OPENSTACK_WORLD_H

#include "tests/contract/provider/mock.h"
#include "tests/contract/provider/provider.h"

/* The account that the mock knows: "KEY=value", ended by NULL. */
extern const char *const openstack_settings[];
/* Start the mock and name it in the environment. */
bool openstack_start(const char *folder);
/* The servers of the owner (and of `token`, unless NULL); `on` (unless NULL) is called
 * with each. */
int each_server(const char *owner, const char *token, void (*on)(const json_t *server));
/* {"do": deed, "server": its id, "message": …} */
void order_server(const json_t *server, const char *deed);

#endif
