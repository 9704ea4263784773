/* What the files of resources.h share. */
#ifndef SQ_WORKER_RESOURCES_IMPL_H
#define SQ_WORKER_RESOURCES_IMPL_H

#include "worker/resources.h"

enum { SQ_RESOURCE_NAME = 32 };

enum sq_resource_phase {
    SQ_RS_IDLE,
    SQ_RS_LOOKING,
    SQ_RS_FETCHING,
    SQ_RS_SEALING,
    SQ_RS_PAUSING, /* before what failed is tried again */
    SQ_RS_SERVING  /* those who waited are being told */
};
enum sq_use_state { SQ_USE_NEXT, SQ_USE_THIS, SQ_USE_LINKING, SQ_USE_HOLDING };

TAILQ_HEAD(sq_use_list, sq_use);

struct sq_resource {
    struct sq_resources *all;
    char *uri, *source;                   /* source: of what is here */
    char *shown;                          /* the URI without its secrets */
    int64_t number;                       /* of its folder; 0: nothing is here */
    int64_t used_ns;                      /* when last, as found at the start */
    enum sq_resource_phase phase, paused; /* paused: what to do again */
    int64_t new_number;                   /* being fetched */
    char *seen;                           /* what the look saw */
    char *error;                          /* of what is under way; NULL: none */
    bool retry, answered, canceled;
    int attempts;
    struct sq_transfer *transfer;
    struct sq_timer pause;
    struct sq_use_list uses;
    TAILQ_ENTRY(sq_resource) link; /* of all, the longest unused first */
};

struct sq_use {
    struct sq_resource *resource;
    enum sq_use_state state;
    bool ended; /* while it is being linked */
    int tries, to;
    sq_resource_fn *fn;
    void *arg;
    TAILQ_ENTRY(sq_use) link;
};

/* One thing done aside for a resource.  The folder's name is of `number`. */
struct sq_resource_job {
    struct sq_aside_job aside;
    struct sq_resources *all;
    struct sq_resource *resource;
    struct sq_use *use;
    int cache, to;
    char name[SQ_RESOURCE_NAME];
    int64_t number;
    bool cleaning; /* to make room */
    int rc;
    struct sq_err err;
};
/* NULL: no memory. */
struct sq_resource_job *sq_resource_job_new(struct sq_resources *all, int64_t number);
void sq_resource_job_add(struct sq_resource_job *j, void (*work)(struct sq_aside_job *),
                         void (*done)(struct sq_aside_job *));

/* ---- resources.c */

/* The present look is over: all who waited for it are told, or given what is here. */
void sq_resource_serve(struct sq_resource *r, const char *why);

/* ---- resource_fetch.c */

/* Begin to look at the source, or to fetch it; ends in sq_resource_serve. */
void sq_resource_do(struct sq_resource *r, enum sq_resource_phase phase);

/* ---- resource_cache.c */

/* Make the cache's folder if need be; it is open then. */
bool sq_resources_folder(struct sq_resources *all, bool make);
/* NULL: no memory. */
struct sq_resource *sq_resource_new(struct sq_resources *all, const char *uri);
struct sq_resource *sq_resource_find(struct sq_resources *all, const char *uri);
void sq_resource_free(struct sq_resource *r);
/* It is being used: the last one to go. */
void sq_resource_touch(struct sq_resource *r);
/* What is here goes; the resource stays. */
void sq_resource_discard(struct sq_resource *r);
/* A folder of the cache goes. */
void sq_resource_remove(struct sq_resources *all, int64_t number, bool cleaning);
/* Replace a text. */
void sq_resource_set(char **to, const char *text);

#endif
