/* The settings that may change while the server runs: whoever needs one reads it of the
 * set that counts now, each time.
 *
 * A set is replaced as a whole (core/living.c) and never changed, and lives as long as
 * the program: what was read of it may be kept. */
#ifndef SQ_STORE_TUNING_H
#define SQ_STORE_TUNING_H

#include <stdatomic.h>

#include "core/store/recruited.h"
#include "lib/conf.h"

struct sq_tuning {
    /* How workers are recruited; without a server_name nobody is. */
    struct sq_recruited_conf recruiting;
    /* WORKER_…_DELAY */
    int64_t offline_us, lost_us; /* lost 0: never */
    int64_t idle_s, first_task_s;

    const char *server;      /* URL at which workers reach this server */
    bool on_loopback;        /* ...by nobody's choice: SCITQ_SERVER is not set */
    const char *rclone_conf; /* path of the server's rclone.conf */
    const char *remote_uri;  /* REMOTE_URI; NULL: none */

    const struct sq_conf *conf; /* what providers read theirs from */
    const char *providers; /* SCITQ_PROVIDERS: name=plugin pairs; NULL: every name */
    const char *playbooks, *inventory; /* Ansible's: a folder, and what -i is given */
    int concurrency;                   /* WORKER_CREATE_CONCURRENCY */
    int lifetime_s;                    /* JOB_MAX_LIFETIME */
    int64_t janitor_s;                 /* JANITOR_PERIOD; 0: no rounds */
    bool janitor_destroys;             /* JANITOR_ACTION */
};

struct sq_tuned {
    _Atomic(const struct sq_tuning *) now;
};

/* Any thread. */
static inline const struct sq_tuning *sq_tuning(const struct sq_tuned *t)
{
    return atomic_load(&((struct sq_tuned *)t)->now);
}

#endif
