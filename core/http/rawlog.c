/* A log on its way to a client: read from the store a chunk at a time, each on a pooled
 * connection given back at once.
 *
 * Following is the same with no end: when everything stored was sent, the request waits
 * for its execution to change.  The status is read before the bytes, so that an
 * execution seen as ended has all of its bytes stored. */
#include "core/http/rawlog.h"

#include <stdlib.h>
#include <string.h>

#include "core/http/access.h"
#include "core/http/range.h"
#include "core/http/steps.h"
#include "core/store/list.h"
#include "core/store/log.h"
#include "lib/log.h"

enum { READ_BYTES = SQ_LOG_CHUNK_MAX, PULL_BYTES = 64 << 10, ROW_BYTES = 8 << 20 };

struct sq_raw_log {
    struct sq_request *request;
    int stream;
    int64_t start, at, end; /* bytes; end is INT64_MAX when following */
    bool follow, ended;
    struct sq_buf piece;
    size_t sent; /* of piece */
};

/* Its status; SQ_ENOENT "Execution 3 doesn't exist". */
static int execution_status(struct sq_db *db, int64_t id, int *ret, struct sq_err *err)
{
    struct sq_arena arena;
    struct sq_execution e;
    sq_arena_init(&arena, ROW_BYTES);
    int code = sq_get(db, &sq_execution_type, id, &arena, &e, err);
    if (code == 0)
        *ret = e.status;
    sq_arena_fini(&arena);
    return code;
}

static int set_range(struct sq_raw_log *l, int64_t size, struct sq_err *err)
{
    struct sq_request *r = l->request;
    const char *header =
        MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Range");
    /* Who follows may start at, or after, what there is. */
    int64_t known = l->follow ? INT64_MAX : size;
    switch (sq_range_parse(header, known, &l->at, &l->end)) {
    case SQ_RANGE_WHOLE: break;
    case SQ_RANGE_UNSATISFIABLE:
        r->refused = 416;
        r->content_range = sq_arena_printf(&r->arena, "bytes */%lld", (long long)size);
        return sq_fail(err, SQ_EINVAL, "the log has %lld bytes", (long long)size);
    case SQ_RANGE_PART:
        r->status = 206;
        r->content_range = sq_arena_printf(
            &r->arena, l->follow ? "bytes %lld-%lld/*" : "bytes %lld-%lld/%lld",
            (long long)l->at, (long long)l->end - 1, (long long)size);
        break;
    }
    l->start = l->at;
    return 0;
}

int sq_raw_log_open(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    const char *name = r->match.name, *follow = sq_request_query(r, "follow", 0);
    bool is_out = strcmp(name, "stdout") == 0;
    int64_t id = r->match.ids[0], size;
    int status;
    if (!is_out && strcmp(name, "stderr") != 0)
        return sq_fail(err, SQ_ENOENT,
                       "an execution has no log %.50s, only stdout and "
                       "stderr",
                       name);
    int code = execution_status(db, id, &status, err);
    if (code == 0)
        code = sq_log_size(db, id, is_out ? SQ_STDOUT : SQ_STDERR, &size, err);
    if (code != 0)
        return code;
    struct sq_raw_log *l = calloc(1, sizeof *l);
    if (!l)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    l->request = r;
    l->stream = is_out ? SQ_STDOUT : SQ_STDERR;
    l->follow = follow && strcmp(follow, "0") != 0 && strcmp(follow, "false") != 0;
    sq_buf_init(&l->piece, 2 * READ_BYTES);
    r->raw = l; /* freed with the request, also after an error */
    r->content_type = "application/octet-stream";
    return set_range(l, size, err);
}

void sq_raw_log_free(struct sq_raw_log *l)
{
    if (!l)
        return;
    sq_buf_fini(&l->piece);
    free(l);
}

/* The next bytes into l->piece; none at the end of what is stored. */
static int fetch(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    struct sq_raw_log *l = r->raw;
    int64_t id = r->match.ids[0], left = l->end - l->at;
    int status = SQ_EXEC_RUNNING;
    int code = l->follow ? execution_status(db, id, &status, err) : 0;
    if (code != 0)
        return code;
    l->ended = !sq_execution_live(status);
    sq_buf_clear(&l->piece);
    l->sent = 0;
    code = sq_log_read(db, id, l->stream, l->at,
                       left < READ_BYTES ? (size_t)left : READ_BYTES, &l->piece, err);
    if (code == 0 && !sq_buf_ok(&l->piece))
        code = sq_fail(err, SQ_ENOMEM, "out of memory");
    l->at += (int64_t)l->piece.len;
    return code;
}

/* Fetch, waiting for more where that makes sense: 1 there is a piece, 0 held, -1 the
 * end, -2 an error. */
static int next_piece(struct sq_raw_log *l)
{
    struct sq_request *r = l->request;
    struct sq_watch *watch = r->server->watch;
    struct sq_err err = {0};
    for (;;) {
        if (l->at >= l->end || (l->follow && sq_client_gone(r->client)))
            return -1;
        if (l->follow && !sq_access_holds(r)) /* not as if that were all */
            return -2;
        if (l->follow) {
            r->waiter.kind = SQ_WAIT_EXECUTION;
            r->waiter.id = r->match.ids[0];
            r->waiter.deadline = SQ_NULL;
            sq_waiter_enlist(watch, &r->waiter);
        }
        int code = sq_request_read(r, fetch, &err);
        bool wait = code == 0 && l->follow && !l->piece.len && !l->ended;
        int held = wait ? sq_waiter_hold(watch, &r->waiter) : -1;
        if (held == 1)
            return 0;
        if (held == 0)
            continue;
        sq_waiter_leave(watch, &r->waiter);
        if (code != 0 && !(l->follow && code == SQ_ENOENT)) {
            sq_log(SQ_LOG_ERROR, "http", "log of execution %lld: cut short: %s",
                   (long long)r->match.ids[0], err.text);
            return -2;
        }
        return code == 0 && l->piece.len ? 1 : -1;
    }
}

static ssize_t read_raw(void *log, uint64_t pos, char *buf, size_t max)
{
    struct sq_raw_log *l = log;
    (void)pos;
    if (l->sent == l->piece.len) {
        switch (next_piece(l)) {
        case 0: return 0;
        case -1:
            return l->follow ? MHD_CONTENT_READER_END_OF_STREAM
                             : MHD_CONTENT_READER_END_WITH_ERROR;
        case -2: return MHD_CONTENT_READER_END_WITH_ERROR;
        default: break;
        }
    }
    return (ssize_t)sq_buf_copy(&l->piece, &l->sent, buf, max);
}

struct MHD_Response *sq_raw_log_response(struct sq_request *r)
{
    struct sq_raw_log *l = r->raw;
    uint64_t size = l->follow ? MHD_SIZE_UNKNOWN : (uint64_t)(l->end - l->start);
    struct MHD_Response *res =
        MHD_create_response_from_callback(size, PULL_BYTES, read_raw, l, NULL);
    if (res)
        MHD_add_response_header(res, "Accept-Ranges", "bytes");
    return res;
}
