/* Tests that cannot run here, for want of root, of the right to mount, or of a program:
 * skipped by `make check`, and failed by ./check (which sets SCITQ_TEST_COMPLETE): it
 * is run where all can be had, and a test that was not run shows nothing.  What a
 * kernel or a file system lacks is skipped by cmocka's own skip(). */
#ifndef SQ_TESTS_LACKING_H
#define SQ_TESTS_LACKING_H

#include <stdlib.h>
#include <unistd.h>

#include "tests/test.h"

/* Does not return. */
#define lacking(what)                                                                  \
    do {                                                                               \
        const char *complete_ = getenv("SCITQ_TEST_COMPLETE");                         \
        if (complete_ && *complete_)                                                   \
            fail_msg("this needs %s, and ./check wants it run", what);                 \
        print_message("# this needs %s\n", what);                                      \
        skip();                                                                        \
    } while (0)

/* Of what only root can have, and not on every machine. */
#define lacking_root(what)                                                             \
    do {                                                                               \
        if (geteuid() != 0)                                                            \
            lacking(what);                                                             \
        print_message("# this machine has no %s\n", what);                             \
        skip();                                                                        \
    } while (0)

#endif
