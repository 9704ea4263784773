/* Times: microseconds since 1970 UTC in an int64_t; SQ_NULL is "none".
 *
 * Two texts are used: the API's ISO form 2026-11-22T00:39:58.356026, and the
 * database's with a space instead of the T.  Both have six decimals, or none at all
 * when the microseconds are zero (http-api.md A.1), and no zone. */
#ifndef SQ_LIB_CLOCK_H
#define SQ_LIB_CLOCK_H

#include "lib/util.h"

enum { SQ_TIME_TEXT = 40 };

int64_t sq_now(void);       /* wall clock */
int64_t sq_monotonic(void); /* never steps; for durations and time limits */

/* `separator` is 'T' or ' '.  Returns `text`.  "" for SQ_NULL. */
const char *sq_time_format(int64_t time_us, char separator, char text[SQ_TIME_TEXT]);
/* Accepts either separator, 0 to 6 decimals, an optional Z or +00:00.
 * False, *ret untouched, for anything else. */
bool sq_time_parse(const char *text, int64_t *ret);

#endif
