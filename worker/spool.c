/* The spool's life: open, cut, write, acknowledge, rewrite.  Its text is read and
 * written by spool_text.c. */
#include "worker/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/log.h"
#include "worker/spool_text.h"

/* A rewritten spool: SQ_SPOOL_REWRITE plus one push (2 MiB of output in chunks, or a
 * megabyte of file names); anything longer is not ours. */
enum { FILE_MAX = 64 << 20, LINES_MAX = 16 << 20 };
/* Numbers skipped where some may have been used that we do not know of: a delayed
 * request of an earlier life is then dropped by the server instead of ours. */
enum { SEQ_SKIP = 1 << 20 };

const char *sq_record_status_name(enum sq_record_status status)
{
    static const char *const names[] = {"accepted", "running",  "succeeded",
                                        "failed",   "accepted", "refused"};
    return names[status];
}

static int new_id(char id[SQ_SPOOL_ID + 1], struct sq_err *err)
{
    unsigned char bytes[SQ_SPOOL_ID / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return sq_fail(err, SQ_EIO, "cannot get random bytes: %s", strerror(errno));
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

/* Keep a copy of `r`, its text included. */
static int keep(struct sq_spool *s, const struct sq_record *r, struct sq_err *err)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 16;
        void *grown = reallocarray(s->records, cap, sizeof *s->records);
        if (!grown)
            return sq_fail(err, SQ_ENOMEM, "no memory for the records to send");
        s->records = grown;
        s->cap = cap;
    }
    char *text = r->text ? strdup(r->text) : NULL;
    if (r->text && !text)
        return sq_fail(err, SQ_ENOMEM, "no memory for the records to send");
    s->records[s->n] = *r;
    s->records[s->n++].text = text;
    return 0;
}

static void drop_first(struct sq_spool *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free((char *)s->records[i].text);
    s->n -= n;
    if (s->n)
        memmove(s->records, s->records + n, s->n * sizeof *s->records);
    if (!s->n && s->cap > 1024) { /* a burst's memory is given back */
        free(s->records);
        s->records = NULL;
        s->cap = 0;
    }
}

static void drop_acknowledged(struct sq_spool *s)
{
    size_t n = 0;
    while (n < s->n && s->records[n].seq <= s->acked)
        n++;
    if (n)
        drop_first(s, n);
}

/* The position of an execution while the file is read, made on first mention. */
static struct sq_position *position_of(struct sq_spool *s, int64_t id)
{
    struct sq_position *p = sq_idmap_get(&s->positions, id);
    if (p || id <= 0)
        return p;
    p = calloc(1, sizeof *p);
    if (!p || !sq_idmap_put(&s->positions, id, p)) {
        free(p);
        return NULL;
    }
    p->execution_id = id;
    return p;
}

static void advance(struct sq_position *p, const struct sq_record *r)
{
    if (r->kind == SQ_RECORD_STATUS) {
        p->accepted = true;
        p->running |= r->status == SQ_TOLD_RUNNING;
        p->ended |= sq_record_ends(r->status);
        return;
    }
    p->streams[r->stream].cut = r->offset + r->length;
    if (r->kind == SQ_RECORD_OUTPUT)
        p->streams[r->stream].shift = r->offset - r->position;
}

static int apply_line(struct sq_spool *s, const struct sq_spool_line *line,
                      struct sq_err *err)
{
    struct sq_position *p;
    switch (line->kind) {
    case SQ_LINE_HEADER:
        memcpy(s->id, line->id, sizeof s->id);
        s->next_seq = line->seq;
        return 0;
    case SQ_LINE_DATABASE:
        memcpy(s->database, line->database, sizeof s->database);
        return 0;
    case SQ_LINE_ACKED: s->acked = line->seq; return 0;
    case SQ_LINE_POSITION:
        p = position_of(s, line->position.execution_id);
        if (!p)
            return sq_fail(err, SQ_ENOMEM, "no memory for the spool %s", s->path);
        *p = line->position;
        return 0;
    case SQ_LINE_RECORD: break;
    }
    p = position_of(s, line->record.execution_id);
    if (!p)
        return sq_fail(err, SQ_ENOMEM, "no memory for the spool %s", s->path);
    advance(p, &line->record);
    s->next_seq = line->record.seq + 1;
    return keep(s, &line->record, err);
}

