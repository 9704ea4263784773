/* The child that does the work, and the parent that listens to it.
 *
 * Messages travel over a SOCK_SEQPACKET pair, which keeps their borders and ends when
 * the child does.  Every message restarts the parent's patience.  The child holds no
 * descriptor but its own: one that hangs for ever must not keep anybody's pipe open. */
#include "plugins/nfs/nfs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long a flush may take without a word; how long a killed child is waited for: one
 * that hangs in the kernel goes when its mount comes back or never. */
enum { SLOW_MS = 600 * 1000, REAP_MS = 100 };

enum kind { ALIVE, SLOW, ENTRY, END };

struct message {
    enum kind kind;
    int code;                        /* of the end */
    int64_t done_bytes, total_bytes; /* of ALIVE */
    struct sq_entry entry;           /* of ENTRY and END; its name is `text` */
    char text[PATH_MAX + sizeof((struct sq_err *)0)->text];
};

struct listener {
    struct sq_call *call;
    sq_entry_fn each;
    void *arg;
    pid_t pid;
    int pidfd, socket;
    struct message m;
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- In the child ---- */

static int send_message(struct nfs_request *r, struct message *m, const char *text)
{
    size_t len = strnlen(text, sizeof m->text - 1);
    memcpy(m->text, text, len);
    m->text[len] = 0;
    ssize_t n;
    do
        n = send(r->socket, m, offsetof(struct message, text) + len + 1, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? SQ_ECANCELED : 0; /* nobody listens any more */
}

int nfs_alive(struct nfs_request *r)
{
    struct message m = {
        .kind = ALIVE, .done_bytes = r->done_bytes, .total_bytes = r->total_bytes};
    return send_message(r, &m, "");
}

int nfs_slow(struct nfs_request *r)
{
    struct message m = {.kind = SLOW};
    return send_message(r, &m, "");
}

int nfs_send_entry(struct nfs_request *r, const struct sq_entry *entry)
{
    struct message m = {.kind = ENTRY, .entry = *entry};
    return send_message(r, &m, entry->name);
}

static void work_and_exit(struct nfs_request *r, nfs_work *work, int fd, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    dup2(fd, STDIN_FILENO); /* the lowest number: all others are closed at once */
    close_range(1, ~0U, 0);
    r->socket = STDIN_FILENO;
    struct sq_err err = {0};
    struct message m = {.kind = END};
    m.code = work(r, &err);
    m.entry = r->found;
    send_message(r, &m, err.text);
    _exit(0);
}

/* ---- In the parent ---- */

static int start(struct nfs_request *r, nfs_work *work, struct listener *l,
                 struct sq_err *err)
{
    int pair[2];
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return sq_fail(err, SQ_EIO, "cannot make a socket: %s", strerror(errno));
    l->pid = fork();
    if (l->pid == 0)
        work_and_exit(r, work, pair[1], parent);
    int e = errno;
    close(pair[1]);
    l->socket = pair[0];
    if (l->pid < 0) {
        close(pair[0]);
        return sq_fail(err, SQ_EIO, "cannot start a process: %s", strerror(e));
    }
    l->pidfd = (int)syscall(SYS_pidfd_open, l->pid, 0);
    return 0;
}

/* Wait for a message until `end_ms`: 1 and l->m, 0 when the child is gone. */
static int next_message(struct listener *l, int64_t end_ms)
{
    struct sq_call *call = l->call;
    for (;;) {
        struct pollfd p[] = {{.fd = l->socket, .events = POLLIN},
                             {.fd = call ? call->cancel_fd : -1, .events = POLLIN}};
        int64_t left = end_ms - now_ms();
        int n = poll(p, 2, left > 0 ? (int)left : 0);
        if (call && call->canceled && call->canceled(call))
            return SQ_ECANCELED;
        if (n == 0)
            return SQ_ETIMEDOUT;
        if (n < 0 || !p[0].revents)
            continue;
        ssize_t got = recv(l->socket, &l->m, sizeof l->m, MSG_DONTWAIT);
        if (got > (ssize_t)offsetof(struct message, text))
            return 1;
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
            return 0;
    }
}

static int take_message(struct listener *l)
{
    struct message *m = &l->m;
    if (m->kind == ALIVE && l->call && l->call->progress)
        l->call->progress(l->call, m->done_bytes, m->total_bytes);
    if (m->kind != ENTRY || !l->each)
        return 0;
    m->entry.name = m->text;
    return l->each(l->arg, &m->entry);
}

/* It is reaped if it goes; if it hangs in the kernel it stays, with nothing of ours. */
static void leave(struct listener *l)
{
    struct pollfd p = {.fd = l->pidfd, .events = POLLIN};
    kill(l->pid, SIGKILL);
    close(l->socket);
    if (l->pidfd < 0 || poll(&p, 1, REAP_MS) > 0)
        waitpid(l->pid, NULL, 0);
    if (l->pidfd >= 0)
        close(l->pidfd);
}

static int silent(const struct nfs_request *r, struct sq_err *err)
{
    return sq_fail(err, SQ_ETIMEDOUT,
                   "%s: no answer from its file system for %d s: is the server of its "
                   "mount alive? (NFS_TIMEOUT sets the limit)",
                   r->from[0] ? r->from : r->to, r->s->limit_ms / 1000);
}

/* Of the last message: copied, so that *ret survives `l`. */
static int finish(const struct listener *l, struct sq_entry *ret, struct sq_err *err)
{
    if (l->m.code)
        return sq_fail(err, l->m.code, "%s", l->m.text);
    if (ret) {
        *ret = l->m.entry;
        ret->name = NULL;
    }
    return 0;
}

static int listen_to(struct nfs_request *r, struct listener *l, struct sq_entry *ret,
                     struct sq_err *err)
{
    for (int limit_ms = r->s->limit_ms;;) {
        int rc = next_message(l, now_ms() + limit_ms);
        if (rc == 1 && l->m.kind == END)
            return finish(l, ret, err);
        if (rc == SQ_ETIMEDOUT)
            return silent(r, err);
        if (rc == SQ_ECANCELED)
            return sq_fail(err, rc, "%s: canceled", r->from[0] ? r->from : r->to);
        if (rc == 0)
            return sq_fail(err, SQ_EIO, "%s: the process that does it was ended",
                           r->from[0] ? r->from : r->to);
        if ((rc = take_message(l)))
            return rc;
        limit_ms = l->m.kind == SLOW ? SLOW_MS : r->s->limit_ms;
    }
}

int nfs_do(struct nfs_request *r, nfs_work *work, struct sq_call *call,
           sq_entry_fn each, void *arg, struct sq_entry *ret, struct sq_err *err)
{
    struct listener l = {.call = call, .each = each, .arg = arg, .pidfd = -1};
    int rc = start(r, work, &l, err);
    if (rc)
        return rc;
    rc = listen_to(r, &l, ret, err);
    leave(&l);
    return rc;
}
