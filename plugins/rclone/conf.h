/* rclone.conf as far as scitq needs it: what each remote is, and what nobody is to see.
 * What rclone makes of the rest is rclone's. */
#ifndef SQ_RCLONE_CONF_H
#define SQ_RCLONE_CONF_H

#include <scitq/storage.h>

struct conf;

/* Read the file `path`, if it can be read: rclone itself tells what is wrong with it.
 * The host is told to hide the secrets of the file, and those of the environment that
 * rclone would take.  SQ_ENOMEM; SQ_EINVAL when it is far too long. */
int conf_open(struct sq_host *host, const char *path, struct conf **ret,
              struct sq_err *err);
void conf_close(struct conf *c); /* NULL is allowed */

/* Is the remote of this type, or one that stands for another (alias, crypt…) that is?
 */
int conf_is(const struct conf *c, const char *remote, const char *type);
/* *** in the place of secrets.  Before a text is cut: half a secret is not found. */
void conf_redact(const struct conf *c, char *text);

#endif
