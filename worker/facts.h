/* What this machine has, as the worker tells when it registers (doc/sync.md). */
#ifndef SQ_WORKER_FACTS_H
#define SQ_WORKER_FACTS_H

#include "lib/jsonio.h"

/* The member "facts".  The disk is that of `base_workdir`; `gpus` is the folder in
 * which NVIDIA's driver tells of its devices, absent where there is none. */
void sq_facts_write(struct sq_jw *w, const char *base_workdir, const char *gpus);

#endif
