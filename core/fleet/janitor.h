/* The janitor, within this room: janitor.c is its thread and looks after workers whose
 * machine is no more, unowned.c after machines that no worker has. */
#ifndef SQ_FLEET_JANITOR_H
#define SQ_FLEET_JANITOR_H

#include "core/fleet/impl.h"

struct sq_janitor {
    struct sq_call call; /* first: given to providers */
    struct sq_fleet *fleet;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* monotonic */
    atomic_bool stopping;
    bool silence; /* a worker has gone offline; under the lock */
    bool retuned; /* ...too */

    /* The thread's own. */
    struct sq_arena arena;
    int64_t period_s;                        /* JANITOR_PERIOD, as it is followed */
    int64_t next_round, next_look, pause_us; /* monotonic; INT64_MAX: none */
    bool *failing;                           /* each module's: it was said */
};

/* Have what could not be destroyed tried again; ask every provider that is configured
 * for its machines, and write down whatever no worker has. */
void sq_janitor_round(struct sq_janitor *j);

#endif
