/* What a working directory is on disk: its folders and files, the header in
 * .execution, and how it is emptied.  Behind workdir.c. */
#ifndef SQ_WORKER_WORKDIR_DISK_H
#define SQ_WORKER_WORKDIR_DISK_H

#include "worker/workdir.h"

/* What belongs in it: four folders, then our files; ended by NULL. */
extern const char *const sq_workdir_names[];

/* Make or mend the folders and open .execution, written as free. */
int sq_workdir_prepare(struct sq_workdir *d, struct sq_err *err);

/* Read .execution, and the command of a held or started one.  SQ_ENOENT when the
 * folder has none or is not this worker's; a damaged one is taken for kept. */
int sq_workdir_load(struct sq_workdir *d, struct sq_err *err);

/* Empty it when that is quick (a few plain files) and see that all is as it must be.
 * False: nothing is promised, the cleaner must do it. */
bool sq_workdir_quick_empty(struct sq_workdir *d);

#endif
