/* Where the server listens: SCITQ_LISTEN as addresses, and their sockets.
 *
 * The list is parsed once, here; settings judge the addresses, main opens the sockets
 * before it touches the database, so that a port in use leaves nothing behind, and the
 * server serves them. */
#ifndef SQ_HTTP_LISTEN_H
#define SQ_HTTP_LISTEN_H

#include <scitq/error.h>
#include <sys/socket.h>
#include "lib/util.h"

enum { SQ_LISTEN_MAX = 16, SQ_LISTEN_TEXT = 80 };

struct sq_listen {
    char text[SQ_LISTEN_TEXT]; /* as it was given */
    struct sockaddr_storage address;
    socklen_t len;
    bool loopback; /* only this machine reaches it */
    int fd;        /* -1 until it is open */
};

struct sq_listens {
    struct sq_listen v[SQ_LISTEN_MAX];
    int n;
};

/* "127.0.0.1:5000 [::1]:5000", "*:5000", "localhost:5000": separated by blanks or
 * commas; no name is looked up.  SQ_EINVAL quotes the entry and says what is accepted:
 * the sentence goes on after the setting's name. */
int sq_listen_parse(const char *list, struct sq_listens *ret, struct sq_err *err);
/* Bind and listen on all of them.  SQ_EEXIST when a port is taken, naming it. */
int sq_listen_open(struct sq_listens *l, struct sq_err *err);
/* Close those still open here. */
void sq_listen_close(struct sq_listens *l);

#endif
