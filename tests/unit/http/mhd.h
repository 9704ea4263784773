/* libmicrohttpd as the tests of core/http see it: a connection is a pair of sockets,
 * and what the server suspends and resumes is counted instead of done.
 *
 * Its functions stand before the library's when the program is linked.  Waiting is for
 * the resume itself; the limit only ends a test that has failed. */
#ifndef SQ_TESTS_HTTP_MHD_H
#define SQ_TESTS_HTTP_MHD_H

#include <microhttpd.h>
#include <stdbool.h>

struct MHD_Connection {
    union MHD_ConnectionInfo info;
    int fd, client; /* the server's end, and the client's (-1: hung up) */
    int suspended, resumed;
};

void connection_open(struct MHD_Connection *c);
void connection_close(struct MHD_Connection *c);
void connection_hang_up(struct MHD_Connection *c);
/* Suspended, and not resumed since. */
bool connection_held(const struct MHD_Connection *c);
/* Until it is no longer held; the test fails when that never comes. */
void connection_wait_resumed(const struct MHD_Connection *c);

#endif
