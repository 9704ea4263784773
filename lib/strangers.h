/* Keys of a settings file that its program does not declare.  A plugin may: what
 * storages and watchers read stands in the file of the worker or the server that starts
 * them. Modules are asked in a process of its own, so that the daemon loads none for
 * that, and only where there is such a key. */
#ifndef SQ_LIB_STRANGERS_H
#define SQ_LIB_STRANGERS_H

#include <stddef.h>

struct sq_strangers {
    struct sq_stranger *v;
    size_t n;
};

/* Remember a key, and the warning about it. */
void sq_strangers_add(struct sq_strangers *s, const char *key, const char *warning);
/* Warn, in the log of `who`, of those that no plugin in the folders of `path` (NULL:
 * the default) declares, and forget all.  Before there are threads. */
void sq_strangers_tell(struct sq_strangers *s, const char *path, const char *who);

#endif
