/* Is this machine about to be taken back?  The provider's plugin knows where to look: a
 * child of ours (worker/watch/) runs it, for as long as the worker lives.  One that
 * fails is started again after growing pauses; one that says that nothing will ever be
 * seen here is not.  One thread (the loop). */
#ifndef SQ_WORKER_EVICTION_H
#define SQ_WORKER_EVICTION_H

#include "worker/child.h"
#include "worker/loop.h"

struct sq_eviction {
    struct sq_loop *loop;
    const char *settings;       /* the settings file; NULL: none */
    void (*evicted)(void *arg); /* called once */
    void *arg;
    char plugin[64]; /* "": nothing to watch */
    struct sq_child *child;
    struct sq_timer retry;
    int64_t pause_us;
    bool blind, seen;
};

/* `settings` is borrowed, or NULL. */
void sq_eviction_init(struct sq_eviction *e, struct sq_loop *loop, const char *settings,
                      void (*evicted)(void *arg), void *arg);
void sq_eviction_fini(struct sq_eviction *e);
/* Watch with this plugin, as the server says, from now on; NULL: with none.  Called
 * with the same name again it changes nothing. */
void sq_eviction_watch(struct sq_eviction *e, const char *plugin);

#endif
