/* The growable buffer: capacity doubles, never past the maximum plus the final 0.
 * A failure is remembered in the buffer and makes every later append a no-op. */
#include "lib/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAP_MIN = 64 };

void sq_buf_init(struct sq_buf *b, size_t max_bytes)
{
    *b = (struct sq_buf){.max_bytes = max_bytes < SIZE_MAX ? max_bytes : SIZE_MAX - 1};
}

void sq_buf_fini(struct sq_buf *b)
{
    free(b->data);
    b->data = NULL;
    b->len = b->cap = 0;
}

void sq_buf_clear(struct sq_buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = 0;
}

bool sq_buf_ok(const struct sq_buf *b)
{
    return !b->failed;
}

/* Make room for `len` more bytes and the final 0, or fail the buffer. */
static bool reserve(struct sq_buf *b, size_t len)
{
    if (b->failed)
        return false;
    if (len > b->max_bytes - b->len) {
        b->failed = true;
        return false;
    }
    size_t need = b->len + len + 1;
    if (need <= b->cap)
        return true;
    size_t cap = b->cap > SIZE_MAX / 2 ? SIZE_MAX : b->cap * 2;
    if (cap < CAP_MIN)
        cap = CAP_MIN;
    if (cap < need)
        cap = need;
    if (cap > b->max_bytes + 1)
        cap = b->max_bytes + 1;
    char *data = realloc(b->data, cap);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void sq_buf_add(struct sq_buf *b, const void *data, size_t len)
{
    if (!reserve(b, len))
        return;
    if (len)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = 0;
}

void sq_buf_adds(struct sq_buf *b, const char *text)
{
    sq_buf_add(b, text, strlen(text));
}

void sq_buf_addc(struct sq_buf *b, char c)
{
    if (!reserve(b, 1))
        return;
    b->data[b->len++] = c;
    b->data[b->len] = 0;
}

void sq_buf_addf(struct sq_buf *b, const char *fmt, ...)
{
    if (!reserve(b, 0))
        return;
    size_t room = b->cap - b->len;
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(b->data + b->len, room, fmt, args);
    va_end(args);
    if (n >= 0 && (size_t)n >= room) {
        b->data[b->len] = 0;
        if (!reserve(b, (size_t)n))
            return;
        va_start(args, fmt);
        n = vsnprintf(b->data + b->len, (size_t)n + 1, fmt, args);
        va_end(args);
    }
    if (n < 0) {
        b->data[b->len] = 0;
        b->failed = true;
        return;
    }
    b->len += (size_t)n;
}

char *sq_buf_room(struct sq_buf *b, size_t len)
{
    if (!reserve(b, len))
        return NULL;
    b->data[b->len + len] = 0;
    return b->data + b->len;
}

size_t sq_buf_copy(const struct sq_buf *b, size_t *at, void *to, size_t max)
{
    size_t n = b->len - *at;
    if (n > max)
        n = max;
    if (n)
        memcpy(to, b->data + *at, n);
    *at += n;
    return n;
}

void sq_buf_consume(struct sq_buf *b, size_t len)
{
    if (len > b->len)
        len = b->len;
    if (!len)
        return;
    memmove(b->data, b->data + len, b->len - len);
    b->len -= len;
    b->data[b->len] = 0;
}
