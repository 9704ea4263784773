/* What a transaction changed, as a text that other processes of the server are told. */
#ifndef SQ_STORE_NOTICE_H
#define SQ_STORE_NOTICE_H

#include "core/store/changes.h"
#include "lib/buf.h"

/* PostgreSQL's limit of a notification is 8000 bytes. */
enum { SQ_NOTICE_MAX = 7900 };

/* Append what `from` has to tell those of other roles: the scheduler's process only
 * what wakes workers, followers and watchers of tasks; others also what it must look
 * at.  Changes too many for a notification are told as `failed`: look at everything.
 * `b` has room for SQ_NOTICE_MAX bytes. */
void sq_notice_write(struct sq_buf *b, const struct sq_changes *from, bool scheduler);
/* Add what a text tells to *io; one that cannot be understood sets `failed`. */
void sq_notice_read(const char *text, struct sq_changes *io);

#endif
