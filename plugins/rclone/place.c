/* Names and locations in rclone's writing: see place.h. */
#include "plugins/rclone/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Control pictures begin at U+2400, "\xe2\x90\x80"; that of DEL is U+2421. */
static const char picture_head[] = "\xe2\x90";
static const char quote[] = "\xe2\x80\x9b";

static int is_picture(const unsigned char *at)
{
    return memcmp(at, picture_head, 2) == 0 &&
           ((at[2] >= 0x80 && at[2] <= 0x9f) || at[2] == 0xa1);
}

static int is_quote(const unsigned char *at)
{
    return memcmp(at, quote, 3) == 0;
}

/* strncmp and not memcmp: the text may end at its next byte. */
static int special(const unsigned char *at)
{
    return strnlen((const char *)at, 3) == 3 && (is_picture(at) || is_quote(at));
}

char *name_encode(const char *bytes)
{
    char *text = malloc(strlen(bytes) * 6 + 1), *out = text;
    const unsigned char *at;
    if (!text)
        return NULL;
    for (at = (const unsigned char *)bytes; *at; at++) {
        if (*at < 0x20 || *at == 0x7f) {
            memcpy(out, picture_head, 2);
            out[2] = (char)(0x80 + (*at == 0x7f ? 0x21 : *at));
            out += 3;
            continue;
        }
        if (special(at)) {
            memcpy(out, quote, 3);
            memcpy(out + 3, at, 3);
            out += 6;
            at += 2;
            continue;
        }
        *out++ = (char)*at;
    }
    *out = '\0';
    return text;
}

char *name_decode(const char *text)
{
    char *bytes = malloc(strlen(text) + 1), *out = bytes;
    const unsigned char *at;
    if (!bytes)
        return NULL;
    for (at = (const unsigned char *)text; *at; at++) {
        if (!special(at)) {
            *out++ = (char)*at;
        } else if (is_quote(at) && special(at + 3)) {
            memcpy(out, at + 3, 3);
            out += 3;
            at += 5;
        } else if (is_quote(at) || at[2] == 0x80) { /* U+2400 would be a NUL */
            memcpy(out, at, 3);
            out += 3;
            at += 2;
        } else {
            *out++ = (char)(at[2] == 0xa1 ? 0x7f : at[2] - 0x80);
            at += 2;
        }
    }
    *out = '\0';
    return bytes;
}

/* RFC 3629: the length and the smallest second byte that each first byte allows. */
static int sequence(const unsigned char *at)
{
    int len = *at < 0x80 ? 1 : *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
    int i;
    if (len == 0 || *at > 0xf4)
        return 0;
    for (i = 1; i < len; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((*at == 0xe0 && at[1] < 0xa0) || (*at == 0xed && at[1] > 0x9f) ||
        (*at == 0xf0 && at[1] < 0x90) || (*at == 0xf4 && at[1] > 0x8f))
        return 0;
    return len;
}

int name_is_text(const char *bytes)
{
    const unsigned char *at = (const unsigned char *)bytes;
    while (*at) {
        int len = sequence(at);
        if (len == 0)
            return 0;
        at += len;
    }
    return 1;
}

/* The remote's name becomes an argument: no `-` in front, no `,` or `:` that would make
 * it a connection string of rclone. */
static int check_remote(const char *proto, struct sq_err *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_.+-";
    if (*proto && *proto != '-' && proto[strspn(proto, allowed)] == '\0')
        return 0;
    return sq_fail(err, SQ_EINVAL, "\"%s\" cannot be the name of an rclone remote",
                   proto);
}

/* No empty, `.` or `..` step below the top: rclone would resolve or drop it. */
static int check_path(const struct sq_location *at, struct sq_err *err)
{
    const char *step = at->path + (at->path[0] == '/');
    while (*step) {
        size_t len = strcspn(step, "/");
        if (len == 0 || (len == 1 && step[0] == '.') ||
            (len == 2 && step[0] == '.' && step[1] == '.'))
            return sq_fail(err, SQ_EINVAL,
                           "%s://%s has an empty, \".\" or \"..\" step, which rclone "
                           "cannot reach: write the path without it",
                           at->proto, at->path);
        step += len;
        if (*step == '/' && *++step == '\0')
            break;
    }
    if (!name_is_text(at->path))
        return sq_fail(
            err, SQ_EINVAL,
            "%s://%s is not UTF-8 text, and rclone knows only names that are",
            at->proto, at->path);
    return 0;
}

static int check(const struct sq_location *at, struct sq_err *err)
{
    int rc;
    if (at->n_options > 0)
        return sq_fail(err, SQ_EINVAL, "%s@%s://%s: rclone remotes have no options",
                       at->proto, at->options[0], at->path);
    rc = check_remote(at->proto, err);
    return rc ? rc : check_path(at, err);
}

static int count_components(const char *path)
{
    int n = *path != '\0';
    const char *at;
    for (at = path + 1; *path && *at; at++)
        n += *at == '/';
    return n;
}

int place_init(struct place *p, const struct sq_location *at, struct sq_err *err)
{
    size_t len;
    char *path, *slash;
    int rc = check(at, err), written;
    *p = (struct place){.at = at};
    if (rc)
        return rc;
    path = name_encode(at->path);
    if (!path)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    len = strlen(path);
    p->is_folder = len > 0 && path[len - 1] == '/';
    if (p->is_folder && len > 1)
        path[len - 1] = '\0';
    p->components = count_components(path);
    slash = *path ? strchr(path + 1, '/') : NULL;
    written = asprintf(&p->whole, "%s:%s", at->proto, path) < 0;
    if (slash) {
        written |=
            asprintf(&p->fs, "%s:%.*s", at->proto, (int)(slash - path), path) < 0;
        p->rest = strdup(slash + 1);
    } else {
        written |= asprintf(&p->fs, "%s:%s", at->proto, *path == '/' ? "/" : "") < 0;
        p->rest = strdup(path + (*path == '/'));
    }
    free(path);
    if (!written && p->rest)
        return 0;
    place_fini(p);
    return sq_fail(err, SQ_ENOMEM, "out of memory");
}

void place_fini(struct place *p)
{
    free(p->whole);
    free(p->fs);
    free(p->rest);
    *p = (struct place){0};
}

int local_init(struct local *l, const char *path, struct sq_err *err)
{
    const char *slash = strrchr(path, '/');
    *l = (struct local){0};
    if (path[0] != '/' || !slash[1])
        return sq_fail(err, SQ_EINVAL, "\"%s\" is no absolute path of a file", path);
    if (!name_is_text(path))
        return sq_fail(err, SQ_EINVAL,
                       "\"%s\" is not UTF-8 text, and rclone knows only names that are",
                       path);
    l->dir = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    l->leaf = name_encode(slash + 1);
    if (l->dir && l->leaf)
        return 0;
    local_fini(l);
    return sq_fail(err, SQ_ENOMEM, "out of memory");
}

void local_fini(struct local *l)
{
    free(l->dir);
    free(l->leaf);
    *l = (struct local){0};
}
