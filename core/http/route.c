/* Finding the route of a path: the path is cut at its slashes and each segment decoded
 * once; then the table, a few dozen rows, is searched from its start.  Decoding after
 * cutting is what lets a name hold %2F, and nothing be hidden behind %00. */
#include "core/http/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/utf8.h"

enum { SEGMENTS = 8, PATH_MAX_BYTES = 4096 };

static const char *const method_names[SQ_METHODS] = {"GET", "POST", "PUT", "DELETE"};

struct path {
    char *segments[SEGMENTS];
    int n;
    bool slash; /* ends in / */
};

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *sq_percent_decode(const char *text, size_t len, struct sq_arena *arena)
{
    char *out = sq_arena_alloc(arena, len + 1);
    if (!out)
        return NULL;
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '%') {
            out[n++] = text[i];
            continue;
        }
        if (len - i < 3 || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)
            return NULL;
        out[n++] = (char)(hex(text[i + 1]) << 4 | hex(text[i + 2]));
        i += 2;
    }
    return sq_utf8_valid(out, n) ? out : NULL;
}

/* Cut and decode.  0; -1 malformed; 1 more segments than any route has. */
static int cut(const char *path, struct sq_arena *arena, struct path *ret)
{
    *ret = (struct path){0};
    if (path[0] != '/' || strlen(path) > PATH_MAX_BYTES)
        return -1;
    for (const char *at = path + 1; *at;) {
        size_t len = strcspn(at, "/");
        if (ret->n == SEGMENTS)
            return 1;
        char *segment = sq_percent_decode(at, len, arena);
        if (!segment)
            return -1;
        ret->segments[ret->n++] = segment;
        at += len;
        ret->slash = *at == '/';
        at += ret->slash;
    }
    if (ret->n == 0)
        ret->slash = true;
    return 0;
}

/* Digits only; INT64_MAX for more than it. */
static bool parse_id(const char *text, int64_t *ret)
{
    size_t len = strlen(text);
    if (len == 0 || strspn(text, "0123456789") != len)
        return false;
    *ret = strtoll(text, NULL, 10);
    return true;
}

static bool match_segment(const char *pattern, size_t len, char *segment,
                          struct sq_match *m)
{
    if (pattern[0] != '<')
        return strlen(segment) == len && memcmp(pattern, segment, len) == 0;
    if (strncmp(pattern, "<id>", len) != 0) {
        m->name = segment;
        return segment[0] != 0;
    }
    int64_t *id = &m->ids[m->n_ids++];
    if (!parse_id(segment, id))
        return false;
    if (*id == INT64_MAX)
        m->huge = segment;
    return true;
}

/* True when the segments are the pattern's; *ret_slash is the pattern's last. */
static bool match_path(const char *pattern, const struct path *path, struct sq_match *m,
                       bool *ret_slash)
{
    int i = 0;
    m->n_ids = 0;
    m->name = NULL;
    m->huge = NULL;
    *ret_slash = true;
    for (const char *at = pattern + 1; *at; i++) {
        size_t len = strcspn(at, "/");
        if (i == path->n || !match_segment(at, len, path->segments[i], m))
            return false;
        at += len;
        *ret_slash = *at == '/';
        at += *ret_slash;
    }
    return i == path->n;
}

enum sq_match_kind sq_route_match(const struct sq_route *routes, size_t n,
                                  enum sq_method method, const char *path,
                                  struct sq_arena *arena, struct sq_match *ret)
{
    struct path cut_path;
    struct sq_match m = {0};
    int defect = cut(path, arena, &cut_path);
    if (defect != 0)
        return defect < 0 ? SQ_MATCH_BAD : SQ_MATCH_NONE;
    for (size_t i = 0; i < n; i++) {
        bool slash;
        if (!match_path(routes[i].path, &cut_path, &m, &slash))
            continue;
        if (slash && !cut_path.slash) {
            ret->location = sq_arena_printf(arena, "%s/", path);
            return ret->location ? SQ_MATCH_REDIRECT : SQ_MATCH_BAD;
        }
        if (slash != cut_path.slash)
            continue;
        if (routes[i].method == method) {
            *ret = m;
            ret->route = &routes[i];
            return SQ_MATCH_ROUTE;
        }
        ret->methods |= 1u << routes[i].method;
    }
    return ret->methods ? SQ_MATCH_METHOD : SQ_MATCH_NONE;
}

enum sq_method sq_method_parse(const char *word)
{
    if (strcmp(word, "HEAD") == 0)
        return SQ_GET;
    int m = 0;
    while (m < SQ_METHODS && strcmp(word, method_names[m]) != 0)
        m++;
    return (enum sq_method)m;
}

const char *sq_method_name(enum sq_method method)
{
    return method_names[method];
}

const char *sq_methods_text(unsigned methods, struct sq_arena *arena)
{
    char text[64] = "";
    for (int m = 0; m < SQ_METHODS; m++)
        if (methods & (1u << m)) {
            size_t len = strlen(text);
            snprintf(text + len, sizeof text - len, "%s%s%s", len ? ", " : "",
                     method_names[m], m == SQ_GET ? ", HEAD" : "");
        }
    return sq_arena_strdup(arena, text);
}
