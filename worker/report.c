/* What is to be told: cutting it into records, and writing records as JSON.
 *
 * An end is cut only when both streams are cut to their ends, so that a status never
 * precedes the log it promises.  Records say where bytes are; the bytes are read
 * when a request is written, each time it is, so that nothing is held in memory
 * meanwhile. */
#include "worker/tasks_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base64.h"
#include "lib/log.h"

enum {
    CHUNK_MAX = 256 << 10, /* bytes of output in one record */
    PUSH_MAX = 2 << 20,    /* of a push, about: base64 makes it 2.8 MB of the 16 */
    RECORD_COST = 120      /* JSON of a record beside its bytes */
};

static const char *const stream_names[] = {NULL, "stdout", "stderr"};

static int open_stream(const struct sq_execution *e, int stream)
{
    return e && e->dir ? sq_workdir_open_output(e->dir, stream, O_RDONLY) : -1;
}

static int64_t stream_size(const struct sq_execution *e, int stream)
{
    return e->dir && e->started ? sq_workdir_output_size(e->dir, stream) : 0;
}

/* Give the record a number.  False: out of memory, later again. */
static bool put(struct sq_tasks *t, struct sq_record *r, int64_t *budget)
{
    struct sq_err err;
    if (sq_spool_add(t->spool, r, &err) != 0) {
        sq_log(SQ_LOG_ERROR, "worker", "%s", err.text);
        *budget = 0;
        return false;
    }
    *budget -= RECORD_COST + r->length + (r->text ? (int64_t)strlen(r->text) : 0);
    return true;
}

static bool put_status(struct sq_tasks *t, const struct sq_execution *e,
                       enum sq_record_status status, int64_t *budget)
{
    struct sq_record r = {
        .execution_id = e->id,
        .kind = SQ_RECORD_STATUS,
        .status = status,
        .pid = status == SQ_TOLD_RUNNING ? e->pid : 0,
    };
    char *text SQ_CLEANUP(sq_freep) = NULL;
    if (sq_record_ends(status)) {
        r.return_code = e->return_code;
        r.bytes[SQ_STDOUT] = e->streams[SQ_STDOUT].cut;
        r.bytes[SQ_STDERR] = e->streams[SQ_STDERR].cut;
        r.text = e->output_files;
        if (status == SQ_TOLD_SUCCEEDED && e->output_hash[0] &&
            asprintf(&text, "%s\t%s", e->output_files ? e->output_files : "",
                     e->output_hash) > 0)
            r.text = text;
    }
    return put(t, &r, budget);
}

/* What the file has beyond what was cut.  True when all of it is cut now. */
static bool cut_stream(struct sq_tasks *t, struct sq_execution *e, int stream,
                       int64_t *budget)
{
    struct sq_stream *s = &e->streams[stream];
    int64_t size = stream_size(e, stream);
    if (size < s->cut - s->shift) /* the command truncated it: go on from there */
        s->shift = s->cut;
    while (s->cut - s->shift < size) {
        struct sq_record r = {
            .execution_id = e->id,
            .kind = SQ_RECORD_OUTPUT,
            .stream = stream,
            .offset = s->cut,
            .position = s->cut - s->shift,
            .length = size - (s->cut - s->shift),
        };
        if (r.length > CHUNK_MAX)
            r.length = CHUNK_MAX;
        if (*budget <= 0 || !put(t, &r, budget))
            return false;
        s->cut += r.length;
    }
    return true;
}

static bool cut_note(struct sq_tasks *t, struct sq_execution *e, int64_t *budget)
{
    struct sq_stream *s = &e->streams[SQ_STDERR];
    if (!e->note)
        return true;
    struct sq_record r = {
        .execution_id = e->id,
        .kind = SQ_RECORD_NOTE,
        .stream = SQ_STDERR,
        .offset = s->cut,
        .length = (int64_t)strlen(e->note) + 1,
        .text = e->note,
    };
    if (!put(t, &r, budget))
        return false;
    s->cut += r.length;
    return true;
}

