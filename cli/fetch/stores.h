/* Opened storages: instances of plugins, each used by one thread at a time.
 *
 * A thread that moves data takes an instance for its protocol and gives it back; as
 * many are opened as are used at once.  Any thread. */
#ifndef SQ_CLI_FETCH_STORES_H
#define SQ_CLI_FETCH_STORES_H

#include <scitq/storage.h>
#include "lib/util.h"

struct sq_stores;
struct sq_store {
    const struct sq_storage_ops *ops;
    struct sq_storage *s;
    struct sq_host *host;
    bool busy;
    struct sq_store *next;
};

/* Load every plugin that is found in `path` (lib/plugin.h).  A broken one is warned
 * about.  `settings` (NULL: none) is the file they read theirs from; borrowed. */
int sq_stores_open(const char *path, const char *settings, struct sq_stores **ret,
                   struct sq_err *err);
void sq_stores_close(struct sq_stores *all); /* NULL is allowed */
/* The operations that serve a protocol.  SQ_EINVAL when there are none. */
int sq_stores_ops(struct sq_stores *all, const char *proto,
                  const struct sq_storage_ops **ret, struct sq_err *err);
int sq_store_take(struct sq_stores *all, const char *proto, struct sq_store **ret,
                  struct sq_err *err);
void sq_store_give(struct sq_stores *all, struct sq_store *store);
/* The code of an operation, its sentence with the plugin's secrets hidden. */
int sq_store_shown(struct sq_store *store, int rc, struct sq_err *err);

#endif
