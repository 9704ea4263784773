/* Connections of the test: suspended and resumed under one lock. */
#include "tests/test.h"
#include "tests/unit/http/mhd.h"

#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { NEVER_S = 30 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t resumed = PTHREAD_COND_INITIALIZER;

void connection_open(struct MHD_Connection *c)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    *c = (struct MHD_Connection){.fd = pair[0], .client = pair[1]};
    c->info.connect_fd = c->fd;
}

void connection_hang_up(struct MHD_Connection *c)
{
    if (c->client >= 0)
        close(c->client);
    c->client = -1;
}

void connection_close(struct MHD_Connection *c)
{
    connection_hang_up(c);
    close(c->fd);
}

static bool held(const struct MHD_Connection *c)
{
    return c->suspended > c->resumed;
}

bool connection_held(const struct MHD_Connection *c)
{
    pthread_mutex_lock(&lock);
    bool is = held(c);
    pthread_mutex_unlock(&lock);
    return is;
}

void connection_wait_resumed(const struct MHD_Connection *c)
{
    struct timespec end;
    int rc = 0;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += NEVER_S;
    pthread_mutex_lock(&lock);
    while (rc == 0 && held(c))
        rc = pthread_cond_timedwait(&resumed, &lock, &end);
    pthread_mutex_unlock(&lock);
    if (rc != 0)
        fail_msg("a held connection is never resumed");
}

/* ---- what the server calls */

const union MHD_ConnectionInfo *
MHD_get_connection_info(struct MHD_Connection *c, enum MHD_ConnectionInfoType what, ...)
{
    return what == MHD_CONNECTION_INFO_CONNECTION_FD ? &c->info : NULL;
}

void MHD_suspend_connection(struct MHD_Connection *c)
{
    pthread_mutex_lock(&lock);
    c->suspended++;
    pthread_mutex_unlock(&lock);
}

void MHD_resume_connection(struct MHD_Connection *c)
{
    pthread_mutex_lock(&lock);
    c->resumed++;
    pthread_cond_broadcast(&resumed);
    pthread_mutex_unlock(&lock);
}
