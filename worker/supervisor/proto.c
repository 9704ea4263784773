/* Framing: a header of two words, then the payload; receiving into and sending from
 * growable buffers on a non-blocking socket.  Knows nothing of what frames mean. */
#include "worker/supervisor/proto.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

struct head {
    uint32_t len;
    uint32_t kind;
};

void sq_frame_begin(struct sq_buf *out, enum sq_frame_kind kind, size_t len)
{
    struct head head = {(uint32_t)len, kind};
    sq_buf_add(out, &head, sizeof head);
}

void sq_frame_add(struct sq_buf *out, enum sq_frame_kind kind, const void *fixed,
                  size_t fixed_len, const char *text)
{
    size_t text_len = text ? strlen(text) + 1 : 0;
    sq_frame_begin(out, kind, fixed_len + text_len);
    sq_buf_add(out, fixed, fixed_len);
    sq_buf_add(out, text, text_len);
}

int sq_frame_next(const struct sq_buf *in, size_t *at, struct sq_frame *ret)
{
    struct head head;
    if (in->len - *at < sizeof head)
        return 0;
    memcpy(&head, in->data + *at, sizeof head);
    if (head.len > SQ_FRAME_MAX)
        return -1;
    if (in->len - *at - sizeof head < head.len)
        return 0;
    ret->kind = head.kind;
    ret->data = in->data + *at + sizeof head;
    ret->len = head.len;
    *at += sizeof head + head.len;
    return 1;
}

bool sq_frame_fixed(const struct sq_frame *f, void *ret, size_t len)
{
    if (f->len < len)
        return false;
    memcpy(ret, f->data, len);
    return true;
}

int sq_frame_is_attach(int fd)
{
    struct head head;
    ssize_t n = recv(fd, &head, sizeof head, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return n == sizeof head && head.kind == SQ_FRAME_ATTACH && !head.len ? 1 : -1;
}

void sq_frame_buf_init(struct sq_buf *in)
{
    sq_buf_init(in, sizeof(struct head) + SQ_FRAME_MAX + SQ_FRAME_READ);
}

size_t sq_frame_missing(const struct sq_buf *in)
{
    struct head head = {0};
    if (in->len < sizeof head)
        return sizeof head - in->len;
    memcpy(&head, in->data, sizeof head);
    return sizeof head + head.len - in->len;
}

int sq_frame_receive(int fd, struct sq_buf *in, size_t max)
{
    char *room = sq_buf_room(in, max);
    if (!room)
        return -1;
    ssize_t n;
    do
        n = recv(fd, room, max, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    if (n <= 0)
        return -1;
    in->len += (size_t)n;
    return 1;
}

int sq_frame_flush(int fd, struct sq_buf *out)
{
    size_t done = 0;
    while (done < out->len) {
        ssize_t n =
            send(fd, out->data + done, out->len - done, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return -1;
        if (n < 0)
            break;
        done += (size_t)n;
    }
    sq_buf_consume(out, done);
    return 0;
}
