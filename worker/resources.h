/* Resources: what tasks need and do not change, fetched once for all of them.
 *
 * A cache folder in BASE_WORKDIR, of this worker, outlives it.  Whoever needs a
 * resource waits until its source was looked at after he came: one look, and one
 * download if the source is new or has changed, serves all who came before it began;
 * those who come meanwhile share the next look.  Then it is linked into each one's
 * folder.  A new version is a new folder: what tasks have of the old one stays theirs.
 *
 * resources.c       who waits for what
 * resource_fetch.c  looking, fetching
 * resource_cache.c  the folders: found, removed
 * resource_disk.c   what is in one, and when it is whole */
#ifndef SQ_WORKER_RESOURCES_H
#define SQ_WORKER_RESOURCES_H

#include "worker/aside.h"
#include "worker/transfer.h"

struct sq_resource;
TAILQ_HEAD(sq_resource_list, sq_resource);

struct sq_resources {
    struct sq_loop *loop;
    struct sq_transfers *transfers;
    struct sq_aside *aside;
    char *path; /* of the cache */
    int dir;    /* -1: not there (yet) */
    int64_t next_number;
    struct sq_resource_list all; /* the longest unused first */
    bool ending, cleaning;
    void (*cleaned)(void *arg);
    void *arg;
};

struct sq_resources_conf {
    const char *base, *name; /* BASE_WORKDIR; the folder in it */
    struct sq_loop *loop;
    struct sq_transfers *transfers;
    struct sq_aside *aside;
    void (*cleaned)(void *arg); /* what sq_resources_clean took away is gone */
    void *arg;
};
/* The folder is made when it is first needed.  What an earlier process left half is
 * removed. */
int sq_resources_open(struct sq_resources *all, const struct sq_resources_conf *conf,
                      struct sq_err *err);
/* First, lest what ends meanwhile is taken for news; then end the transfers and what is
 * done aside; then close. */
void sq_resources_leave(struct sq_resources *all);
void sq_resources_close(struct sq_resources *all);

/* A resource in somebody's use: from when he wants it until he ends.  `fn` is called
 * once it is linked (`why` NULL) or cannot be had. */
typedef void sq_resource_fn(void *arg, const char *why);
struct sq_use;
/* `to` is the folder to link into, borrowed until `fn` was called; -1: hold it only,
 * for one who has it linked already (`fn` is not called).  NULL: no memory. */
struct sq_use *sq_resource_use(struct sq_resources *all, const char *uri, int to,
                               sq_resource_fn *fn, void *arg);
/* No longer used, or waited for.  True: `fn` is called no more.  False: links are just
 * being made into his folder, and `fn` is called, once, when that is over. */
bool sq_resource_end_use(struct sq_use *use);

/* Remove what nobody uses. */
void sq_resources_reset(struct sq_resources *all);
/* Make room: of what nobody uses, remove what was not used for longest; one at a time.
 */
void sq_resources_clean(struct sq_resources *all);

#endif
