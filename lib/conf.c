/* Settings: one slot a declared key, filled from the file, then from the environment.
 *
 * Values are kept as text and checked on arrival, so that reading one later cannot
 * fail.  An empty environment variable leaves a number or a boolean as the file has
 * it, since that is how shells unset things; for a text it is a value. */
#include "lib/conf.h"

#include <assert.h>
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/file.h"

/* A settings file is written by hand; a larger one is a mistake in its name. */
enum { FILE_MAX_BYTES = 1 << 20 };

struct slot {
    char *value; /* NULL: not given */
    char *where; /* that it was given: "/etc/scitq.conf line 3", "the environment" */
    bool in_file, in_environment;
};

struct sq_conf {
    const struct sq_conf_key *keys;
    struct slot *slots;
};

/* One file being read. */
struct reader {
    struct sq_conf *conf;
    const char *path;
    int line;
    sq_conf_note_fn *note;
    void *arg;
    struct sq_err *err;
};

static size_t count_keys(const struct sq_conf_key *keys)
{
    size_t n = 0;
    while (keys[n].name)
        n++;
    return n;
}

static int find_key(const struct sq_conf *c, const char *name)
{
    for (int i = 0; c->keys[i].name; i++)
        if (strcmp(c->keys[i].name, name) == 0)
            return i;
    return -1;
}

static bool parse_bool(const char *text, bool *ret)
{
    static const char *const words[][2] = {
        {"0", "1"}, {"false", "true"}, {"no", "yes"}, {"off", "on"}};
    for (size_t i = 0; i < SQ_LEN(words); i++)
        for (int v = 0; v < 2; v++)
            if (strcasecmp(text, words[i][v]) == 0) {
                *ret = v;
                return true;
            }
    return false;
}

static bool parse_int(const char *text, int64_t *ret)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (end == text || *end || errno || strspn(text, "+-0123456789") != strlen(text))
        return false;
    *ret = v;
    return true;
}

int sq_conf_check(const struct sq_conf_key *key, const char *value, const char *where,
                  struct sq_err *err)
{
    const char *shown = key->secret ? "its value" : value;
    int64_t n;
    bool b;
    switch (key->kind) {
    case SQ_CONF_INT:
        if (!parse_int(value, &n))
            return sq_fail(err, SQ_EINVAL,
                           "%s: %s must be an integer between %lld and %lld, not "
                           "\"%s\"",
                           where, key->name, (long long)key->min, (long long)key->max,
                           shown);
        if (n < key->min || n > key->max)
            return sq_fail(err, SQ_EINVAL,
                           "%s: %s must be between %lld and %lld, not %s", where,
                           key->name, (long long)key->min, (long long)key->max, shown);
        return 0;
    case SQ_CONF_BOOL:
        if (!parse_bool(value, &b))
            return sq_fail(err, SQ_EINVAL,
                           "%s: %s must be 1 or 0 (yes or no), not \"%s\"", where,
                           key->name, shown);
        return 0;
    default: return 0;
    }
}

static char *join(const char *old, const char *between, const char *more)
{
    char *text;
    int n = old ? asprintf(&text, "%s%s%s", old, between, more) : 0;
    return n < 0 ? NULL : old ? text : strdup(more);
}

/* Replace, or for a list met again in a file, add. */
static int store(struct slot *slot, const char *value, const char *where, bool add,
                 struct sq_err *err)
{
    char *text = join(add ? slot->value : NULL, " ", value);
    char *places = join(add ? slot->where : NULL, ", ", where);
    if (!text || !places) {
        free(text);
        free(places);
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    }
    free(slot->value);
    free(slot->where);
    slot->value = text;
    slot->where = places;
    return 0;
}

/* "unknown setting FOO in /etc/scitq.conf line 3: ignored" */
static void note(const struct reader *r, const char *kind, const char *name,
                 const char *why, bool stranger)
{
    char text[500];
    if (!r->note)
        return;
    snprintf(text, sizeof text, "%s %s in %s line %d: %s", kind, name, r->path, r->line,
             why);
    r->note(r->arg, text, stranger ? name : NULL);
}

