/* Where the programs are that the worker runs beside itself. */
#ifndef SQ_WORKER_PROGRAM_H
#define SQ_WORKER_PROGRAM_H

#include <limits.h>

/* The one that `variable` of the environment names; else `name` beside this program (an
 * uninstalled one is in .libs); else where it is installed. */
void sq_program_find(const char *name, const char *variable, char path[PATH_MAX]);

#endif
