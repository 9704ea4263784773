/* What a task runs on, as one short text: two tasks of the same key do the same.
 *
 * Command, container and options count as they are written; inputs and resources by
 * what the command finds of them: names, contents, and what is done to them on arrival.
 * Where they come from does not count, nor in which order they are listed, since they
 * arrive in any order.  No I/O, any thread. */
#ifndef SQ_CACHE_KEY_H
#define SQ_CACHE_KEY_H

#include "core/store/cache.h"

/* One input or resource: `content` as scitq-fetch hashes it (cli/fetch/digest.h). */
struct sq_cache_part {
    const char *action; /* "untar", "mv:x"; NULL: none */
    const char *content;
};

enum { SQ_CACHE_KEY_LEN = 40 };

/* Sorts both arrays. */
void sq_cache_key(const struct sq_cache_work *work, struct sq_cache_part *inputs,
                  size_t n_inputs, struct sq_cache_part *resources, size_t n_resources,
                  char ret[SQ_CACHE_KEY_LEN]);

#endif
