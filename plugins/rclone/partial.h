/* For many files: a storage that shows what arrives before it is whole gets it into a
 * folder of its own beside the place, from where it is renamed. */
#ifndef SQ_RCLONE_PARTIAL_H
#define SQ_RCLONE_PARTIAL_H

#include "plugins/rclone/command.h"
#include "plugins/rclone/place.h"

/* Can what is stored there be seen before it is whole, and be helped? */
int partial_wanted(const struct place *p, const struct remote *remote);

/* Call `fill` with the name of a new folder, in rclone's writing, to fill it and to
 * rename what is whole; then what is left in it is removed.  Returns what `fill` did.
 */
typedef int partial_fn(void *arg, const char *folder, struct sq_err *err);
int partial_folder(struct sq_storage *s, const struct place *to, struct sq_call *call,
                   partial_fn *fill, void *arg, struct sq_err *err);

#endif
