/* A machine is a line: its name, then words KEY=value.  # begins a comment. */
#include "providers/static/static.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 8192 };

/* Fits, and is there. */
static bool set_text(char *to, size_t size, const char *value)
{
    return *value && (size_t)snprintf(to, size, "%s", value) < size;
}

static bool set_number(double *to, const char *value, double most)
{
    char *end;
    double v = strtod(value, &end);
    *to = v;
    return *value && !*end && v >= 0 && v <= most;
}

static bool set_integer(int *to, const char *value, int least, int most)
{
    char *end;
    long v = strtol(value, &end, 10);
    *to = (int)v;
    return *value && !*end && v >= least && v <= most;
}

/* What ssh and Ansible are given as words: none begins with a dash, as options do. */
static bool is_word(const char *text)
{
    for (const char *p = text; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("._-:%", *p))
            return false;
    return *text && *text != '-';
}

/* False: no such key, or no such value. */
static bool set(struct listed *m, const char *key, const char *value)
{
    const struct {
        const char *key;
        char *text;
        size_t size;
    } texts[] = {
        {"address", m->address, sizeof m->address},
        {"user", m->user, sizeof m->user},
        {"flavor", m->flavor, sizeof m->flavor},
        {"region", m->region, sizeof m->region},
        {"tags", m->tags, sizeof m->tags},
        {"gpu", m->gpu, sizeof m->gpu},
        {"identity", m->identity, sizeof m->identity},
    };
    bool word = strcmp(key, "address") == 0 || strcmp(key, "user") == 0;
    if (word && !is_word(value))
        return false;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(texts[i].key, key) == 0)
            return set_text(texts[i].text, texts[i].size, value);
    if (strcmp(key, "port") == 0)
        return set_integer(&m->port, value, 1, 65535);
    if (strcmp(key, "cpu") == 0)
        return set_integer(&m->cpu, value, 1, 100000);
    if (strcmp(key, "ram") == 0)
        return set_number(&m->ram_gb, value, 1e9);
    if (strcmp(key, "disk") == 0)
        return set_number(&m->disk_gb, value, 1e9);
    if (strcmp(key, "gpumem") == 0)
        return set_number(&m->gpumem_gb, value, 1e9);
    return strcmp(key, "cost") == 0 && set_number(&m->cost, value, 1e9);
}

static bool is_name(const char *text)
{
    size_t len = strlen(text);
    for (const char *p = text; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '-' && *p != '.')
            return false;
    return len > 0 && len < SQ_NAME_SIZE && isalnum((unsigned char)*text);
}

static int parse_line(char *line, struct listed *m, const char *where,
                      struct sq_err *err)
{
    char *rest;
    char *word = strtok_r(line, " \t\r\n", &rest);
    *m = (struct listed){.port = 22, .cpu = 1};
    if (!is_name(word))
        return sq_fail(err, SQ_EINVAL, "%s: %.60s is no name of a machine", where,
                       word);
    strcpy(m->name, word);
    while ((word = strtok_r(NULL, " \t\r\n", &rest))) {
        char *equal = strchr(word, '=');
        if (equal)
            *equal = 0;
        if (!equal || !set(m, word, equal + 1))
            return sq_fail(
                err, SQ_EINVAL,
                "%s: %.60s is none of address, user, port, identity, flavor, "
                "region, cpu, ram, disk, tags, gpu, gpumem, cost with its "
                "value",
                where, word);
    }
    if (!*m->address || !*m->flavor || !*m->region)
        return sq_fail(err, SQ_EINVAL,
                       "%s: %s needs address=, flavor= and region=", where, m->name);
    return 0;
}

static int add(struct machines *ms, const struct listed *m, const char *where,
               struct sq_err *err)
{
    if (ms->n == MACHINES_MAX || machines_find(ms, m->name))
        return sq_fail(err, SQ_EINVAL, "%s: %s is there twice, or one too many", where,
                       m->name);
    struct listed *v = realloc(ms->v, (ms->n + 1) * sizeof *v);
    if (!v)
        return sq_fail(err, SQ_ENOMEM, "out of memory for machines");
    ms->v = v;
    v[ms->n++] = *m;
    return 0;
}

static int cannot_read(const char *path, struct sq_err *err)
{
    return sq_fail(err, SQ_EINVAL,
                   "cannot read %s: %s (STATIC_MACHINES names the file of machines)",
                   path, strerror(errno));
}

int machines_read(const char *path, struct machines *ret, struct sq_err *err)
{
    char line[LINE_SIZE], where[PATH_MAX + 40];
    struct machines ms = {0};
    struct listed m;
    int rc = 0;
    FILE *f = fopen(path, "re");
    if (!f)
        return cannot_read(path, err);
    for (int n = 1; rc == 0 && fgets(line, sizeof line, f); n++) {
        snprintf(where, sizeof where, "%.*s line %d", PATH_MAX, path, n);
        if (!strchr(line, '\n') && !feof(f))
            rc = sq_fail(err, SQ_EINVAL, "%s is too long", where);
        line[strcspn(line, "#")] = 0;
        if (rc || !line[strspn(line, " \t\r\n")])
            continue;
        rc = parse_line(line, &m, where, err);
        if (rc == 0)
            rc = add(&ms, &m, where, err);
    }
    if (rc == 0 && ferror(f)) /* a folder can be opened, too */
        rc = cannot_read(path, err);
    fclose(f);
    if (rc)
        machines_free(&ms);
    else
        *ret = ms;
    return rc;
}

void machines_free(struct machines *m)
{
    free(m->v);
    *m = (struct machines){0};
}

const struct listed *machines_find(const struct machines *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->v[i].name, name) == 0)
            return &m->v[i];
    return NULL;
}
