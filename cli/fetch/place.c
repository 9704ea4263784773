/* URIs into places, and names in and out of their escaped form. */
#include "cli/fetch/place.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/fetch/inside.h"
#include "cli/options.h"

static const struct {
    char plain;
    const char *escaped; /* after the % */
} escapes[] = {{' ', "20"}, {'%', "25"}, {'|', "7C"}, {'\n', "0A"}, {'\t', "09"}};

/* In place. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++, to++) {
        *to = *p;
        for (size_t i = 0; *p == '%' && i < SQ_LEN(escapes); i++)
            if (strncasecmp(p + 1, escapes[i].escaped, 2) == 0) {
                *to = escapes[i].plain;
                p += 2;
                break;
            }
    }
    *to = 0;
}

/* Every %XX, as in a URL. */
static void unescape_url(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++, to++) {
        char hex[3] = {p[0] == '%' ? p[1] : 0, p[0] == '%' && p[1] ? p[2] : 0, 0};
        char *end;
        long v = strtol(hex, &end, 16);
        bool coded = hex[0] && hex[1] && !*end && v > 0;
        *to = coded ? (char)v : *p;
        p += coded ? 2 : 0;
    }
    *to = 0;
}

/* A path of this machine from the root on; "." and ".." at its end are folders. */
static const char *absolute(struct sq_arena *arena, const char *path)
{
    const char *last = strrchr(path, '/');
    last = last ? last + 1 : path;
    const char *slash = strcmp(last, ".") == 0 || strcmp(last, "..") == 0 ? "/" : "";
    char here[PATH_MAX];
    if (*path == '/')
        return *slash ? sq_arena_printf(arena, "%s/", path) : path;
    if (!getcwd(here, sizeof here))
        return NULL;
    return sq_arena_printf(arena, "%s/%s%s", here, path, slash);
}

int sq_place_parse(const char *text, struct sq_arena *arena, struct sq_place *ret,
                   struct sq_err *err)
{
    char *shown = sq_arena_strdup(arena, text);
    struct sq_place p = {.text = shown};
    int rc = sq_uri_parse(text, arena, &p.uri, err);
    if (rc)
        return rc;
    if (shown)
        sq_uri_hide(shown);
    p.url = sq_word_among("http https ftp", p.uri.proto);
    p.local = strcmp(p.uri.proto, "file") == 0;
    if (!p.url)
        unescape(p.uri.path);
    p.path = p.local ? absolute(arena, p.uri.path) : p.uri.path;
    if (!p.text || !p.path)
        return sq_fail(err, SQ_ENOMEM, "cannot tell where %.200s is: %s", text,
                       strerror(errno));
    bool run = strncmp(p.uri.proto, "run+", strlen("run+")) == 0;
    p.folder = p.path[strlen(p.path) - 1] == '/' ||
               (run && !strchr(p.path, '/')); /* all of it */
    *ret = p;
    return 0;
}

struct sq_location sq_place_at(const struct sq_place *p, const char *path)
{
    return (struct sq_location){.proto = p->uri.proto,
                                .options = (const char *const *)p->uri.options,
                                .n_options = p->uri.n_options,
                                .path = path ? path : p->path};
}

/* A name as a step of a URL (RFC 3986: unreserved, and what a path may hold). */
static void escape_url(const char *name, struct sq_buf *out)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789-._~/!$&'()*+,;=:@";
    for (; *name; name++)
        if (strchr(plain, *name))
            sq_buf_addc(out, *name);
        else
            sq_buf_addf(out, "%%%02X", (unsigned char)*name);
}

static void escape(const char *name, struct sq_buf *out)
{
    for (; *name; name++) {
        size_t i = 0;
        while (i < SQ_LEN(escapes) && escapes[i].plain != *name)
            i++;
        if (i < SQ_LEN(escapes))
            sq_buf_addf(out, "%%%s", escapes[i].escaped);
        else
            sq_buf_addc(out, *name);
    }
}

enum { NAME_BYTES = 64 * 1024 };

char *sq_place_below(const struct sq_place *p, const char *name, struct sq_arena *arena)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    sq_buf_init(&b, NAME_BYTES);
    sq_buf_adds(&b, p->path);
    if (p->path[strlen(p->path) - 1] != '/')
        sq_buf_addc(&b, '/');
    if (p->url)
        escape_url(name, &b);
    else
        sq_buf_adds(&b, name);
    return sq_buf_ok(&b) ? sq_arena_strdup(arena, b.data) : NULL;
}

int sq_place_name(const struct sq_place *p, struct sq_arena *arena, char **ret,
                  struct sq_err *err)
{
    char *path = sq_arena_strdup(arena, p->path);
    if (!path)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    if (p->url)
        path[strcspn(path, "?#")] = 0;
    char *slash = strrchr(path, '/');
    char *name = slash ? slash + 1 : path;
    bool bare_host = p->url && !slash;
    if (p->url)
        unescape_url(name);
    if (bare_host || strchr(name, '/') || sq_inside_check(name, NULL) != 0 ||
        sq_inside_is_root(name))
        return sq_fail(err, SQ_EINVAL,
                       "%.200s ends in no file name: a folder ends in / and a file in "
                       "its name",
                       p->text);
    *ret = name;
    return 0;
}

void sq_place_print(const struct sq_place *p, const char *name, struct sq_buf *out)
{
    bool plain_path = p->local && !strstr(p->text, "://");
    if (!plain_path) {
        sq_buf_adds(out, p->uri.proto);
        for (size_t i = 0; i < p->uri.n_options; i++)
            sq_buf_addf(out, "@%s", p->uri.options[i]);
        sq_buf_adds(out, "://");
    }
    void (*add)(const char *, struct sq_buf *) = p->url ? escape_url : escape;
    if (p->url)
        sq_buf_adds(out, p->path);
    else
        escape(p->path, out);
    if (!name)
        return;
    if (p->path[strlen(p->path) - 1] != '/')
        sq_buf_addc(out, '/');
    add(name, out);
}

int sq_place_full(const struct sq_place *p, const char *folder, int rc,
                  struct sq_err *err)
{
    char why[sizeof err->text];
    if (rc != SQ_ENOSPC || !err)
        return rc;
    bool is_named = strstr(err->text, p->text) != NULL;
    if (is_named && (!folder || strstr(err->text, folder)))
        return rc;
    memcpy(why, err->text, sizeof why);
    return sq_fail(err, rc, "no space is left %s%.120s for %.150s: %.190s",
                   folder ? "in " : "in the storage", folder ? folder : "", p->text,
                   why);
}
