/* The spool: what was told to the server and is not acknowledged yet, in a file that
 * outlives the worker.
 *
 * Records are numbered as they are cut and written, in one write, before they are
 * sent; after any crash the same records go again with the same numbers.  Output
 * records hold only where the bytes are: they are read again from the execution's
 * files.  The file also keeps, for each live execution, how far it was told, and of
 * which database all this is.
 *
 * One text line a record, each led by its checksum, so that a torn last line is seen.
 * The file is rewritten, with the live executions' positions alone, when everything is
 * acknowledged and it has grown past SQ_SPOOL_REWRITE: since records are only cut when
 * they can be sent, an outage of a day adds nothing to it. */
#ifndef SQ_WORKER_SPOOL_H
#define SQ_WORKER_SPOOL_H

#include <scitq/error.h>
#include "lib/buf.h"
#include "worker/execution.h"
#include "worker/idmap.h"

enum {
    SQ_SPOOL_ID = 32,           /* hexadecimal digits */
    SQ_DATABASE_ID = 64,        /* the longest that is remembered */
    SQ_SPOOL_REWRITE = 1 << 18, /* bytes */
};

enum sq_record_kind { SQ_RECORD_STATUS, SQ_RECORD_OUTPUT, SQ_RECORD_NOTE };
enum sq_record_status {
    SQ_TOLD_ACCEPTED,
    SQ_TOLD_RUNNING,
    SQ_TOLD_SUCCEEDED,
    SQ_TOLD_FAILED,
    SQ_TOLD_DOWNLOADED, /* still accepted, but all it needs is here */
    SQ_TOLD_REFUSED     /* given back */
};
static inline bool sq_record_ends(enum sq_record_status status)
{
    return status == SQ_TOLD_SUCCEEDED || status == SQ_TOLD_FAILED ||
           status == SQ_TOLD_REFUSED;
}
const char *sq_record_status_name(enum sq_record_status status);

struct sq_record {
    int64_t seq, execution_id;
    enum sq_record_kind kind;
    /* SQ_RECORD_STATUS */
    enum sq_record_status status;
    int pid, return_code;
    int64_t bytes[SQ_STREAMS]; /* of each stream, with an end */
    /* SQ_RECORD_OUTPUT: `length` bytes at `position` of the stream's file.
     * SQ_RECORD_NOTE: `text` and a newline, which stand in no file. */
    int stream;
    int64_t offset, length, position;
    /* A note; or the output_files of an end, then perhaps a tab, which is in no name,
     * and their hash.  Borrowed when given. */
    const char *text;
};

/* How far an execution was told; found again after a restart. */
struct sq_position {
    int64_t execution_id;
    bool accepted, running, ended;
    struct sq_stream streams[SQ_STREAMS];
};

struct sq_spool {
    char *path;
    int fd;
    char id[SQ_SPOOL_ID + 1];
    char database[SQ_DATABASE_ID + 1]; /* "": not known */
    int64_t next_seq, acked, size_bytes;
    struct sq_record *records; /* not acknowledged, ascending */
    size_t n, cap;
    struct sq_buf lines;        /* cut, not written yet */
    struct sq_idmap positions;  /* as read at open, until forgotten */
    bool synced, failing, torn; /* failing: the last write failed, and it was said */
};

/* Open or make the spool.  A file that is no spool is put aside as PATH.bad and a new
 * one begun; `torn` tells that the end was damaged. */
int sq_spool_open(struct sq_spool *s, const char *path, struct sq_err *err);
void sq_spool_close(struct sq_spool *s);
const struct sq_position *sq_spool_position(const struct sq_spool *s, int64_t id);
void sq_spool_forget_positions(struct sq_spool *s);

/* Number the record and keep it. */
int sq_spool_add(struct sq_spool *s, struct sq_record *r, struct sq_err *err);
/* Write what was added.  A full disk is no reason to stop telling the server: it is
 * logged once, and the numbers skip ahead at the next start. */
void sq_spool_commit(struct sq_spool *s);
/* To the disk itself: for records that the server does not acknowledge at once. */
void sq_spool_sync(struct sq_spool *s);
/* Everything up to `acked` is stored by the server.  A number beyond ours (our tail
 * was lost) moves us past it. */
void sq_spool_acknowledge(struct sq_spool *s, int64_t acked);
/* Forget what is not acknowledged; later numbers are far from these. */
void sq_spool_drop(struct sq_spool *s);

/* Remember the database; "" forgets it.  One that is too long is not remembered. */
void sq_spool_set_database(struct sq_spool *s, const char *id);
/* Begin under a new id: what was told under the old one is nobody's any more. */
int sq_spool_renew(struct sq_spool *s, struct sq_err *err);

/* True when it is time for: begin, put each live execution's position, end. */
bool sq_spool_wants_rewrite(const struct sq_spool *s);
void sq_spool_rewrite_begin(struct sq_spool *s);
void sq_spool_put(struct sq_spool *s, const struct sq_position *p);
void sq_spool_rewrite_end(struct sq_spool *s);

#endif
