/* Where data is, as users write it and as plugins are told.
 *
 * A local path is made absolute.  In names, %20 stands for a space, %25 for a percent
 * sign, %7C for a bar, %0A and %09 for a newline and a tab; any other % is itself.  The
 * URLs of http, https and ftp are left as they are. */
#ifndef SQ_CLI_FETCH_PLACE_H
#define SQ_CLI_FETCH_PLACE_H

#include <scitq/storage.h>
#include "lib/buf.h"
#include "lib/uri.h"

struct sq_place {
    const char *text; /* as given but for secrets, for messages */
    struct sq_uri uri;
    const char *path; /* what the storage calls it */
    bool folder;      /* ends in '/', or is a run of a sequencing archive */
    bool local;       /* a path on this machine */
    bool url;         /* http, https, ftp */
};

/* Everything in `arena`.  SQ_EINVAL names the defect. */
int sq_place_parse(const char *text, struct sq_arena *arena, struct sq_place *ret,
                   struct sq_err *err);
/* The place itself, with another path when that is not NULL. */
struct sq_location sq_place_at(const struct sq_place *p, const char *path);
/* The path of `name` below the folder; NULL: out of memory. */
char *sq_place_below(const struct sq_place *p, const char *name,
                     struct sq_arena *arena);
/* The name a file has at home: the last step of its path, "?query" left out.
 * SQ_EINVAL when there is none. */
int sq_place_name(const struct sq_place *p, struct sq_arena *arena, char **ret,
                  struct sq_err *err);
/* The URI of `name` below (NULL: of the place), such that parsing gives it back. */
void sq_place_print(const struct sq_place *p, const char *name, struct sq_buf *out);
/* Where `err` is SQ_ENOSPC, whoever is to make room reads for which URI and, when what
 * comes is kept here, in which folder (NULL: in the storage).  Returns its code. */
int sq_place_full(const struct sq_place *p, const char *folder, int rc,
                  struct sq_err *err);

#endif