/* All that one execution has to tell.  False when the budget ends first. */
static bool cut_execution(struct sq_tasks *t, struct sq_execution *e, int64_t *budget)
{
    if (*budget <= 0)
        return false;
    if (e->given_back) {
        e->end_cut = e->end_cut || put_status(t, e, SQ_TOLD_REFUSED, budget);
        return e->end_cut;
    }
    if (!e->accepted_cut) {
        if (!put_status(t, e, SQ_TOLD_ACCEPTED, budget))
            return false;
        e->accepted_cut = true;
        t->untold--;
    }
    if (e->fetched && e->state == SQ_STATE_WAITING && !e->fetched_cut) {
        if (!put_status(t, e, SQ_TOLD_DOWNLOADED, budget))
            return false;
        e->fetched_cut = true;
    }
    if (e->started && e->pid && !e->running_cut) {
        if (!put_status(t, e, SQ_TOLD_RUNNING, budget))
            return false;
        e->running_cut = true;
    }
    if (!cut_stream(t, e, SQ_STDOUT, budget) || !cut_stream(t, e, SQ_STDERR, budget))
        return false;
    if (e->state != SQ_STATE_REPORTING || e->end_cut)
        return true;
    if (!cut_note(t, e, budget))
        return false;
    e->end_cut =
        put_status(t, e, e->succeeded ? SQ_TOLD_SUCCEEDED : SQ_TOLD_FAILED, budget);
    return e->end_cut;
}

void sq_tasks_cut(struct sq_tasks *t)
{
    int64_t budget = PUSH_MAX;
    struct sq_execution *e;
    sq_tasks_put_away(t); /* the spool will say that they are acknowledged */
    while (budget > 0 && (e = TAILQ_FIRST(&t->dirty))) {
        TAILQ_REMOVE(&t->dirty, e, tell);
        e->dirty = false;
        if (e->state == SQ_STATE_KILLING || cut_execution(t, e, &budget))
            continue;
        e->dirty = true; /* the rest after the others had their turn */
        TAILQ_INSERT_TAIL(&t->dirty, e, tell);
    }
    sq_spool_commit(t->spool);
}

bool sq_tasks_dirty(const struct sq_tasks *t)
{
    return !TAILQ_EMPTY(&t->dirty);
}

/* Bytes that are no longer there (the command truncated or removed the file meanwhile)
 * are told as question marks: their number was promised. */
static void read_bytes(int fd, int64_t position, char *to, size_t len)
{
    size_t got = 0;
    ssize_t n = 1;
    while (got < len && fd >= 0 && n != 0) {
        n = pread(fd, to + got, len - got, position + (int64_t)got);
        if (n < 0 && errno != EINTR)
            break;
        got += n > 0 ? (size_t)n : 0;
    }
    memset(to + got, '?', len - got);
}

static void write_data(struct sq_jw *w, const void *data, size_t len)
{
    sq_jw_key(w, "data");
    sq_jw_raw(w, "\"", 1);
    sq_base64_encode(data, len, w->out);
    sq_buf_addc(w->out, '"');
}

struct reader { /* the stream's file that was read last: chunks follow each other */
    int64_t execution_id;
    int stream, fd;
    struct sq_buf bytes;
};

