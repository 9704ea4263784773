/* Answers on their way out: from what a request holds to libmicrohttpd's response.
 *
 * A short answer is sent from the request's own buffer, without a copy; a long one is
 * pulled through sq_stream_read.  Errors are {"message": …}; ours are logged here,
 * once, those of clients only at level debug. */
#include "core/http/request.h"

#include <string.h>

#include "core/http/events.h"
#include "core/http/rawlog.h"
#include "core/http/stream.h"
#include "lib/log.h"

enum { PULL_BYTES = 32 << 10 };

static bool is_ours(int code)
{
    return sq_code_http(code) >= 500 && code != SQ_ESTATE;
}

void sq_answer_error(struct sq_request *r, int code)
{
    struct sq_jw w;
    if (r->refused)
        r->status = r->refused;
    else
        r->status = sq_code_http(code);
    sq_log(!r->refused && is_ours(code) ? SQ_LOG_ERROR : SQ_LOG_DEBUG, "http",
           "%s: answered %d: %s",
           r->match.route ? r->match.route->path : "unknown path", r->status,
           r->err.text);
    r->content_type = NULL;
    sq_raw_log_free(r->raw);
    r->raw = NULL;
    sq_events_free(r->events);
    r->events = NULL;
    sq_buf_clear(&r->out);
    sq_jw_init(&w, &r->out);
    sq_jw_open(&w, '{');
    sq_jw_key(&w, "message");
    sq_jw_text(&w, r->err.text);
    sq_jw_close(&w);
    sq_buf_addc(&r->out, '\n');
}

static struct MHD_Response *response(struct sq_request *r)
{
    static char none[] = "";
    if (r->raw)
        return sq_raw_log_response(r);
    if (r->events)
        return sq_events_response(r);
    if (r->stream)
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PULL_BYTES,
                                                 sq_stream_read, r, NULL);
    return MHD_create_response_from_buffer(r->out.len, r->out.data ? r->out.data : none,
                                           MHD_RESPMEM_PERSISTENT);
}

static void add_headers(struct sq_request *r, struct MHD_Response *res)
{
    const char *type = r->content_type ? r->content_type : "application/json";
    MHD_add_response_header(res, "Content-Type", type);
    MHD_add_response_header(res, "X-Content-Type-Options", "nosniff");
    if (r->ui)
        sq_ui_headers(r->ui, res);
    if (r->status == 308)
        MHD_add_response_header(res, "Location", r->match.location);
    if (r->status == 405) {
        const char *allow = sq_methods_text(r->match.methods, &r->arena);
        MHD_add_response_header(res, "Allow", allow ? allow : "");
    }
    if (r->status == 401)
        MHD_add_response_header(res, "WWW-Authenticate", "Bearer realm=\"scitq\"");
    if (r->content_range)
        MHD_add_response_header(res, "Content-Range", r->content_range);
    if (r->status == 503)
        MHD_add_response_header(res, "Retry-After", "1");
    if (r->too_big || atomic_load(&r->server->stopping))
        MHD_add_response_header(res, "Connection", "close");
}

enum MHD_Result sq_answer_send(struct sq_request *r)
{
    if (!r->stream && !r->raw && !r->events && !sq_buf_ok(&r->out)) {
        sq_fail(&r->err, SQ_ENOMEM, "no memory for the answer");
        sq_answer_error(r, SQ_ENOMEM);
    }
    struct MHD_Response *res = response(r);
    if (!res)
        return MHD_NO;
    add_headers(r, res);
    /* In answer to a HEAD libmicrohttpd 0.9.75 sends the end of a body that a GET would
     * be sent in chunks, where the next answer is to begin; HTTP/1.0 has no chunks. */
    if (r->head && (r->stream || r->raw || r->events))
        MHD_set_response_options(res, MHD_RF_HTTP_VERSION_1_0_ONLY, MHD_RO_END);
    r->stage = SQ_SENDING;
    enum MHD_Result sent = MHD_queue_response(r->connection, (unsigned)r->status, res);
    MHD_destroy_response(res);
    return sent;
}
