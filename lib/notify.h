/* What a daemon tells the service manager that started it: sd_notify(3)'s datagrams to
 * $NOTIFY_SOCKET.  Without that variable nothing is told; what cannot be told is
 * logged. Any thread may. */
#ifndef SQ_LIB_NOTIFY_H
#define SQ_LIB_NOTIFY_H

#include "lib/util.h"

/* Lines such as "READY=1\n", "STOPPING=1\n", "WATCHDOG=1\n". */
void sq_notify(const char *state);
/* What SIGHUP asked for begins; READY=1 says that it is done. */
void sq_notify_reloading(void);
/* Half the time after which the manager takes this process for hung, if it hears no
 * WATCHDOG=1; 0: it does not wait for any. */
int64_t sq_notify_period_us(void);

#endif
