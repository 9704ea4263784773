/* The text that is hashed: each value led by its length, an absent one by "-", so that
 * no two different tasks give the same text.  A change of what goes into it needs
 * another VERSION: old results are then simply not found. */
#include "core/cache/key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <scitq/md5.h>

#define VERSION "1:"

static void add(struct sq_md5 *m, const char *text)
{
    sq_md5_add(m, text, strlen(text));
}

static void add_value(struct sq_md5 *m, const char *name, const char *value)
{
    char length[32] = " -\n";
    if (value)
        snprintf(length, sizeof length, " %zu:", strlen(value));
    add(m, name);
    add(m, length);
    if (value) {
        add(m, value);
        add(m, "\n");
    }
}

static int compare(const void *a, const void *b)
{
    const struct sq_cache_part *x = a, *y = b;
    int by_content = strcmp(x->content, y->content);
    if (by_content)
        return by_content;
    return strcmp(x->action ? x->action : "", y->action ? y->action : "");
}

static void add_parts(struct sq_md5 *m, const char *name, struct sq_cache_part *parts,
                      size_t n)
{
    if (n)
        qsort(parts, n, sizeof *parts, compare);
    for (size_t i = 0; i < n; i++) {
        add_value(m, name, parts[i].content);
        add_value(m, "action", parts[i].action);
    }
}

void sq_cache_key(const struct sq_cache_work *work, struct sq_cache_part *inputs,
                  size_t n_inputs, struct sq_cache_part *resources, size_t n_resources,
                  char ret[SQ_CACHE_KEY_LEN])
{
    struct sq_md5 m;
    char sum[33];
    sq_md5_init(&m);
    add_value(&m, "command", work->command);
    add_value(&m, "container", work->container);
    add_value(&m, "options", work->container_options);
    add_parts(&m, "input", inputs, n_inputs);
    add_parts(&m, "resource", resources, n_resources);
    sq_md5_end(&m, sum);
    snprintf(ret, SQ_CACHE_KEY_LEN, VERSION "%s", sum);
}
