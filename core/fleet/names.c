/* Names of providers.  SCITQ_PROVIDERS says which there are; without it every module
 * goes by its own and by its aliases. */
#include "core/fleet/impl.h"

#include <stdio.h>
#include <string.h>

#include "lib/conf.h"

enum { NAME_MAX_BYTES = SQ_FLEET_NAME_SIZE };
#define WORD "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

/* The next name=plugin of SCITQ_PROVIDERS, a plugin alone being its own name; 1, or 0
 * at the end.  SQ_EINVAL where it cannot be. */
static int next_pair(const char **at, char name[NAME_MAX_BYTES],
                     char plugin[NAME_MAX_BYTES], struct sq_err *err)
{
    size_t len;
    const char *item = sq_conf_item(at, &len);
    if (!item)
        return 0;
    const char *equal = memchr(item, '=', len);
    size_t n = equal ? (size_t)(equal - item) : len;
    const char *of = equal ? equal + 1 : item;
    size_t n_of = len - (size_t)(of - item);
    if (n == 0 || n_of == 0 || n >= NAME_MAX_BYTES || n_of >= NAME_MAX_BYTES ||
        strspn(item, WORD) < n)
        return sq_fail(err, SQ_EINVAL,
                       "must be name=plugin, each of 1 to %d "
                       "letters, digits, _, - or dots, and \"%.*s\" is not",
                       NAME_MAX_BYTES - 1, (int)(len < 100 ? len : 100), item);
    snprintf(name, NAME_MAX_BYTES, "%.*s", (int)n, item);
    snprintf(plugin, NAME_MAX_BYTES, "%.*s", (int)n_of, of);
    return 1;
}

/* What was checked has nothing but pairs. */
static bool next_name(const char **at, char name[NAME_MAX_BYTES],
                      char plugin[NAME_MAX_BYTES])
{
    return next_pair(at, name, plugin, NULL) > 0;
}

static bool is_again(const char *names, const char *until, const char *name)
{
    char before[NAME_MAX_BYTES], plugin[NAME_MAX_BYTES];
    int n = 0;
    while (names < until && next_name(&names, before, plugin))
        n += strcmp(before, name) == 0;
    return n > 1;
}

int sq_fleet_check_names(const struct sq_plugins *plugins, const char *names,
                         struct sq_err *err)
{
    const char *at = names;
    char name[NAME_MAX_BYTES], plugin[NAME_MAX_BYTES];
    const struct sq_plugin *ignored;
    struct sq_err why;
    int rc;
    while ((rc = next_pair(&at, name, plugin, err)) > 0) {
        if (sq_plugins_provider(plugins, plugin, &ignored, &why) != 0)
            return sq_fail(err, SQ_EINVAL, "has %s=%s: %s", name, plugin, why.text);
        if (is_again(names, at, name))
            return sq_fail(err, SQ_EINVAL, "has the name %s twice", name);
    }
    return rc;
}

int sq_fleet_plugin(struct sq_fleet *f, const char *name, const struct sq_plugin **ret,
                    struct sq_err *err)
{
    const char *at = sq_tuning(f->setup.tuned)->providers;
    char mine[NAME_MAX_BYTES], plugin[NAME_MAX_BYTES];
    if (!at)
        return sq_plugins_provider(f->setup.plugins, name, ret, err);
    while (next_name(&at, mine, plugin))
        if (strcmp(mine, name) == 0)
            return sq_plugins_provider(f->setup.plugins, plugin, ret, err);
    return sq_fail(err, SQ_EUNSUPPORTED,
                   "no provider is called %s (SCITQ_PROVIDERS names them)", name);
}

const char *sq_fleet_watcher(void *fleet, const char *provider)
{
    const struct sq_plugin *plugin;
    return sq_fleet_plugin(fleet, provider, &plugin, NULL) == 0 &&
                   plugin->provider->watch
               ? plugin->name
               : NULL;
}

int sq_fleet_knows(void *fleet, const char *provider, struct sq_err *err)
{
    const struct sq_plugin *plugin;
    return sq_fleet_plugin(fleet, provider, &plugin, err) == 0
               ? 0
               : sq_fail(err, SQ_EINVAL, "%s", err->text);
}

void sq_fleet_each_name(const struct sq_plugins *plugins, const char *names,
                        void (*each)(void *arg, const char *name,
                                     const struct sq_plugin *plugin),
                        void *arg)
{
    const char *at = names;
    char name[NAME_MAX_BYTES], plugin[NAME_MAX_BYTES];
    const struct sq_plugin *p;
    while (at && next_name(&at, name, plugin))
        if (sq_plugins_provider(plugins, plugin, &p, NULL) == 0)
            each(arg, name, p);
    for (size_t i = 0; !names && i < sq_plugins_count(plugins); i++) {
        p = sq_plugins_at(plugins, i);
        if (!p->provider)
            continue;
        each(arg, p->name, p);
        const char *const *aliases = p->provider->aliases;
        for (size_t k = 0; aliases && aliases[k]; k++)
            each(arg, aliases[k], p);
    }
}
