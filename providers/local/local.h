/* Between the files of the local provider.
 *
 * local.c      the table, and its operations told from what follows
 * catalog.c    flavors, offers and quotas, from the settings
 * folder.c     a machine's folder: made, described, removed
 * process.c    the processes of a machine: started, found, killed */
#ifndef LOCAL_H
#define LOCAL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <scitq/provider.h>

/* In the environment of each process of a machine: the machine's folder. */
#define MARK "SCITQ_LOCAL_MACHINE"

struct sq_provider {
    struct sq_host *host;
    char owner[SQ_TOKEN_SIZE];
};

/* One flavor of LOCAL_FLAVORS. */
struct flavor {
    char name[SQ_WORD_SIZE], tags[16];
    int cpu, eviction;
    double ram_gb, disk_gb, cost;
};
enum { FLAVORS_MAX = 64, REGIONS_MAX = 32 };
struct catalog {
    struct flavor flavors[FLAVORS_MAX];
    char regions[REGIONS_MAX][SQ_WORD_SIZE];
    int n_flavors, n_regions;
};
/* SQ_EINVAL: a setting is wrong. */
int catalog_read(struct sq_host *host, struct catalog *ret, struct sq_err *err);

/* The folder of a token, below the provider's own; made only by folder_make. */
struct folder {
    char path[PATH_MAX];
};
int folder_of(struct sq_provider *p, const char *token, struct folder *ret,
              struct sq_err *err);
/* Make it with what it is for: texts of `req`.  Already there is success. */
int folder_make(const struct folder *f, const struct sq_launch *req,
                struct sq_err *err);
/* What was written down: token and texts into *ret.  SQ_ENOENT: there is no folder. */
int folder_read(const struct folder *f, struct sq_machine *ret, struct sq_err *err);
int folder_remove(struct sq_provider *p, const struct folder *f, struct sq_call *call,
                  struct sq_err *err);
/* Tokens of this owner's folders, one call of `each` for each; not 0 ends it. */
int folder_each(struct sq_provider *p, int (*each)(void *arg, const char *token),
                void *arg, struct sq_err *err);

/* Take the machine's lock: a descriptor that no process of ours keeps; -1: held by a
 * worker that lives.  SQ_EIO.  The worker holds it from its first moment on, so that no
 * second one is ever started, whenever this process dies. */
int process_lock(const struct folder *f, int *ret_fd, struct sq_err *err);
/* LOCAL_WORKER, NULL where it is not set; the host's. */
const char *process_told(struct sq_host *host);
/* Start the worker, which takes `lock` over, apart from this process: it is nobody's
 * child and outlives us. */
int process_start(struct sq_provider *p, const struct folder *f,
                  const struct sq_launch *req, int lock, struct sq_err *err);
/* Kill every process of the machine, until there is none. */
int process_kill(struct sq_provider *p, const struct folder *f, struct sq_call *call,
                 struct sq_err *err);

#endif
