/* The plugins that are there: shared objects found in the folders searched, looked at,
 * loaded with libltdl and checked before any of their functions is called.
 *
 * A folder of SCITQ_PLUGIN_PATH (separated by `:`; an empty one stands for the folder
 * scitq came with, which is also the default) holds storage/NAME.so and
 * providers/NAME.so.  A module that cannot be used stays in the list with its problem
 * in words; nothing else suffers.  Of two modules of one kind and name the first found
 * counts.
 * One thread loads and frees; then any thread may look things up. */
#ifndef SQ_LIB_PLUGIN_H
#define SQ_LIB_PLUGIN_H

#include <scitq/provider.h>
#include <scitq/storage.h>
#include "lib/util.h"

struct sq_plugin {
    char *name;    /* the file's name without .so */
    char *path;    /* of the file */
    char *problem; /* why it cannot be used, one sentence; NULL: it can */
    /* One of these, what it is; both NULL with a problem. */
    const struct sq_storage_ops *storage;
    const struct sq_provider_ops *provider;
    void *module; /* libltdl's handle */
};

struct sq_plugins;

/* Load the storages in the folders of `path` (NULL or "": the default).  A folder that
 * is not there is an empty one.  SQ_ENOMEM; SQ_EIO when a folder cannot be read. */
int sq_plugins_load(const char *path, struct sq_plugins **ret, struct sq_err *err);
/* The same of the providers. */
int sq_plugins_load_providers(const char *path, struct sq_plugins **ret,
                              struct sq_err *err);
/* NULL is allowed.  No instance, no host may be left. */
void sq_plugins_free(struct sq_plugins *ps);

/* In the order found; borrowed until the set is freed. */
size_t sq_plugins_count(const struct sq_plugins *ps);
const struct sq_plugin *sq_plugins_at(const struct sq_plugins *ps, size_t i);
/* One more module of either kind, by its file: in the list, usable or with its problem.
 * SQ_ENOMEM. */
int sq_plugins_add(struct sq_plugins *ps, const char *file,
                   const struct sq_plugin **ret, struct sq_err *err);
/* The plugin that serves a protocol: the one that names it, else the one that takes
 * every other.  SQ_EUNSUPPORTED, with the problem of a broken module of that name. */
int sq_plugins_storage(const struct sq_plugins *ps, const char *proto,
                       const struct sq_plugin **ret, struct sq_err *err);
/* The provider of that name, or that calls it an alias.  SQ_EUNSUPPORTED, with the
 * problem of a broken module of that name. */
int sq_plugins_provider(const struct sq_plugins *ps, const char *name,
                        const struct sq_plugin **ret, struct sq_err *err);
/* Is it a provider that goes by this name? */
bool sq_plugin_is_called(const struct sq_plugin *p, const char *name);
/* The settings it declares, ended by a NULL key; NULL: none. */
const struct sq_setting *sq_plugin_table(const struct sq_plugin *p);
/* Does its table serve this protocol by name? */
bool sq_plugin_names(const struct sq_plugin *p, const char *proto);

/* The folder scitq's own plugins are in: "scitq" beside libscitq.so, wherever that was
 * loaded from (a build folder, $libdir, a DESTDIR).  Caller frees; NULL: no memory. */
char *sq_plugin_home(void);

#endif
