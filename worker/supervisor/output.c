/* Commands write to pipes, not to the files: whoever has a regular file as its stderr
 * can empty it (`> /dev/stderr` opens it anew, O_TRUNC) or write over what was there,
 * and bytes that nobody had read would be lost.  A pipe cannot be emptied or wound
 * back, and nobody but us has the file open.
 *
 * No memory is held: a command that writes faster than the disk takes it waits, as it
 * would have.  We keep the writing end open, too: so the end of a short command that
 * wrote nothing costs no event, and a process that left its command's tree with the
 * pipe delays nothing.  When the file cannot be written, the pipe is closed: the
 * command's next write fails, as it would have, and its exit says that output is
 * missing.
 *
 * The file is opened before the command starts: afterwards the command may have put
 * something else in its place, or in its folder's.
 *
 * Not splice(): it cannot append, and before Linux 6.6 makes no inotify event. */
#include "worker/supervisor/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util.h"

enum {
    PIPE_BYTES = 64 << 10, /* what a pipe holds unless the command enlarged it */
    ROUNDS = 8             /* of one event: then others have their turn */
};

static void close_fds(struct sq_output *o)
{
    /* Said to epoll too: a command that is just starting has a copy of our descriptors
     * until its exec, and each that it closes would wake us. */
    if (o->read_fd >= 0)
        epoll_ctl(o->epoll_fd, EPOLL_CTL_DEL, o->read_fd, NULL);
    sq_closep(&o->read_fd);
    sq_closep(&o->write_fd);
    sq_closep(&o->file_fd);
    o->read_fd = o->write_fd = o->file_fd = -1;
}

static bool open_pipe(struct sq_output *o)
{
    int fds[2];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = o};
    if (pipe2(fds, O_CLOEXEC) < 0)
        return false;
    o->read_fd = fds[0];
    o->write_fd = fds[1];
    /* Our end only: the command's must wait. */
    return fcntl(o->read_fd, F_SETFL, O_NONBLOCK) == 0 &&
           epoll_ctl(o->epoll_fd, EPOLL_CTL_ADD, o->read_fd, &event) == 0;
}

static struct sq_output *take(struct sq_outputs *os)
{
    struct sq_output *o = os->idle;
    if (o)
        os->idle = o->next;
    else
        o = malloc(sizeof *o);
    if (o)
        *o = (struct sq_output){.read_fd = -1, .write_fd = -1, .file_fd = -1};
    return o;
}

/* O_NONBLOCK for a fifo that somebody put there: it is refused.  Emptied only when an
 * earlier command wrote to it: O_TRUNC costs something with an empty file, too. */
static bool open_file(struct sq_output *o, const char *path)
{
    enum {
        FLAGS = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
                O_NOFOLLOW
    };
    struct stat st;
    o->file_fd = open(path, FLAGS, 0666);
    return o->file_fd >= 0 && fstat(o->file_fd, &st) == 0 &&
           (st.st_size == 0 || ftruncate(o->file_fd, 0) == 0);
}

int sq_output_open(struct sq_outputs *os, int epoll_fd, const char *path,
                   struct sq_output **ret, struct sq_err *err)
{
    int code = 0;
    struct sq_output *o = take(os);
    if (!o)
        return sq_fail(err, SQ_ENOMEM, "out of memory for the output of a command");
    o->epoll_fd = epoll_fd;
    if (!open_file(o, path))
        code = sq_fail(err, SQ_EIO, "cannot write %s: %s", path, strerror(errno));
    else if (!open_pipe(o))
        code = sq_fail(err, SQ_EIO, "cannot make a pipe: %s", strerror(errno));
    if (code < 0)
        sq_output_close(os, o);
    else
        *ret = o;
    return code;
}

static bool write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* One read's worth, at most `max`; how much, or 0: nothing there. */
static size_t copy_once(struct sq_output *o, size_t max)
{
    static char bytes[PIPE_BYTES];
    ssize_t n = read(o->read_fd, bytes, max < sizeof bytes ? max : sizeof bytes);
    if (n <= 0)
        return 0;
    if (write_all(o->file_fd, bytes, (size_t)n))
        return (size_t)n;
    o->error = errno;
    close_fds(o);
    return 0;
}

void sq_output_copy(struct sq_output *o)
{
    for (int i = 0; i < ROUNDS; i++)
        if (copy_once(o, PIPE_BYTES) < PIPE_BYTES / 2)
            return;
}

int sq_output_close(struct sq_outputs *os, struct sq_output *o)
{
    int left = 0;
    size_t n = 1;
    if (o->read_fd >= 0 && ioctl(o->read_fd, FIONREAD, &left) < 0)
        left = 0;
    for (; left > 0 && n; left -= (int)n)
        n = copy_once(o, (size_t)left);
    close_fds(o);
    o->next = os->idle;
    os->idle = o;
    return o->error;
}

void sq_outputs_free(struct sq_outputs *os)
{
    while (os->idle) {
        struct sq_output *o = os->idle;
        os->idle = o->next;
        free(o);
    }
}
