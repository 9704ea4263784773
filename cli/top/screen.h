/* top's screen: one of curses, from open to close. */
#ifndef SQ_CLI_TOP_SCREEN_H
#define SQ_CLI_TOP_SCREEN_H

#include "cli/top/model.h"

/* SQ_EUNSUPPORTED: standard output is no terminal, or none that is known. */
int sq_top_screen_open(struct sq_err *err);
void sq_top_screen_close(void);
/* Draw it all; `line` is the last one: a question, what went wrong, or NULL for the
 * keys there are. */
void sq_top_draw(const struct sq_top *t, const char *line);
/* The next key, as curses names them; -1: none has been pressed. */
int sq_top_key(void);

#endif
