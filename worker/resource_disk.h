/* A resource on the disk: CACHE/rN/{data/,about}.
 *
 * `data` is what was fetched, made read-only.  `about`, renamed into place when `data`
 * is whole, says of which URI it is, what the source was then (size, date), and every
 * entry with its size and date: without it there is no resource, and what is no longer
 * as it says (root may write anywhere) is not given to anybody.  Called on a thread
 * beside the loop but for sq_resource_read. */
#ifndef SQ_WORKER_RESOURCE_DISK_H
#define SQ_WORKER_RESOURCE_DISK_H

#include <scitq/error.h>
#include "lib/buf.h"

enum { SQ_RESOURCE_ABOUT_MAX = 256 << 20 }; /* a million entries with long names */

struct sq_resource_about { /* texts of the buffer it was read into */
    const char *uri, *source;
    const char *entries, *end; /* for sq_resource_link */
};

/* Make CACHE/NAME/data read-only and write CACHE/NAME/about. */
int sq_resource_seal(int cache, const char *name, const char *uri, const char *source,
                     struct sq_err *err);
/* SQ_ENOENT: there is none, or none that is whole. */
int sq_resource_read(int cache, const char *name, struct sq_buf *text,
                     struct sq_resource_about *ret, struct sq_err *err);
/* Link all of it into the folder `to`.  SQ_EPROTO: it is not as it was, or gone;
 * SQ_EEXIST: something else has a name there that it needs. */
int sq_resource_link(int cache, const char *name, int to, struct sq_err *err);

#endif
