/* The page at /: the API for a person to read, made from the table that answers
 * requests.  A section an object, a row a call with what its body may hold. */
#include "core/http/steps.h"

#include <string.h>

#include "config.h"

static void add_html(struct sq_buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '<')
            sq_buf_adds(out, "&lt;");
        else if (text[i] == '&')
            sq_buf_adds(out, "&amp;");
        else
            sq_buf_addc(out, text[i]);
    }
}

/* "/tasks/<id>" is of "tasks"; what stands alone is together. */
static size_t section_of(const char *path)
{
    size_t n = strcspn(path + 1, "/");
    return path[1 + n] ? n : 0;
}

static bool same_section(const char *a, const char *b)
{
    size_t n = section_of(a);
    return n == section_of(b) && memcmp(a + 1, b + 1, n) == 0;
}

static void add_names(struct sq_buf *out, const char *members)
{
    for (const char *at = members; *at; at += strspn(at, " ")) {
        sq_buf_adds(out, at == members ? "" : ", ");
        add_html(out, at, strcspn(at, ": "));
        at += strcspn(at, " ");
    }
}

static void add_fields(struct sq_buf *out, const struct sq_type *type)
{
    const char *comma = "";
    for (int i = 0; i < type->n_fields; i++) {
        const struct sq_field *f = &type->fields[i];
        if (f->flags & (SQ_F_HIDDEN | SQ_F_READONLY))
            continue;
        sq_buf_addf(out, f->flags & SQ_F_REQUIRED ? "%s<b>%s</b>" : "%s%s", comma,
                    f->name);
        comma = ", ";
    }
}

/* What its body may hold; what must be there is bold. */
static void add_body(struct sq_buf *out, const struct sq_route *route)
{
    bool record = route->type && (route->prepare == sq_prepare_update ||
                                  (route->method == SQ_POST && !route->members &&
                                   route->prepare != sq_prepare_result));
    if (!route->members && !record)
        return;
    sq_buf_adds(out, "<br><small>");
    if (route->members)
        add_names(out, route->members);
    else
        add_fields(out, route->type);
    sq_buf_adds(out, "</small>");
}

static void add_row(struct sq_buf *out, const struct sq_route *route)
{
    sq_buf_addf(out, "<tr><td>%s</td><td>", sq_method_name(route->method));
    add_html(out, route->path, strlen(route->path));
    sq_buf_adds(out, "</td><td>");
    add_html(out, route->help, strlen(route->help));
    add_body(out, route);
    sq_buf_adds(out, "</td></tr>\n");
}

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<title>scitq</title>\n<style>"
    "body{font-family:sans-serif;margin:2em auto;max-width:60em;padding:0 1em}"
    "table{border-collapse:collapse;width:100%}tr{border-top:1px solid #ddd}"
    "td{padding:.3em .8em .3em 0;vertical-align:top}"
    "td:nth-child(-n+2){font-family:monospace;white-space:nowrap}"
    "small{color:#666}</style></head><body>\n"
    "<h1>scitq " PACKAGE_VERSION "</h1>\n"
    "<p>Every call speaks JSON; an error is {\"message\": \"…\"}. Filters of lists go "
    "into the body of the GET or into the query. The same for programs: "
    "<a href=\"/swagger.json\">swagger.json</a>. To look and to act: "
    "<a href=\"/ui/\">the web interface</a>.</p>\n";

int sq_index_page(struct sq_request *r, struct sq_err *err)
{
    const char *section = NULL;
    (void)err;
    r->content_type = "text/html; charset=utf-8";
    sq_buf_adds(&r->out, head);
    for (size_t i = 0; i < sq_n_routes; i++) {
        const char *path = sq_routes[i].path;
        if (!section || !same_section(section, path)) {
            sq_buf_adds(&r->out, section ? "</table>\n<h2>" : "<h2>");
            add_html(&r->out, path, section_of(path) + 1);
            sq_buf_adds(&r->out, "</h2>\n<table>\n");
            section = path;
        }
        add_row(&r->out, &sq_routes[i]);
    }
    sq_buf_adds(&r->out, "</table>\n</body></html>\n");
    return 0;
}
