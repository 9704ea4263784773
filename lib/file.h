/* Files, whole and safely: complete reads and writes (EINTR and short counts
 * handled), making and emptying directories. */
#ifndef SQ_LIB_FILE_H
#define SQ_LIB_FILE_H

#include <scitq/error.h>
#include <sys/types.h>
#include "lib/buf.h"

/* The SQ_E* code of an errno: SQ_ENOENT, SQ_EEXIST, SQ_ENOSPC, SQ_ENOMEM, else
 * SQ_EIO. */
int sq_errno_code(int e);

int sq_write_all(int fd, const void *data, size_t len, struct sq_err *err);
/* Read from `fd` to its end into `out` (SQ_ETOOBIG past out's maximum). */
int sq_read_all(int fd, struct sq_buf *out, struct sq_err *err);
int sq_file_read(const char *path, struct sq_buf *out, struct sq_err *err);
/* mkdir -p; an existing directory is success. */
int sq_mkdirs(const char *path, mode_t mode, struct sq_err *err);
/* Remove everything below the directory, which stays; symbolic links are removed,
 * never followed.  Absent is success.  None of these enters a mount: what is mounted
 * below is not ours, and fails them. */
int sq_dir_empty(const char *path, struct sq_err *err);
int sq_dir_remove(const char *path, struct sq_err *err); /* and the directory too */
/* The same for `name`, one component, in the open directory `dir`, where it may have
 * become anything: a link or a file there is removed, or for sq_dir_empty_at refused.
 */
int sq_dir_empty_at(int dir, const char *name, struct sq_err *err);
int sq_dir_remove_at(int dir, const char *name, struct sq_err *err);
/* Open the directory `name` in `dir`, following no link and entering no mount (bind
 * mounts included): a descriptor, or -1 with errno (ELOOP, ENOTDIR, EXDEV…). */
int sq_open_dir_at(int dir, const char *name);

#endif
