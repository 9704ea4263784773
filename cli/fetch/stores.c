/* Plugins loaded once, their hosts made when first needed, idle instances kept. */
#include "cli/fetch/stores.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/host.h"
#include "lib/log.h"
#include "lib/plugin.h"

struct sq_stores {
    pthread_mutex_t lock;
    struct sq_plugins *plugins;
    const char *settings;
    struct sq_host **hosts; /* parallel to the plugins; NULL: not needed yet */
    struct sq_store *stores;
};

int sq_stores_open(const char *path, const char *settings, struct sq_stores **ret,
                   struct sq_err *err)
{
    struct sq_stores *all = calloc(1, sizeof *all);
    int rc = all ? sq_plugins_load(path, &all->plugins, err)
                 : sq_fail(err, SQ_ENOMEM, "out of memory");
    if (rc == 0) {
        all->settings = settings;
        all->hosts = calloc(sq_plugins_count(all->plugins) + 1, sizeof *all->hosts);
        rc = all->hosts ? 0 : sq_fail(err, SQ_ENOMEM, "out of memory");
    }
    if (rc) {
        if (all)
            sq_plugins_free(all->plugins);
        free(all);
        return rc;
    }
    pthread_mutex_init(&all->lock, NULL);
    for (size_t i = 0; i < sq_plugins_count(all->plugins); i++) {
        const struct sq_plugin *p = sq_plugins_at(all->plugins, i);
        if (p->problem)
            sq_log(SQ_LOG_WARNING, "fetch", "the plugin %s is left out: %s", p->path,
                   p->problem);
    }
    *ret = all;
    return 0;
}

void sq_stores_close(struct sq_stores *all)
{
    if (!all)
        return;
    while (all->stores) {
        struct sq_store *store = all->stores;
        all->stores = store->next;
        store->ops->close(store->s);
        free(store);
    }
    for (size_t i = 0; i < sq_plugins_count(all->plugins); i++)
        sq_host_free(all->hosts[i]);
    sq_plugins_free(all->plugins);
    pthread_mutex_destroy(&all->lock);
    free(all->hosts);
    free(all);
}

int sq_stores_ops(struct sq_stores *all, const char *proto,
                  const struct sq_storage_ops **ret, struct sq_err *err)
{
    const struct sq_plugin *plugin;
    int rc = sq_plugins_storage(all->plugins, proto, &plugin, err);
    if (rc == 0)
        *ret = plugin->storage;
    return rc;
}

/* The host of a plugin, made now if need be.  Under the lock. */
static int host_of(struct sq_stores *all, const struct sq_plugin *plugin,
                   struct sq_host **ret, struct sq_err *err)
{
    struct sq_host_conf conf = {.settings = all->settings};
    size_t i = 0;
    while (sq_plugins_at(all->plugins, i) != plugin)
        i++;
    int rc = all->hosts[i] ? 0 : sq_host_new(plugin, &conf, &all->hosts[i], err);
    if (rc == 0)
        *ret = all->hosts[i];
    return rc;
}

static int open_store(struct sq_stores *all, const struct sq_plugin *plugin,
                      struct sq_store **ret, struct sq_err *err)
{
    struct sq_store *store = calloc(1, sizeof *store);
    if (!store)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    store->ops = plugin->storage;
    int rc = host_of(all, plugin, &store->host, err);
    if (rc == 0) {
        rc = store->ops->open(store->host, &store->s, err);
        if (rc && err)
            sq_host_redact(store->host, err->text);
    }
    if (rc) {
        free(store);
        return rc;
    }
    store->busy = true;
    store->next = all->stores;
    all->stores = store;
    *ret = store;
    return 0;
}

int sq_store_take(struct sq_stores *all, const char *proto, struct sq_store **ret,
                  struct sq_err *err)
{
    const struct sq_plugin *plugin;
    int rc = sq_plugins_storage(all->plugins, proto, &plugin, err);
    if (rc)
        return rc;
    pthread_mutex_lock(&all->lock);
    struct sq_store *store = all->stores;
    while (store && (store->busy || store->ops != plugin->storage))
        store = store->next;
    if (store)
        store->busy = true;
    else
        rc = open_store(all, plugin, &store, err);
    pthread_mutex_unlock(&all->lock);
    if (rc == 0)
        *ret = store;
    return rc;
}

void sq_store_give(struct sq_stores *all, struct sq_store *store)
{
    pthread_mutex_lock(&all->lock);
    store->busy = false;
    pthread_mutex_unlock(&all->lock);
}

int sq_store_shown(struct sq_store *store, int rc, struct sq_err *err)
{
    if (rc && err)
        sq_host_redact(store->host, err->text);
    return rc;
}
