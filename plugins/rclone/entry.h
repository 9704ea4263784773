/* The entries of `rclone lsjson`. */
#ifndef SQ_RCLONE_ENTRY_H
#define SQ_RCLONE_ENTRY_H

#include "plugins/rclone/command.h"

/* One JSON object as lsjson prints it, a final comma allowed.  With `ret_name` its path
 * in our writing, the caller's to free and ret->name.  0; SQ_EPROTO; SQ_ENOMEM. */
int entry_parse(const char *text, size_t len, unsigned want,
                const struct remote *remote, struct sq_entry *ret, char **ret_name);
/* 2026-11-22T07:29:04.351015281Z, also with an offset; SQ_UNKNOWN for anything else. */
int64_t entry_date(const char *text);
/* A local file as it is after a transfer: size, and the date that rclone copied too, if
 * the remote (NULL: not known) keeps any.
 * SQ_ENOENT. */
int entry_local(const char *path, const struct remote *remote, struct sq_entry *ret,
                struct sq_err *err);
/* The options of lsjson for what is wanted. */
void entry_options(struct command *c, unsigned want);

#endif
