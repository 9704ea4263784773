/* Text of others on a terminal: nothing that it would obey, nothing that turns around
 * what is read (Unicode's bidirectional controls: a name written with them shows
 * another one). */
#ifndef SQ_LIB_VISIBLE_H
#define SQ_LIB_VISIBLE_H

#include "lib/buf.h"

/* Append `text`: what is no character to be seen as "\n", "\x1b", "\u202e"; with
 * `lines`, ends of lines and tabs are kept. */
void sq_visible_add(struct sq_buf *out, const char *text, bool lines);
/* Is this character one of those?  NUL is. */
bool sq_visible_hides(uint32_t character);

#endif