/* Read whole lines; stop at the first that is damaged. */
static int read_lines(struct sq_spool *s, char *text, size_t len, struct sq_err *err)
{
    char *at = text, *end = text + len;
    while (at < end) {
        struct sq_spool_line line;
        char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline || !sq_spool_line_parse(at, (size_t)(newline - at), &line))
            break;
        if ((line.kind == SQ_LINE_HEADER) != (at == text))
            break;
        int rc = apply_line(s, &line, err);
        if (rc)
            return rc;
        at = newline + 1;
    }
    s->size_bytes = at - text;
    s->torn = at < end;
    return 0;
}

static int load(struct sq_spool *s, struct sq_err *err)
{
    struct sq_buf text SQ_CLEANUP(sq_buf_fini);
    sq_buf_init(&text, FILE_MAX);
    int rc = sq_file_read(s->path, &text, err);
    if (rc && rc != SQ_ETOOBIG)
        return rc;
    if (!rc && text.len)
        rc = read_lines(s, text.data, text.len, err);
    if (rc == SQ_ENOMEM)
        return rc;
    drop_acknowledged(s);
    if (s->acked >= s->next_seq)
        s->next_seq = s->acked + 1;
    return 0;
}

/* Not a spool: out of the way, but not destroyed. */
static int put_aside(struct sq_spool *s, struct sq_err *err)
{
    char *bad SQ_CLEANUP(sq_freep) = NULL;
    struct stat st;
    if (stat(s->path, &st) != 0 || st.st_size == 0)
        return 0;
    if (asprintf(&bad, "%s.bad", s->path) < 0)
        return sq_fail(err, SQ_ENOMEM, "no memory for the spool");
    if (rename(s->path, bad) != 0)
        return sq_fail(err, SQ_EIO, "cannot rename the damaged spool %s: %s", s->path,
                       strerror(errno));
    sq_log(SQ_LOG_WARNING, "worker",
           "%s is damaged from its first line: kept as %s, a new spool is begun",
           s->path, bad);
    return 0;
}

static int begin_anew(struct sq_spool *s, struct sq_err *err)
{
    int rc = put_aside(s, err);
    if (!rc)
        rc = new_id(s->id, err);
    if (rc)
        return rc;
    s->next_seq = 1;
    s->size_bytes = 0;
    s->torn = false;
    sq_spool_line_header(&s->lines, s->id, s->next_seq);
    return 0;
}

int sq_spool_open(struct sq_spool *s, const char *path, struct sq_err *err)
{
    memset(s, 0, sizeof *s);
    s->fd = -1;
    s->synced = true;
    sq_buf_init(&s->lines, LINES_MAX);
    s->path = strdup(path);
    if (!s->path)
        return sq_fail(err, SQ_ENOMEM, "no memory for the spool");
    int rc = load(s, err);
    if (rc && rc != SQ_ENOENT)
        return rc;
    if (!s->id[0])
        rc = begin_anew(s, err);
    else
        rc = 0;
    if (rc)
        return rc;
    s->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (s->fd < 0 || ftruncate(s->fd, s->size_bytes) != 0 ||
        lseek(s->fd, s->size_bytes, SEEK_SET) < 0)
        return sq_fail(err, SQ_EIO, "cannot open the spool %s: %s", path,
                       strerror(errno));
    if (s->torn) {
        s->next_seq += SEQ_SKIP;
        sq_log(SQ_LOG_WARNING, "worker", "the end of %s was torn: left out", path);
    }
    sq_spool_commit(s);
    return 0;
}

void sq_spool_forget_positions(struct sq_spool *s)
{
    for (size_t i = 0; i < s->positions.cap; i++)
        free(s->positions.slots[i].value);
    sq_idmap_fini(&s->positions);
}

void sq_spool_close(struct sq_spool *s)
{
    sq_spool_forget_positions(s);
    drop_first(s, s->n);
    free(s->records);
    free(s->path);
    sq_buf_fini(&s->lines);
    sq_closep(&s->fd);
}

const struct sq_position *sq_spool_position(const struct sq_spool *s, int64_t id)
{
    return sq_idmap_get(&s->positions, id);
}

int sq_spool_add(struct sq_spool *s, struct sq_record *r, struct sq_err *err)
{
    r->seq = s->next_seq;
    int rc = keep(s, r, err);
    if (rc)
        return rc;
    s->next_seq++;
    sq_spool_line_record(&s->lines, r);
    return 0;
}

