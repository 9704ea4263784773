/* Where the playbooks are, for the verbs of `ansible`. */
#ifndef SQ_CLI_MANAGE_ANSIBLE_H
#define SQ_CLI_MANAGE_ANSIBLE_H

#include "cli/cli.h"

/* The folder of the playbooks: ../share/scitq/ansible seen from this program, else
 * where scitq was configured to put it.  The caller's; NULL with SQ_ENOENT. */
int sq_ansible_path(char **ret, struct sq_err *err);

#endif
