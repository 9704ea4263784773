/* Calls of a module that nobody stands behind: none cancels them, none looks at their
 * progress.  Any thread. */
#ifndef SQ_LIB_CALL_H
#define SQ_LIB_CALL_H

#include <scitq/plugin.h>

struct sq_call sq_call_alone(void);
/* Canceled already: for who tries what a module does then.  `cancel_fd` is readable. */
struct sq_call sq_call_canceled(int cancel_fd);
/* The progress of such calls, for one that is canceled in another way. */
void sq_call_no_progress(struct sq_call *call, int64_t done, int64_t total);

#endif