void sq_spool_commit(struct sq_spool *s)
{
    struct sq_err err;
    if (!s->lines.len)
        return;
    int rc = sq_buf_ok(&s->lines)
                 ? sq_write_all(s->fd, s->lines.data, s->lines.len, &err)
                 : sq_fail(&err, SQ_ENOMEM, "out of memory");
    if (rc == 0) {
        s->size_bytes += (int64_t)s->lines.len;
        s->synced = s->failing = false;
    } else {
        if (!s->failing)
            sq_log(SQ_LOG_ERROR, "worker", "the spool %s: %s", s->path, err.text);
        s->failing = true;
        /* Half a line would hide all later ones. */
        if (ftruncate(s->fd, s->size_bytes) != 0 ||
            lseek(s->fd, s->size_bytes, SEEK_SET) < 0)
            sq_log(SQ_LOG_ERROR, "worker", "cannot cut %s: %s", s->path,
                   strerror(errno));
    }
    sq_buf_clear(&s->lines);
}

void sq_spool_sync(struct sq_spool *s)
{
    if (!s->synced && fdatasync(s->fd) != 0)
        sq_log(SQ_LOG_ERROR, "worker", "cannot sync %s: %s", s->path, strerror(errno));
    s->synced = true;
}

void sq_spool_acknowledge(struct sq_spool *s, int64_t acked)
{
    if (acked <= s->acked)
        return;
    s->acked = acked;
    drop_acknowledged(s);
    if (acked >= s->next_seq)
        s->next_seq = acked + SEQ_SKIP;
    sq_spool_line_acked(&s->lines, acked); /* written with the next records */
}

void sq_spool_drop(struct sq_spool *s)
{
    s->next_seq += SEQ_SKIP;
    sq_spool_acknowledge(s, s->next_seq - 1);
}

void sq_spool_set_database(struct sq_spool *s, const char *id)
{
    if (strlen(id) > SQ_DATABASE_ID || strcmp(id, s->database) == 0)
        return;
    snprintf(s->database, sizeof s->database, "%s", id);
    sq_spool_line_database(&s->lines, id);
    sq_spool_commit(s);
}

int sq_spool_renew(struct sq_spool *s, struct sq_err *err)
{
    sq_spool_drop(s);
    int rc = new_id(s->id, err);
    if (rc)
        return rc;
    sq_spool_rewrite_begin(s);
    sq_spool_rewrite_end(s);
    return 0;
}

bool sq_spool_wants_rewrite(const struct sq_spool *s)
{
    return !s->n && s->size_bytes > SQ_SPOOL_REWRITE;
}

void sq_spool_rewrite_begin(struct sq_spool *s)
{
    sq_buf_clear(&s->lines);
    sq_spool_line_header(&s->lines, s->id, s->next_seq);
    if (*s->database)
        sq_spool_line_database(&s->lines, s->database);
    sq_spool_line_acked(&s->lines, s->acked);
}

void sq_spool_put(struct sq_spool *s, const struct sq_position *p)
{
    sq_spool_line_position(&s->lines, p);
}

/* No fsync: until the rename is on disk the old file serves as well, and what follows
 * in it is only positions that the server knows too. */
static int replace(struct sq_spool *s, struct sq_err *err)
{
    char *tmp SQ_CLEANUP(sq_freep) = NULL;
    if (!sq_buf_ok(&s->lines) || asprintf(&tmp, "%s.new", s->path) < 0)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return sq_fail(err, SQ_EIO, "cannot make %s: %s", tmp, strerror(errno));
    int rc = sq_write_all(fd, s->lines.data, s->lines.len, err);
    if (!rc && rename(tmp, s->path) != 0)
        rc = sq_fail(err, SQ_EIO, "cannot rename %s: %s", tmp, strerror(errno));
    if (rc) {
        close(fd);
        unlink(tmp);
        return rc;
    }
    close(s->fd);
    s->fd = fd;
    return 0;
}

void sq_spool_rewrite_end(struct sq_spool *s)
{
    struct sq_err err;
    if (replace(s, &err) == 0)
        s->size_bytes = (int64_t)s->lines.len;
    else
        sq_log(SQ_LOG_WARNING, "worker", "the spool %s is not rewritten: %s", s->path,
               err.text);
    s->synced = false;
    sq_buf_clear(&s->lines);
}