static int take_setting(const struct reader *r, const char *name, const char *value)
{
    int i = find_key(r->conf, name);
    if (i < 0) {
        note(r, "unknown setting", name, "ignored", true);
        return 0;
    }
    const struct sq_conf_key *key = &r->conf->keys[i];
    struct slot *slot = &r->conf->slots[i];
    bool again = slot->in_file;
    slot->in_file = true;
    if (key->kind == SQ_CONF_IGNORED) {
        note(r, "setting", name, "it has no use since scitq 1.3, ignored", false);
        return 0;
    }
    if (again && key->kind != SQ_CONF_LIST)
        note(r, "setting", name, "given again, this one counts", false);
    char where[400];
    snprintf(where, sizeof where, "%s line %d", r->path, r->line);
    int rc = sq_conf_check(key, value, where, r->err);
    return rc ? rc : store(slot, value, where, key->kind == SQ_CONF_LIST, r->err);
}

static int bad_line(const struct reader *r, const char *why)
{
    return sq_fail(r->err, SQ_EINVAL, "%s line %d: %s", r->path, r->line, why);
}

static char *skip_blank(char *p)
{
    return p + strspn(p, " \t\r\v\f");
}

static bool ends_line(char *p)
{
    p = skip_blank(p);
    return *p == 0 || *p == '#';
}

/* Unquote in place the value that begins at *p with a quote. */
static int read_quoted(const struct reader *r, char *p, char **ret)
{
    char quote = *p++, *to = p;
    *ret = p;
    for (; *p && *p != quote; p++) {
        if (quote == '"' && *p == '\\' && p[1] && strchr("\"\\$`", p[1]))
            p++;
        *to++ = *p;
    }
    if (!*p)
        return bad_line(r, "a quote is never closed");
    if (!ends_line(p + 1))
        return bad_line(r, "something comes after the closing quote");
    *to = 0;
    return 0;
}

/* To the end of the line, or to a # after white space.  p is not the line's start. */
static char *read_bare(char *p)
{
    char *end = p;
    for (char *q = p; *q && !(*q == '#' && (q[-1] == ' ' || q[-1] == '\t')); q++)
        if (!strchr(" \t\r\v\f", *q))
            end = q + 1;
    *end = 0;
    return p;
}

/* [export] KEY = value [# comment], or nothing. */
static int read_line(const struct reader *r, char *line)
{
    static const char name_chars[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    char *name = skip_blank(line);
    if (ends_line(name))
        return 0;
    if (strncmp(name, "export", 6) == 0 && strchr(" \t", name[6]))
        name = skip_blank(name + 6);
    size_t len = strspn(name, name_chars);
    char *p = skip_blank(name + len);
    if (len == 0 || *p != '=')
        return bad_line(r, "expected KEY=value");
    p = skip_blank(p + 1);
    name[len] = 0;
    char *value;
    if (*p == '"' || *p == '\'') {
        int rc = read_quoted(r, p, &value);
        if (rc)
            return rc;
    } else {
        value = read_bare(p);
    }
    return take_setting(r, name, value);
}

static int read_file(struct reader *r)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    sq_buf_init(&text, FILE_MAX_BYTES);
    int rc = sq_file_read(r->path, &text, r->err);
    if (rc)
        return rc;
    char *end = text.data + text.len;
    for (char *line = text.data, *next; !rc && line < end; line = next) {
        char *newline = memchr(line, '\n', (size_t)(end - line));
        next = newline ? newline + 1 : end;
        if (newline)
            *newline = 0;
        r->line++;
        if (line + strlen(line) < next - (newline != NULL))
            return bad_line(r, "it holds a NUL character: is this a text file?");
        rc = read_line(r, line);
    }
    return rc;
}

/* Of the process, or as `running` found it: what a program tells its children in the
 * environment (setenv) is no setting of its own. */