static void write_output(struct sq_tasks *t, const struct sq_record *r,
                         struct reader *reader, struct sq_jw *w)
{
    sq_jw_key(w, "stream");
    sq_jw_text(w, stream_names[r->stream]);
    sq_jw_key(w, "offset");
    sq_jw_int(w, r->offset);
    sq_buf_clear(&reader->bytes);
    if (r->kind == SQ_RECORD_NOTE) {
        sq_buf_adds(&reader->bytes, r->text ? r->text : "");
        sq_buf_addc(&reader->bytes, '\n');
    } else {
        if (reader->execution_id != r->execution_id || reader->stream != r->stream) {
            sq_closep(&reader->fd);
            reader->fd =
                open_stream(sq_idmap_get(&t->by_id, r->execution_id), r->stream);
            reader->execution_id = r->execution_id;
            reader->stream = r->stream;
        }
        char *to = sq_buf_room(&reader->bytes, (size_t)r->length);
        if (to) {
            read_bytes(reader->fd, r->position, to, (size_t)r->length);
            reader->bytes.len += (size_t)r->length;
        }
    }
    if (!sq_buf_ok(&reader->bytes))
        w->out->failed = true; /* sent later, when there is memory */
    write_data(w, reader->bytes.data, reader->bytes.len);
}

static void write_status(const struct sq_record *r, struct sq_jw *w)
{
    char pid[16];
    sq_jw_key(w, "status");
    sq_jw_text(w, sq_record_status_name(r->status));
    if (r->pid) {
        snprintf(pid, sizeof pid, "%d", r->pid);
        sq_jw_key(w, "pid");
        sq_jw_text(w, pid);
    }
    if (r->status == SQ_TOLD_DOWNLOADED) {
        sq_jw_key(w, "downloaded");
        sq_jw_bool(w, true);
    }
    if (!sq_record_ends(r->status) || r->status == SQ_TOLD_REFUSED)
        return;
    sq_jw_key(w, "return_code");
    sq_jw_int(w, r->return_code);
    size_t len = r->text ? strcspn(r->text, "\t") : 0;
    if (len) {
        sq_jw_key(w, "output_files");
        sq_jw_textn(w, r->text, len);
    }
    if (r->text && r->text[len]) {
        sq_jw_key(w, "output_hash");
        sq_jw_text(w, r->text + len + 1);
    }
    sq_jw_key(w, "stdout_bytes");
    sq_jw_int(w, r->bytes[SQ_STDOUT]);
    sq_jw_key(w, "stderr_bytes");
    sq_jw_int(w, r->bytes[SQ_STDERR]);
}

void sq_tasks_write_records(struct sq_tasks *t, struct sq_jw *w)
{
    struct reader reader = {.fd = -1};
    sq_buf_init(&reader.bytes, CHUNK_MAX + 1);
    sq_jw_open(w, '[');
    for (size_t i = 0; i < t->spool->n; i++) {
        const struct sq_record *r = &t->spool->records[i];
        sq_jw_open(w, '{');
        sq_jw_key(w, "seq");
        sq_jw_int(w, r->seq);
        sq_jw_key(w, "execution_id");
        sq_jw_int(w, r->execution_id);
        if (r->kind == SQ_RECORD_STATUS)
            write_status(r, w);
        else
            write_output(t, r, &reader, w);
        sq_jw_close(w);
    }
    sq_jw_close(w);
    sq_closep(&reader.fd);
    sq_buf_fini(&reader.bytes);
}

void sq_tasks_write_holding(const struct sq_tasks *t, struct sq_jw *w)
{
    const struct sq_execution *e;
    sq_jw_open(w, '[');
    TAILQ_FOREACH(e, &t->all, all)
    if (!e->end_cut && e->state != SQ_STATE_KILLING)
        sq_jw_int(w, e->id);
    sq_jw_close(w);
}

void sq_tasks_rewrite_spool(struct sq_tasks *t)
{
    const struct sq_execution *e;
    sq_tasks_put_away(t);
    sq_spool_rewrite_begin(t->spool);
    TAILQ_FOREACH(e, &t->all, all)
    {
        struct sq_position p = {
            .execution_id = e->id,
            .accepted = e->accepted_cut,
            .running = e->running_cut,
            .ended = e->end_cut,
        };
        memcpy(p.streams, e->streams, sizeof p.streams);
        sq_spool_put(t->spool, &p);
    }
    sq_spool_rewrite_end(t->spool);
}
