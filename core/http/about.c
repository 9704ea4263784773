/* What clients may know of the server: two of its settings, its health, its version. */
#include "core/http/steps.h"

#include <string.h>

#include "config.h"
#include "core/store/list.h"
#include "lib/file.h"

enum { CONF_BYTES = 1 << 20 };

static void answer_text(struct sq_request *r, const char *text, size_t len)
{
    struct sq_jw w;
    sq_jw_init(&w, &r->out);
    sq_jw_textn(&w, text, len);
    sq_buf_addc(&r->out, '\n');
}

int sq_config_rclone(struct sq_request *r, struct sq_err *err)
{
    const char *path = sq_tuning(r->server->conf.tuned)->rclone_conf;
    struct sq_buf text;
    struct sq_err why;
    sq_buf_init(&text, CONF_BYTES);
    int code = path ? sq_file_read(path, &text, &why) : SQ_ENOENT;
    if (code == 0)
        answer_text(r, text.data ? text.data : "", text.len);
    else
        code = sq_fail(err, SQ_ENOENT, "the server has no rclone.conf%s%s",
                       path ? ": " : "", path ? why.text : "");
    sq_buf_fini(&text);
    return code;
}

int sq_config_remote(struct sq_request *r, struct sq_err *err)
{
    const char *uri = sq_tuning(r->server->conf.tuned)->remote_uri;
    if (!uri)
        return sq_fail(err, SQ_ENOENT, "REMOTE_URI is not set on the server");
    answer_text(r, uri, strlen(uri));
    return 0;
}

int sq_healthz(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    struct sq_page page = {.after = SQ_NULL, .limit = 1};
    void *rows;
    size_t n;
    int code = sq_list_page(db, &sq_worker_type, &page, &r->arena, &rows, &n, err);
    if (code != 0)
        return sq_fail(err, SQ_EIO, "the database does not answer: %s", err->text);
    sq_buf_adds(&r->out, "{\"status\":\"ok\"}\n");
    return 0;
}

int sq_version(struct sq_request *r, struct sq_err *err)
{
    (void)err;
    sq_buf_adds(&r->out, "{\"version\":\"" PACKAGE_VERSION "\"}\n");
    return 0;
}
