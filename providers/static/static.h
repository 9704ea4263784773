/* Between the files of the static provider.
 *
 * static.c     the table, and its operations told from what follows
 * machines.c   the file of machines
 * lease.c      who has which, one file a machine */
#ifndef STATIC_H
#define STATIC_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include <scitq/provider.h>

enum { MACHINES_MAX = 1000 };

/* One line of the file. */
struct listed {
    char name[SQ_NAME_SIZE], address[SQ_ADDRESS_SIZE], user[SQ_WORD_SIZE];
    char flavor[SQ_WORD_SIZE], region[SQ_WORD_SIZE], tags[16], gpu[SQ_WORD_SIZE];
    char identity[SQ_PATH_SIZE];
    int port, cpu;
    double ram_gb, disk_gb, gpumem_gb, cost;
};
struct machines {
    struct listed *v;
    size_t n;
};
/* SQ_EINVAL names the line and what is wrong with it. */
int machines_read(const char *path, struct machines *ret, struct sq_err *err);
void machines_free(struct machines *m);
const struct listed *machines_find(const struct machines *m, const char *name);

/* Who has a machine. */
struct lease {
    char machine[SQ_NAME_SIZE], owner[SQ_TOKEN_SIZE], token[SQ_TOKEN_SIZE];
    char name[SQ_NAME_SIZE]; /* of the worker */
};
/* Take `l->machine` for its owner and token: SQ_EEXIST when somebody has it, SQ_EPROTO
 * when nobody knows who. */
int lease_take(const char *folder, const struct lease *l, struct sq_err *err);
int lease_drop(const char *folder, const char *machine, struct sq_err *err);
/* Each lease of an owner; not 0 ends it. */
int lease_each(const char *folder, const char *owner,
               int (*each)(void *arg, const struct lease *l), void *arg,
               struct sq_err *err);

#endif
