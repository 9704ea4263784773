/* What a module must be before a function of it is called. */
#ifndef SQ_LIB_PLUGIN_CHECK_H
#define SQ_LIB_PLUGIN_CHECK_H

#include "lib/plugin.h"

/* Is `path` a whole shared object for this machine?  SQ_ENOENT, SQ_EINVAL. */
int sq_plugin_check_file(const char *path, struct sq_err *err);
/* ABI version, name, required operations, protocols, settings.  SQ_EINVAL. */
int sq_plugin_check_storage(const struct sq_storage_ops *ops, const char *name,
                            struct sq_err *err);
/* ABI version, name, required operations, aliases, settings.  SQ_EINVAL. */
int sq_plugin_check_provider(const struct sq_provider_ops *ops, const char *name,
                             struct sq_err *err);
/* Can a module stand beside `other`, found earlier?  SQ_EEXIST: the same name, or a
 * protocol or an alias that the other has. */
int sq_plugin_check_pair(const struct sq_plugin *p, const struct sq_plugin *other,
                         struct sq_err *err);

#endif
