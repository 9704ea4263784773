/* What scitq-server does when it is sent a signal, and while it waits for one. */
#ifndef SQ_CORE_SIGNALS_H
#define SQ_CORE_SIGNALS_H

#include <signal.h>

#include "core/living.h"
#include "core/sched/sched.h"

/* Before any thread: all inherit it, and only main takes signals. */
void sq_signals_block(sigset_t *ret);
/* Until asked to stop.  The service manager's watchdog hears of every turn of `sched`.
 */
void sq_signals_serve(const sigset_t *signals, const struct sq_sched *sched,
                      struct sq_living *living);
/* True: asked to stop, within so many microseconds.  To be called again and again: the
 * watchdog hears of each call. */
bool sq_signals_stop(const sigset_t *signals, struct sq_living *living,
                     int64_t wait_us);

#endif
