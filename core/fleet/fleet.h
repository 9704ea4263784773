/* The fleet at work (product.md sections 7 and 9): jobs that make, configure and
 * destroy workers through provider plugins, each in a thread of its own.
 *
 * The database is the truth: a job is a row, what it did is in the rows of its worker,
 * every change goes through the writer.  One that a server left running is taken up
 * again by the next, which finds at the provider, by the worker's token, whatever there
 * is of its machine. */
#ifndef SQ_FLEET_FLEET_H
#define SQ_FLEET_FLEET_H

#include "core/store/changes.h"
#include "core/store/pool.h"
#include "core/store/tuning.h"
#include "core/store/writer.h"
#include "lib/plugin.h"

struct sq_fleet;
struct sq_fleet_setup {
    /* Another process carries out the jobs (--role=main): this one only knows the
     * providers. */
    bool knows_only;
    struct sq_writer *writer;
    struct sq_pool *pool;
    struct sq_plugins *plugins; /* the providers there are */
    const char *state_dir;
    const char *identity; /* of the database: whose machines these are */
    const char *secret;   /* the key of passes */
    const char *ca;       /* SCITQ_CA; NULL: none */
    const struct sq_tuned *tuned;
};

/* Is every item of `names`, SCITQ_PROVIDERS, name=plugin of a plugin that is there?
 * SQ_EINVAL; the sentence goes on after the setting's name. */
int sq_fleet_check_names(const struct sq_plugins *plugins, const char *names,
                         struct sq_err *err);
/* What do the providers that are in use think of their settings?  Nobody is asked.
 * SQ_EINVAL: one is wrong; one that is missing is only warned of. */
int sq_fleet_check_settings(const struct sq_plugins *plugins, const char *names,
                            const struct sq_conf *conf, struct sq_err *err);
/* Everything of `setup` is borrowed. */
int sq_fleet_start(const struct sq_fleet_setup *setup, struct sq_fleet **ret,
                   struct sq_err *err);
/* What runs is left as it is, to be taken up again; while the writer still runs.  NULL
 * is allowed, twice too. */
void sq_fleet_stop(struct sq_fleet *f);
/* Once the writer calls no hook any more. */
void sq_fleet_free(struct sq_fleet *f);
/* The plugin with which a machine of the provider that users call `provider` is watched
 * for its eviction; NULL: none.  Any thread. */
const char *sq_fleet_watcher(void *fleet, const char *provider);
/* Is anybody called so?  SQ_EINVAL.  Any thread. */
int sq_fleet_knows(void *fleet, const char *provider, struct sq_err *err);
/* Another set of settings counts now.  Any thread. */
void sq_fleet_tuned(struct sq_fleet *f);
/* From the writer's committed hook. */
void sq_fleet_committed(struct sq_fleet *f, const struct sq_changes *changes);

#endif
