/* The API described, for people (the page at /) and for programs (swagger.json), both
 * made from the table of routes. */
#include "core/http/steps.h"

#include <string.h>

#include "config.h"

static void add_html(struct sq_buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            sq_buf_adds(out, "&lt;");
        else if (*text == '&')
            sq_buf_adds(out, "&amp;");
        else
            sq_buf_addc(out, *text);
    }
}

int sq_index_page(struct sq_request *r, struct sq_err *err)
{
    (void)err;
    r->content_type = "text/html; charset=utf-8";
    sq_buf_adds(
        &r->out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><title>scitq</title>\n"
        "<style>body{font-family:sans-serif;margin:2em auto;max-width:60em}"
        "td{padding:.2em .8em;vertical-align:top}"
        "td:nth-child(-n+2){font-family:monospace}</style></head><body>\n"
        "<h1>scitq " PACKAGE_VERSION "</h1>\n"
        "<p>Every call speaks JSON; an error is {\"message\": \"…\"}. "
        "The same for programs: <a href=\"/swagger.json\">swagger.json</a>.</p>\n"
        "<table>\n");
    for (size_t i = 0; i < sq_n_routes; i++) {
        sq_buf_addf(&r->out, "<tr><td>%s</td><td>",
                    sq_method_name(sq_routes[i].method));
        add_html(&r->out, sq_routes[i].path);
        sq_buf_adds(&r->out, "</td><td>");
        add_html(&r->out, sq_routes[i].help);
        sq_buf_adds(&r->out, "</td></tr>\n");
    }
    sq_buf_adds(&r->out, "</table></body></html>\n");
    return 0;
}

/* "/tasks/<id>/freeze/<id>" as "/tasks/{id}/freeze/{id2}". */
static void add_path(struct sq_buf *out, const char *path)
{
    int ids = 0;
    for (; *path; path++) {
        if (*path == '<')
            sq_buf_addc(out, '{');
        else if (*path == '>' && path[-1] == 'd' && ++ids > 1)
            sq_buf_adds(out, "2}");
        else
            sq_buf_addc(out, *path == '>' ? '}' : *path);
    }
}

static void add_parameters(struct sq_jw *w, const char *path)
{
    int ids = 0;
    sq_jw_key(w, "parameters");
    sq_jw_open(w, '[');
    for (const char *at = strchr(path, '<'); at; at = strchr(at + 1, '<')) {
        bool id = strncmp(at, "<id>", 4) == 0;
        char name[32] = "";
        memcpy(name, at + 1, strcspn(at + 1, ">"));
        if (id && ++ids > 1)
            strcat(name, "2");
        sq_jw_open(w, '{');
        sq_jw_key(w, "name");
        sq_jw_text(w, name);
        sq_jw_key(w, "in");
        sq_jw_text(w, "path");
        sq_jw_key(w, "required");
        sq_jw_bool(w, 1);
        sq_jw_key(w, "type");
        sq_jw_text(w, id ? "integer" : "string");
        sq_jw_close(w);
    }
    sq_jw_close(w);
}

static void add_operation(struct sq_jw *w, const struct sq_route *route)
{
    static const char *const lower[SQ_METHODS] = {"get", "post", "put", "delete"};
    char status[8];
    snprintf(status, sizeof status, "%d", route->status ? route->status : 200);
    sq_jw_key(w, lower[route->method]);
    sq_jw_open(w, '{');
    sq_jw_key(w, "summary");
    sq_jw_text(w, route->help);
    add_parameters(w, route->path);
    sq_jw_key(w, "responses");
    sq_jw_open(w, '{');
    sq_jw_key(w, status);
    sq_jw_open(w, '{');
    sq_jw_key(w, "description");
    sq_jw_text(w, "done");
    sq_jw_close(w);
    sq_jw_close(w);
    sq_jw_close(w);
}

static bool is_first_of_path(size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (strcmp(sq_routes[j].path, sq_routes[i].path) == 0)
            return false;
    return true;
}

int sq_swagger(struct sq_request *r, struct sq_err *err)
{
    struct sq_jw w;
    struct sq_buf path;
    (void)err;
    sq_buf_init(&path, 1024);
    sq_jw_init(&w, &r->out);
    sq_jw_open(&w, '{');
    sq_jw_key(&w, "swagger");
    sq_jw_text(&w, "2.0");
    sq_jw_key(&w, "info");
    sq_jw_open(&w, '{');
    sq_jw_key(&w, "title");
    sq_jw_text(&w, "scitq");
    sq_jw_key(&w, "version");
    sq_jw_text(&w, PACKAGE_VERSION);
    sq_jw_close(&w);
    sq_jw_key(&w, "paths");
    sq_jw_open(&w, '{');
    for (size_t i = 0; i < sq_n_routes; i++) {
        if (!is_first_of_path(i))
            continue;
        sq_buf_clear(&path);
        add_path(&path, sq_routes[i].path);
        sq_jw_key(&w, path.data);
        sq_jw_open(&w, '{');
        for (size_t j = i; j < sq_n_routes; j++)
            if (strcmp(sq_routes[j].path, sq_routes[i].path) == 0)
                add_operation(&w, &sq_routes[j]);
        sq_jw_close(&w);
    }
    sq_jw_close(&w);
    sq_jw_close(&w);
    sq_buf_addc(&r->out, '\n');
    sq_buf_fini(&path);
    return 0;
}
