/* One table says what is served: the path, the file in the folder, its type.  A file is
 * at most a few dozen KiB; the folder is looked at once, so that a change of it while
 * the server runs mixes no versions. */
#include "core/http/ui.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/steps.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/sha256.h"

enum { FILE_BYTES = 1 << 20, ETAG_BYTES = 16 };

#define HTML "text/html; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"

/* A path that ends in / is a page with a route of its own; the others are names below
 * /ui/. */
static const struct {
    const char *path, *file, *type;
} table[] = {
    {"/ui/", "workers.html", HTML},
    {"/ui/batch/", "batches.html", HTML},
    {"/ui/task/", "tasks.html", HTML},
    {"act.js", "act.js", SCRIPT},
    {"api.js", "api.js", SCRIPT},
    {"app.css", "app.css", "text/css; charset=utf-8"},
    {"batches.js", "batches.js", SCRIPT},
    {"deploy.js", "deploy.js", SCRIPT},
    {"dom.js", "dom.js", SCRIPT},
    {"events.js", "events.js", SCRIPT},
    {"grid.js", "grid.js", SCRIPT},
    {"icon.svg", "icon.svg", "image/svg+xml"},
    {"jobs.js", "jobs.js", SCRIPT},
    {"output.js", "output.js", SCRIPT},
    {"page.js", "page.js", SCRIPT},
    {"source.js", "source.js", SCRIPT},
    {"task.js", "task.js", SCRIPT},
    {"tasks.js", "tasks.js", SCRIPT},
    {"workers.js", "workers.js", SCRIPT},
};

struct sq_ui_file {
    const char *path, *type;
    struct sq_buf data; /* NULL data: it is missing */
    char etag[2 * ETAG_BYTES + 3];
};

struct sq_ui {
    struct sq_ui_file files[SQ_LEN(table)];
};

static void make_etag(struct sq_ui_file *f)
{
    unsigned char sum[SQ_SHA256_BYTES];
    sq_sha256(f->data.data, f->data.len, sum);
    f->etag[0] = '"';
    for (int i = 0; i < ETAG_BYTES; i++)
        snprintf(f->etag + 1 + 2 * i, 4, "%02x\"", sum[i]);
}

int sq_ui_open(const char *folder, struct sq_ui **ret, struct sq_err *err)
{
    struct sq_ui *ui = calloc(1, sizeof *ui);
    struct sq_err first = {0}, why;
    if (!ui)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    for (size_t i = 0; i < SQ_LEN(table); i++) {
        struct sq_ui_file *f = &ui->files[i];
        char path[PATH_MAX];
        f->path = table[i].path;
        f->type = table[i].type;
        sq_buf_init(&f->data, FILE_BYTES);
        snprintf(path, sizeof path, "%s/%s", folder, table[i].file);
        if (sq_file_read(path, &f->data, &why) == 0 && sq_buf_ok(&f->data)) {
            make_etag(f);
            continue;
        }
        sq_buf_fini(&f->data);
        if (!*first.text)
            first = why;
    }
    if (*first.text)
        sq_log(SQ_LOG_WARNING, "http", "the web interface is not whole: %s",
               first.text);
    *ret = ui;
    return 0;
}

void sq_ui_close(struct sq_ui *ui)
{
    for (size_t i = 0; ui && i < SQ_LEN(table); i++)
        sq_buf_fini(&ui->files[i].data);
    free(ui);
}

bool sq_ui_serves(const struct sq_route *route)
{
    return strncmp(route->path, "/ui/", 4) == 0;
}

void sq_ui_headers(const struct sq_ui_file *f, struct MHD_Response *response)
{
    static const char *const headers[][2] = {
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
         "connect-src 'self'; base-uri 'none'; form-action 'none'; "
         "frame-ancestors 'none'"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cache-Control", "no-cache"}, /* kept, and asked about each time */
    };
    for (size_t i = 0; i < SQ_LEN(headers); i++)
        MHD_add_response_header(response, headers[i][0], headers[i][1]);
    MHD_add_response_header(response, "ETag", f->etag);
}

/* ---- the answer */

static const struct sq_ui_file *find(const struct sq_ui *ui, const char *path)
{
    for (size_t i = 0; i < SQ_LEN(table); i++)
        if (strcmp(ui->files[i].path, path) == 0)
            return &ui->files[i];
    return NULL;
}

int sq_ui_answer(struct sq_request *r, struct sq_err *err)
{
    const char *path = r->match.name ? r->match.name : r->match.route->path;
    const struct sq_ui_file *f = find(r->server->ui, path);
    if (!f)
        return sq_fail(err, SQ_ENOENT, "the web interface has no %.100s", path);
    if (!f->data.data)
        return sq_fail(err, SQ_ENOENT,
                       "the web interface is not installed with this server: its log "
                       "says what is missing");
    const char *known = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND,
                                                    MHD_HTTP_HEADER_IF_NONE_MATCH);
    r->ui = f;
    r->content_type = f->type;
    if (known && strstr(known, f->etag))
        r->status = 304;
    else
        sq_buf_add(&r->out, f->data.data, f->data.len);
    return 0;
}
