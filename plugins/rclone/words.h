/* What rclone says of a failure, in our words and with our codes. */
#ifndef SQ_RCLONE_WORDS_H
#define SQ_RCLONE_WORDS_H

#include <scitq/storage.h>

/* `doing` is "fetch", "store"…; `status` rclone's exit status; `said` what it wrote
 * about errors, the last lines last; `config` its configuration file.  Returns the code
 * and fills `err`. */
int words_fail(const char *doing, const struct sq_location *at, int status,
               const char *said, const char *config, struct sq_err *err);

#endif