static const char *in_environment(const struct sq_conf *running, int i,
                                  const char *name)
{
    if (!running)
        return getenv(name);
    return running->slots[i].in_environment ? running->slots[i].value : NULL;
}

static int read_environment(struct sq_conf *c, const struct sq_conf *running,
                            struct sq_err *err)
{
    int rc = 0;
    for (int i = 0; !rc && c->keys[i].name; i++) {
        const struct sq_conf_key *key = &c->keys[i];
        const char *value = in_environment(running, i, key->name);
        bool number = key->kind == SQ_CONF_INT || key->kind == SQ_CONF_BOOL;
        if (!value || key->kind == SQ_CONF_IGNORED || (number && !*value))
            continue;
        rc = sq_conf_check(key, value, "the environment", err);
        if (!rc)
            rc = store(&c->slots[i], value, "the environment", false, err);
        c->slots[i].in_environment = true;
    }
    return rc;
}

/* The defaults are a programmer's. */
static void check_table(const struct sq_conf_key *keys)
{
    for (; keys->name; keys++)
        assert(!keys->fallback || sq_conf_check(keys, keys->fallback, "", NULL) == 0);
}

static int conf_new(const struct sq_conf_key *keys, struct sq_conf **ret,
                    struct sq_err *err)
{
    struct sq_conf *c = calloc(1, sizeof *c);
    struct slot *slots = calloc(count_keys(keys) + 1, sizeof *slots);
    if (!c || !slots) {
        free(c);
        free(slots);
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    }
    *c = (struct sq_conf){.keys = keys, .slots = slots};
    *ret = c;
    return 0;
}

static int load(const struct sq_conf_key *keys, const struct sq_conf *running,
                struct reader *r, struct sq_conf **ret)
{
    int rc = conf_new(keys, &r->conf, r->err);
    if (rc)
        return rc;
    if (r->path)
        rc = read_file(r);
    if (!rc)
        rc = read_environment(r->conf, running, r->err);
    if (rc)
        sq_conf_free(r->conf);
    else
        *ret = r->conf;
    return rc;
}

int sq_conf_load(const struct sq_conf_key *keys, const char *path,
                 sq_conf_note_fn *note_fn, void *arg, struct sq_conf **ret,
                 struct sq_err *err)
{
    struct reader r = {.path = path, .note = note_fn, .arg = arg, .err = err};
    check_table(keys);
    return load(keys, NULL, &r, ret);
}

int sq_conf_load_again(const struct sq_conf *running, const char *path,
                       sq_conf_note_fn *note_fn, void *arg, struct sq_conf **ret,
                       struct sq_err *err)
{
    struct reader r = {.path = path, .note = note_fn, .arg = arg, .err = err};
    return load(running->keys, running, &r, ret);
}

/* `to` is empty. */
static int copy(const struct slot *from, struct slot *to, struct sq_err *err)
{
    to->in_file = from->in_file;
    to->in_environment = from->in_environment;
    return from->value ? store(to, from->value, from->where, false, err) : 0;
}

int sq_conf_part(const struct sq_conf_key *keys, const struct sq_conf *whole,
                 struct sq_conf **ret, struct sq_err *err)
{
    struct sq_conf *c;
    int rc = conf_new(keys, &c, err);
    if (rc)
        return rc;
    for (int i = 0; rc == 0 && keys[i].name; i++) {
        int at = find_key(whole, keys[i].name);
        const struct slot *given = at < 0 ? NULL : &whole->slots[at];
        if (given && given->value)
            rc = sq_conf_check(&keys[i], given->value, given->where, err);
        if (given && rc == 0)
            rc = copy(given, &c->slots[i], err);
    }
    if (rc)
        sq_conf_free(c);
    else
        *ret = c;
    return rc;
}

static void slot_clear(struct slot *slot)
{
    free(slot->value);
    free(slot->where);
    *slot = (struct slot){0};
}

void sq_conf_free(struct sq_conf *c)
{
    if (!c)
        return;
    for (int i = 0; c->keys[i].name; i++)
        slot_clear(&c->slots[i]);
    free(c->slots);
    free(c);
}

