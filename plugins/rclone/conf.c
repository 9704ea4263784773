/* The file is sections of `key = value` lines, as rclone writes it.  What is a secret
 * is told by the key's name, since there are dozens of storages with options of their
 * own and a release of rclone may bring more: rather one too many.  Beside the value
 * itself its parts are hidden where it has some (a token is JSON, headers are a list),
 * and what a URL carries: the password before its host, the values after its `?`. */
#include "plugins/rclone/conf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/rclone/reveal.h"

/* Of a text shorter than SECRET_MIN the host takes no notice; a part shorter than
 * PART_MIN is more likely a word than a key.  No file is longer than FILE_MAX, nor does
 * a remote stand for another through more than LINKS_MAX. */
enum {
    SECRET_MIN = 4,
    PART_MIN = 16,
    QUERY_MIN = 8,
    FILE_MAX = 1 << 20,
    LINKS_MAX = 8
};

struct section {
    struct section *next;
    char *type, *remote; /* NULL: not said */
    char name[];
};

struct secret {
    struct secret *next;
    char text[];
};

struct conf {
    struct sq_host *host;
    struct section *sections;
    struct secret *secrets; /* the longest first: one may be part of another */
    int failed;             /* no memory */
};

static void hide(struct conf *c, const char *text, size_t len)
{
    struct secret **at = &c->secrets, *secret;
    if (len < SECRET_MIN)
        return;
    secret = malloc(sizeof *secret + len + 1);
    if (!secret) {
        c->failed = 1;
        return;
    }
    memcpy(secret->text, text, len);
    secret->text[len] = '\0';
    while (*at && strlen((*at)->text) > len)
        at = &(*at)->next;
    secret->next = *at;
    *at = secret;
    c->host->hide(c->host, secret->text);
}

