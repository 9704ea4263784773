/* "I am ready": told to whoever started a daemon, so that nobody has to guess or poll.
 * Two ways: sd_notify(3)'s datagram to $NOTIFY_SOCKET, and READY=1 written to the
 * descriptor given with --ready-fd, which is then closed. */
#ifndef SQ_LIB_READY_H
#define SQ_LIB_READY_H

#include "lib/util.h"

/* The descriptor that --ready-fd names; it is kept from children.  False when it is no
 * number, or not open. */
bool sq_ready_parse(const char *text, int *ret_fd);
/* Tell it, once; fd -1: only $NOTIFY_SOCKET.  What cannot be told is logged. */
void sq_ready_tell(int fd);

#endif
