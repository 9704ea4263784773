/* Where we are among the machine's control groups. */
#ifndef SQ_WORKER_SUPERVISOR_HIERARCHY_H
#define SQ_WORKER_SUPERVISOR_HIERARCHY_H

#include "lib/util.h"

enum { SQ_GROUP_PATH = 512 };

/* Our path in the hierarchy of `controller` (NULL: version 2), as the kernel says it.
 * False when there is no such hierarchy. */
bool sq_hierarchy_path(const char *controller, char path[SQ_GROUP_PATH]);
/* The folder of the group we are in, "" when that hierarchy is not mounted. */
void sq_hierarchy_folder(const char *controller, char folder[SQ_GROUP_PATH]);
/* Is `word` one of the words of `list`, separated by `separators`? */
bool sq_hierarchy_has_word(const char *list, const char *word, const char *separators);

#endif
