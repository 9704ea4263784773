/* The journal of exits.  A line is
 *
 *     E id pid status oom start end cpu_us peak_bytes unwritten checksum\n
 *
 * and forgetting turns its first letter into an F in place: one byte, so it cannot
 * tear. The checksum (CRC-32 of what is between) tells a line cut by a crash.  The file
 * is written at an offset of our own, not O_APPEND, since Linux ignores the offset of a
 * pwrite() there.  It is emptied when it is all forgotten, but only once it has grown:
 * truncating a file at each task's end would cost more than the line. */
#include "worker/supervisor/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 256,
    EMPTY_ABOVE = 64 << 10,
    COMPACT_ABOVE = 1 << 20,
    FILE_MAX = 256 << 20 /* over two million exits: nothing we wrote */
};

static uint32_t crc32_of(const char *data, size_t len)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned char)data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static int format_line(const struct sq_frame_event *e, char line[LINE_MAX_BYTES])
{
    int n = snprintf(line, LINE_MAX_BYTES,
                     "E %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
                     " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64,
                     e->id, e->pid, e->status, e->oom, e->start, e->end, e->cpu_us,
                     e->peak_bytes, e->unwritten);
    return n + snprintf(line + n, LINE_MAX_BYTES - (size_t)n, " %08" PRIx32 "\n",
                        crc32_of(line + 1, (size_t)n - 1));
}

/* `line` ends with the 0 that stands for its newline. */
static bool parse_line(const char *line, struct sq_frame_event *e)
{
    const char *sum = strrchr(line, ' ');
    uint32_t crc;
    int used = 0;
    if (!sum || sscanf(sum, " %8" SCNx32 "%n", &crc, &used) != 1 || sum[used])
        return false;
    if (crc != crc32_of(line + 1, (size_t)(sum - line) - 1))
        return false;
    return sscanf(line + 1,
                  "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64
                  " %" SCNd64 " %" SCNd64 " %" SCNd64,
                  &e->id, &e->pid, &e->status, &e->oom, &e->start, &e->end, &e->cpu_us,
                  &e->peak_bytes, &e->unwritten) == 9;
}

static int write_at(int fd, const char *data, size_t len, off_t at)
{
    while (len) {
        ssize_t n = pwrite(fd, data, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        data += n;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

/* The whole file, 0-terminated; NULL with errno set. */
static char *read_whole(int fd, size_t *ret_len)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return NULL;
    if (st.st_size > FILE_MAX) {
        errno = EFBIG;
        return NULL;
    }
    size_t size = (size_t)st.st_size, len = 0;
    char *data = malloc(size + 1);
    while (data && len < size) {
        ssize_t n = pread(fd, data + len, size - len, (off_t)len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    if (data)
        data[len] = 0;
    *ret_len = len;
    return data;
}

/* Give each kept line to `each`; the offset after the last whole line. */
static off_t load(struct sq_journal *j, char *data, size_t len, sq_journal_fn *each,
                  void *arg)
{
    size_t at = 0;
    char *newline;
    while (at < len && (newline = memchr(data + at, '\n', len - at))) {
        struct sq_frame_event e;
        *newline = 0;
        if (data[at] == 'E' && parse_line(data + at, &e)) {
            j->kept++;
            each(arg, &e, (off_t)at);
        }
        at = (size_t)(newline - data) + 1;
    }
    return (off_t)at;
}

int sq_journal_open(struct sq_journal *j, int dir_fd, const char *name,
                    sq_journal_fn *each, void *arg, struct sq_err *err)
{
    *j = (struct sq_journal){
        .fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    if (j->fd < 0)
        return sq_fail(err, SQ_EIO, "cannot open %s: %s", name, strerror(errno));
    size_t len;
    char *data = read_whole(j->fd, &len);
    if (!data) {
        sq_fail(err, SQ_EIO, "cannot read %s: %s", name, strerror(errno));
        sq_journal_close(j);
        return SQ_EIO;
    }
    j->end = load(j, data, len, each, arg);
    free(data);
    if (!j->kept)
        j->end = 0;
    if (ftruncate(j->fd, j->end) < 0) {
        sq_fail(err, SQ_EIO, "cannot truncate %s: %s", name, strerror(errno));
        sq_journal_close(j);
        return SQ_EIO;
    }
    return 0;
}

void sq_journal_close(struct sq_journal *j)
{
    if (j->fd >= 0)
        close(j->fd);
    j->fd = -1;
}

int sq_journal_append(struct sq_journal *j, const struct sq_frame_event *exit,
                      off_t *at, struct sq_err *err)
{
    char line[LINE_MAX_BYTES];
    int n = format_line(exit, line);
    if (write_at(j->fd, line, (size_t)n, j->end) < 0)
        return sq_fail(err, SQ_EIO, "cannot write the journal: %s", strerror(errno));
    *at = j->end;
    j->end += n;
    j->kept++;
    return 0;
}

static void empty(struct sq_journal *j)
{
    if (ftruncate(j->fd, 0) == 0)
        j->end = 0;
}

void sq_journal_forget(struct sq_journal *j, off_t at)
{
    /* A mark that cannot be written costs a repeated exit, which the worker takes. */
    if (write_at(j->fd, "F", 1, at) < 0)
        return;
    j->kept--;
    if (!j->kept && j->end > EMPTY_ABOVE)
        empty(j);
}

/* Copy the kept lines of `data` to a new file that then takes the name. */
static int rewrite(char *data, size_t len, int dir_fd, const char *name,
                   const char *fresh)
{
    int fd = openat(dir_fd, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    off_t end = 0;
    int failed = 0;
    char *newline;
    for (size_t at = 0; !failed && (newline = memchr(data + at, '\n', len - at));
         at = (size_t)(newline - data) + 1) {
        size_t n = (size_t)(newline - data) + 1 - at;
        if (data[at] != 'E')
            continue;
        failed = write_at(fd, data + at, n, end);
        end += (off_t)n;
    }
    close(fd);
    if (failed || renameat(dir_fd, fresh, dir_fd, name) < 0) {
        unlinkat(dir_fd, fresh, 0);
        return -1;
    }
    return 0;
}

int sq_journal_compact(struct sq_journal *j, int dir_fd, const char *name,
                       sq_journal_fn *each, void *arg, struct sq_err *err)
{
    char fresh[64];
    size_t len;
    if (j->end < COMPACT_ABOVE || j->end / LINE_MAX_BYTES < j->kept)
        return 0;
    char *data = read_whole(j->fd, &len);
    snprintf(fresh, sizeof fresh, "%s.new", name);
    if (!data || rewrite(data, len, dir_fd, name, fresh) < 0) {
        sq_fail(err, SQ_EIO, "cannot rewrite %s: %s", name, strerror(errno));
        free(data);
        return SQ_EIO;
    }
    free(data);
    sq_journal_close(j);
    return sq_journal_open(j, dir_fd, name, each, arg, err);
}
