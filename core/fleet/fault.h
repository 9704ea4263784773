/* Why a playbook failed, in one sentence, from the lines that ansible-playbook prints:
 * the first task that failed and was not ignored, and the words of its result. */
#ifndef SQ_FLEET_FAULT_H
#define SQ_FLEET_FAULT_H

#include <stdbool.h>
#include <stddef.h>

struct sq_fleet_fault {
    char task[120]; /* the one that runs */
    char text[512]; /* "" as long as nothing failed */
    bool fresh;     /* the task that runs is the one that failed */
};

/* The next line that it printed, standard error included.  Starts from all zeros. */
void sq_fleet_fault_line(struct sq_fleet_fault *f, const char *line, size_t len);

#endif