/* The runs of what keys are written with. */
static void hide_parts(struct conf *c, const char *value)
{
    static const char of_keys[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789+/=_.~%-";
    while (*value) {
        size_t len = strspn(value, of_keys);
        if (len >= PART_MIN)
            hide(c, value, len);
        value += len + (value[len] != '\0');
    }
}

/* As a message may show it: with %XX, or what that stands for. */
static void hide_escaped(struct conf *c, const char *value, size_t len)
{
    char *plain = strndup(value, len), *to = plain;
    unsigned byte;
    size_t i;
    hide(c, value, len);
    if (!plain) {
        c->failed = 1;
        return;
    }
    for (i = 0; i < len; i++)
        if (value[i] == '%' && sscanf(value + i + 1, "%2x", &byte) == 1) {
            *to++ = (char)byte;
            i += 2;
        } else {
            *to++ = value[i];
        }
    *to = '\0';
    if (strlen(plain) != len)
        hide(c, plain, strlen(plain));
    free(plain);
}

/* Passwords are obscured in the file and plain on the way; other secrets are not, and
 * what reveal() makes of them hides nothing. */
static void hide_revealed(struct conf *c, const char *value)
{
    char *plain = reveal(value, strlen(value));
    if (plain)
        hide(c, plain, strlen(plain));
    free(plain);
}

static void hide_in_url(struct conf *c, const char *url)
{
    const char *host = strstr(url, "://") + 3;
    const char *end = host + strcspn(host, "/?#");
    const char *at = memchr(host, '@', (size_t)(end - host));
    const char *colon = at ? memchr(host, ':', (size_t)(at - host)) : NULL;
    const char *query = strchr(end, '?');
    if (colon)
        hide_escaped(c, colon + 1, (size_t)(at - colon - 1));
    while (query && *query) {
        size_t len = strcspn(++query, "&");
        const char *value = memchr(query, '=', len);
        if (value && len - (size_t)(value + 1 - query) >= QUERY_MIN)
            hide_escaped(c, value + 1, len - (size_t)(value + 1 - query));
        query += len;
    }
}

/* Names as options have them, and the variables of the environment. */
static int is_secret(const char *key)
{
    static const char *const parts[] = {"pass",
                                        "secret",
                                        "token",
                                        "key",
                                        "pem",
                                        "auth",
                                        "cookie",
                                        "session",
                                        "header",
                                        "bearer",
                                        "sas_url",
                                        "credential",
                                        "connection_string"};
    static const char *const ends[] = {"_file", "_path", "_agent", "_version",
                                       "_method"};
    size_t i, len = strlen(key);
    for (i = 0; i < sizeof ends / sizeof *ends; i++)
        if (len >= strlen(ends[i]) &&
            strcasecmp(key + len - strlen(ends[i]), ends[i]) == 0)
            return 0;
    for (i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcasestr(key, parts[i]))
            return 1;
    return 0;
}

static void take_value(struct conf *c, const char *key, const char *value)
{
    if (strncmp(value, "http://", 7) == 0 || strncmp(value, "https://", 8) == 0)
        hide_in_url(c, value);
    else if (is_secret(key) && strcmp(value, "true") != 0 &&
             strcmp(value, "false") != 0) {
        hide(c, value, strlen(value));
        hide_revealed(c, value);
        if (strpbrk(value, ",\"{ "))
            hide_parts(c, value);
    }
}

static void keep(struct conf *c, char **ret, const char *value)
{
    free(*ret);
    *ret = strdup(value);
    c->failed |= *ret == NULL;
}

static void begin_section(struct conf *c, const char *name, size_t len)
{
    struct section *section = calloc(1, sizeof *section + len + 1);
    if (!section) {
        c->failed = 1;
        return;
    }
    memcpy(section->name, name, len);
    section->next = c->sections;
    c->sections = section;
}

static char *trim(char *text)
{
    size_t len;
    while (isspace((unsigned char)*text))
        text++;
    len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        text[--len] = '\0';
    return text;
}

static void take_line(struct conf *c, char *line)
{
    char *key = trim(line), *equals = strchr(key, '='), *value;
    size_t len = strlen(key);
    if (*key == '[' && key[len - 1] == ']') {
        begin_section(c, key + 1, len - 2);
        return;
    }
    if (!equals || !c->sections || *key == '#' || *key == ';')
        return;
    *equals = '\0';
    key = trim(key);
    value = trim(equals + 1);
    take_value(c, key, value);
    if (strcmp(key, "type") == 0)
        keep(c, &c->sections->type, value);
    if (strcmp(key, "remote") == 0)
        keep(c, &c->sections->remote, value);
}

static void take_environment(struct conf *c)
{
    char **at, *equals;
    for (at = environ; *at; at++) {
        char key[128];
        equals = strchr(*at, '=');
        if (!equals || (size_t)(equals - *at) >= sizeof key ||
            (strncmp(*at, "RCLONE_", 7) != 0 && strncmp(*at, "AWS_", 4) != 0 &&
             strncmp(*at, "AZURE_", 6) != 0))
            continue;
        snprintf(key, sizeof key, "%.*s", (int)(equals - *at), *at);
        take_value(c, key, equals + 1);
    }
}

static int read_file(struct conf *c, const char *path, struct sq_err *err)
{
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t size = 0, total = 0;
    ssize_t n;
    while (f && total <= FILE_MAX && (n = getline(&line, &size, f)) > 0) {
        total += (size_t)n;
        take_line(c, line);
    }
    free(line);
    if (f)
        fclose(f);
    if (total > FILE_MAX)
        return sq_fail(err, SQ_EINVAL,
                       "%s is longer than 1 MiB: is it rclone's configuration?", path);
    return c->failed ? sq_fail(err, SQ_ENOMEM, "out of memory") : 0;
}

int conf_open(struct sq_host *host, const char *path, struct conf **ret,
              struct sq_err *err)
{
    struct conf *c = calloc(1, sizeof *c);
    int rc;
    if (!c)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    c->host = host;
    take_environment(c);
    rc = read_file(c, path, err);
    if (rc)
        conf_close(c);
    else
        *ret = c;
    return rc;
}

void conf_close(struct conf *c)
{
    if (!c)
        return;
    while (c->sections) {
        struct section *next = c->sections->next;
        free(c->sections->type);
        free(c->sections->remote);
        free(c->sections);
        c->sections = next;
    }
    while (c->secrets) {
        struct secret *next = c->secrets->next;
        free(c->secrets);
        c->secrets = next;
    }
    free(c);
}

static const struct section *find(const struct conf *c, const char *name, size_t len)
{
    const struct section *s = c->sections;
    while (s && (strlen(s->name) != len || memcmp(s->name, name, len) != 0))
        s = s->next;
    return s;
}

int conf_is(const struct conf *c, const char *remote, const char *type)
{
    const struct section *s = find(c, remote, strlen(remote));
    int links;
    for (links = 0; s && links < LINKS_MAX; links++) {
        if (s->type && strcmp(s->type, type) == 0)
            return 1;
        s = s->remote ? find(c, s->remote, strcspn(s->remote, ":")) : NULL;
    }
    return 0;
}

void conf_redact(const struct conf *c, char *text)
{
    const struct secret *s;
    for (s = c->secrets; s; s = s->next) {
        size_t len = strlen(s->text);
        char *at = text;
        while ((at = strstr(at, s->text)) != NULL) {
            memcpy(at, "***", 3); /* none is shorter */
            memmove(at + 3, at + len, strlen(at + len) + 1);
            at += 3;
        }
    }
}
