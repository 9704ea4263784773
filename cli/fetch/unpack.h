/* The actions on arrival that open what was fetched: gunzip, untar, unzip.
 *
 * An archive comes from outside: nothing in it is believed.  Entries land inside the
 * folder (inside.h) or the whole archive is refused with the entry's name: absolute
 * names, "..", entries through a link, links that lead out, devices.  What it expands
 * to may not fill the disk.  Checksums and lengths that the format has are verified to
 * the last byte; owners and set-user-id bits are dropped. */
#ifndef SQ_CLI_FETCH_UNPACK_H
#define SQ_CLI_FETCH_UNPACK_H

#include <scitq/error.h>
#include "lib/util.h"

enum sq_unpack_kind { SQ_UNPACK_GUNZIP, SQ_UNPACK_UNTAR, SQ_UNPACK_UNZIP };

struct sq_unpack {
    enum sq_unpack_kind kind;
    const char *archive; /* the file, its path */
    const char *shown;   /* what messages call it: its URI */
    const char *plain;   /* gunzip: the name of the file that comes out */
    int to;              /* the open folder, empty and the caller's alone */
    /* Told now and then how much was written in all; false stops: SQ_ECANCELED. */
    bool (*going)(void *arg, int64_t written_bytes);
    void *arg;
};

/* SQ_EINVAL: it is no such archive, damaged, or hostile.  SQ_ENOSPC.  After a failure
 * the folder may hold anything. */
int sq_unpack(const struct sq_unpack *u, struct sq_err *err);

/* "gunzip", "untar", "unzip". */
bool sq_unpack_parse(const char *action, enum sq_unpack_kind *ret);
/* "reads.fq.gz" gives reads.fq, "x.tgz" x.tar, what has no such ending stays as it is;
 * `out` has room for all of `name` and 4 bytes. */
void sq_unpack_plain_name(const char *name, char *out, size_t size);

#endif
