/* scitq-server's command line. */
#ifndef SQ_CORE_OPTIONS_H
#define SQ_CORE_OPTIONS_H

#include <stdint.h>

#include "core/store/lease.h"

enum sq_action {
    SQ_SERVE,
    SQ_CHECK_SETTINGS,
    SQ_DB_INIT,
    SQ_DB_CHECK,
    SQ_DB_UPGRADE,
    SQ_DB_UPGRADE_OR_INIT,
    SQ_DB_PRUNE
};

extern const char *const sq_role_names[];

struct sq_options {
    const char *conf; /* -c: settings file; NULL: looked for */
    enum sq_role role;
    enum sq_action action;
    int64_t days; /* of SQ_DB_PRUNE */
    int ready_fd; /* -1: none */
};

/* 0: go on.  Else the process ends with *ret_exit, having printed why (a bad option:
 * 2) or what was asked for (--help, --version: 0). */
int sq_options_parse(int argc, char **argv, struct sq_options *ret, int *ret_exit);

#endif
