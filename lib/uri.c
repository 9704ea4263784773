/* Data URIs: taken apart and checked, nothing decoded and nothing fetched.
 *
 * What is refused here is refused before a task is queued, with the reason: an empty
 * or odd protocol, no path, an action nobody knows, a folder to move into that would
 * lead out of the task's own. */
#include "lib/uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A path and a protocol with its options, with room to spare. */
enum { URI_MAX_BYTES = 8192 };

/* Not its length either: three at most, the rest is closed up. */
static void star(char *from, char *end)
{
    size_t n = end - from < 3 ? (size_t)(end - from) : 3;
    memset(from, '*', n);
    memmove(from + n, end, strlen(end) + 1);
}

void sq_uri_hide(char *text)
{
    char *at = strstr(text, "://");
    size_t proto = strcspn(text, "@:");
    if (!at || !((proto == 4 && strncasecmp(text, "http", 4) == 0) ||
                 (proto == 5 && strncasecmp(text, "https", 5) == 0) ||
                 (proto == 3 && strncasecmp(text, "ftp", 3) == 0)))
        return;
    at += strlen("://");
    char *query = at + strcspn(at, "?|"), *slash = at + strcspn(at, "/?#|");
    if (*query == '?')
        star(query + 1, query + strcspn(query, "|"));
    char *colon = memchr(at, ':', (size_t)(slash - at));
    char *end = memrchr(at, '@', (size_t)(slash - at));
    if (colon && end && colon < end)
        star(colon + 1, end);
}

static int bad(struct sq_err *err, const char *text, const char *why)
{
    char *shown = strdup(text);
    if (shown)
        sq_uri_hide(shown);
    int rc =
        sq_fail(err, SQ_EINVAL, "bad URI %.200s: %s", shown ? shown : "(a URI)", why);
    free(shown);
    return rc;
}

static bool has_control(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            return true;
    return false;
}

/* Letters, digits and + . - _, at least one. */
static bool is_word(const char *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789+.-_";
    return *text && text[strspn(text, allowed)] == 0;
}

/* Relative, and no step up. */
static bool stays_inside(const char *folder)
{
    if (!*folder || *folder == '/')
        return false;
    for (const char *p = folder; *p;) {
        size_t n = strcspn(p, "/");
        if (n == 2 && memcmp(p, "..", 2) == 0)
            return false;
        p += n;
        p += strspn(p, "/");
    }
    return true;
}

static int check_action(const char *action, const char *text, struct sq_err *err)
{
    static const char *const known[] = {"gunzip", "untar", "unzip"};
    for (size_t i = 0; i < SQ_LEN(known); i++)
        if (strcmp(action, known[i]) == 0)
            return 0;
    if (strncmp(action, "mv:", 3) != 0)
        return bad(err, text, "the action is none of gunzip, untar, unzip, mv:folder");
    if (!stays_inside(action + 3))
        return bad(err, text, "mv: takes a relative folder without ..");
    return 0;
}

/* proto@option@option, cut in place. */
static int cut_options(char *head, struct sq_uri *u, const char *text,
                       struct sq_err *err)
{
    u->proto = strsep(&head, "@");
    if (!is_word(u->proto))
        return bad(err, text, "the protocol before :// is not a plain word");
    while (head) {
        char *option = strsep(&head, "@");
        if (!is_word(option))
            return bad(err, text, "an option after @ is not a plain word");
        if (u->n_options == SQ_URI_OPTIONS_MAX)
            return bad(err, text, "too many @options");
        u->options[u->n_options++] = option;
    }
    return 0;
}

/* path|action, cut in place. */
static int cut_action(struct sq_uri *u, const char *text, struct sq_err *err)
{
    char *bar = strchr(u->path, '|');
    if (bar) {
        *bar = 0;
        u->action = bar + 1;
        int rc = check_action(u->action, text, err);
        if (rc)
            return rc;
    }
    return *u->path ? 0 : bad(err, text, "the path is empty");
}

int sq_uri_parse(const char *text, struct sq_arena *arena, struct sq_uri *ret,
                 struct sq_err *err)
{
    if (strnlen(text, URI_MAX_BYTES + 1) > URI_MAX_BYTES)
        return bad(err, text, "it is too long");
    if (has_control(text))
        return bad(err, "(not shown)", "it holds a control character");
    char *copy = sq_arena_strdup(arena, text);
    if (!copy)
        return sq_fail(err, SQ_ENOMEM, "out of memory for a URI");
    struct sq_uri u = {.path = copy};
    char *mark = strstr(copy, "://");
    if (mark) {
        *mark = 0;
        u.path = mark + 3;
        int rc = cut_options(copy, &u, text, err);
        if (rc)
            return rc;
    } else if (!(u.proto = sq_arena_strdup(arena, "file"))) {
        return sq_fail(err, SQ_ENOMEM, "out of memory for a URI");
    }
    int rc = cut_action(&u, text, err);
    if (!rc)
        *ret = u;
    return rc;
}

/* Parse one that a task names.  "s3:/x" would be a relative path, and is a slip. */
static int parse_of_task(const char *text, unsigned flags, struct sq_arena *arena,
                         struct sq_uri *ret, struct sq_err *err)
{
    int rc = sq_uri_parse(text, arena, ret, err);
    if (rc || strstr(text, "://") || *ret->path == '/')
        return rc;
    if (strstr(ret->path, ":/"))
        return bad(err, text, "a protocol is followed by ://");
    return flags & SQ_URI_RELATIVE
               ? 0
               : bad(err, text,
                     "a path begins with /, as a task runs in a folder of its own");
}

static const char separators[] = " \t\r\n";

const char *sq_uri_next(const char **list, size_t *ret_len)
{
    if (!*list)
        return NULL;
    const char *at = *list + strspn(*list, separators);
    *ret_len = strcspn(at, separators);
    *list = at + *ret_len;
    return *ret_len ? at : NULL;
}

size_t sq_uri_count(const char *list)
{
    size_t n = 0, len;
    while (sq_uri_next(&list, &len))
        n++;
    return n;
}

int sq_uri_check_list(const char *list, unsigned flags, struct sq_err *err)
{
    SQ_CLEANUP(sq_arena_fini) struct sq_arena arena;
    sq_arena_init(&arena, 4 * URI_MAX_BYTES);
    const char *p;
    size_t n;
    int rc = 0;
    for (; !rc && (p = sq_uri_next(&list, &n)); sq_arena_reset(&arena)) {
        if (n > URI_MAX_BYTES)
            return bad(err, p, "it is too long");
        char *one = sq_arena_memdup(&arena, p, n);
        struct sq_uri u;
        if (!one)
            return sq_fail(err, SQ_ENOMEM, "out of memory for a URI");
        rc = parse_of_task(one, flags, &arena, &u, err);
    }
    return rc;
}

int sq_uri_check_output(const char *output, unsigned flags, struct sq_err *err)
{
    SQ_CLEANUP(sq_arena_fini) struct sq_arena arena;
    sq_arena_init(&arena, 4 * URI_MAX_BYTES);
    struct sq_uri u = {0};
    if (!*output)
        return 0;
    if (strpbrk(output, separators))
        return bad(err, output,
                   "an output is one folder; a space in it is written %20");
    int rc = parse_of_task(output, flags, &arena, &u, err);
    if (!rc && u.action)
        return bad(err, output, "an action is for inputs and resources");
    return rc;
}