/* Position of a declared key of this kind, or of any kind for -1. */
static int declared(const struct sq_conf *c, const char *name, int kind)
{
    int i = find_key(c, name);
    assert(i >= 0);
    assert(kind < 0 || (int)c->keys[i].kind == kind);
    return i;
}

static const char *value_or_default(const struct sq_conf *c, int i)
{
    return c->slots[i].value ? c->slots[i].value : c->keys[i].fallback;
}

const char *sq_conf_text(const struct sq_conf *c, const char *name)
{
    return value_or_default(c, declared(c, name, -1));
}

int64_t sq_conf_int(const struct sq_conf *c, const char *name)
{
    int64_t n = SQ_NULL;
    const char *text = value_or_default(c, declared(c, name, SQ_CONF_INT));
    if (text)
        parse_int(text, &n);
    return n;
}

bool sq_conf_bool(const struct sq_conf *c, const char *name)
{
    bool b = false;
    const char *text = value_or_default(c, declared(c, name, SQ_CONF_BOOL));
    if (text)
        parse_bool(text, &b);
    return b;
}

bool sq_conf_given(const struct sq_conf *c, const char *name)
{
    return c->slots[declared(c, name, -1)].value != NULL;
}

bool sq_conf_in_file(const struct sq_conf *c, const char *name)
{
    return c->slots[declared(c, name, -1)].in_file;
}

int sq_conf_keep(struct sq_conf *c, const struct sq_conf *running, const char *name,
                 struct sq_err *err)
{
    int i = declared(c, name, -1);
    assert(c->keys == running->keys);
    slot_clear(&c->slots[i]);
    return copy(&running->slots[i], &c->slots[i], err);
}

void sq_conf_compare(const struct sq_conf *a, const struct sq_conf *b,
                     void (*each)(void *arg, const struct sq_conf_key *key,
                                  const char *in_a, const char *in_b),
                     void *arg)
{
    assert(a->keys == b->keys);
    for (int i = 0; a->keys[i].name; i++) {
        const char *in_a = value_or_default(a, i), *in_b = value_or_default(b, i);
        if (in_a != in_b && (!in_a || !in_b || strcmp(in_a, in_b) != 0))
            each(arg, &a->keys[i], in_a, in_b);
    }
}

int sq_conf_refuse(const struct sq_conf *c, const char *name, struct sq_err *err,
                   const char *fmt, ...)
{
    char text[sizeof err->text];
    const char *where = c->slots[declared(c, name, -1)].where;
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return sq_fail(err, SQ_EINVAL, "%s: %s %s", where ? where : "the default", name,
                   text);
}

const char *sq_conf_item(const char **at, size_t *ret_len)
{
    static const char between[] = " \t,";
    const char *item = *at + strspn(*at, between);
    *ret_len = strcspn(item, between);
    *at = item + *ret_len;
    return *ret_len ? item : NULL;
}

char *sq_conf_find(const char *name)
{
    static const char *const dirs[] = {SQ_SYSCONFDIR, "/etc"};
    for (size_t i = 0; i < SQ_LEN(dirs); i++) {
        char *path;
        if (asprintf(&path, "%s/%s", dirs[i], name) < 0)
            return NULL;
        if (access(path, F_OK) == 0)
            return path;
        free(path);
    }
    return NULL;
}

static const char *home(void)
{
    const char *dir = getenv("HOME");
    if (dir && *dir)
        return dir;
    const struct passwd *me = getpwuid(geteuid());
    return me ? me->pw_dir : "/";
}

char *sq_conf_state_dir(void)
{
    char *path;
    int n;
    const char *state = getenv("XDG_STATE_HOME");
    if (geteuid() == 0)
        return strdup("/var/lib/scitq");
    if (state && *state == '/')
        n = asprintf(&path, "%s/scitq", state);
    else
        n = asprintf(&path, "%s/.local/state/scitq", home());
    return n < 0 ? NULL : path;
}
