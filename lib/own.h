/* Where this program is: what belongs to it is found from there, so that a build
 * folder, an installation and one that was moved work alike. */
#ifndef SQ_LIB_OWN_H
#define SQ_LIB_OWN_H

#include <limits.h>

/* The folder this program is in, without the final slash; "" when unknown. */
void sq_own_folder(char folder[PATH_MAX]);

#endif
