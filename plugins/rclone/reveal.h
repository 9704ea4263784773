/* The password behind what `rclone obscure` made of it. */
#ifndef SQ_RCLONE_REVEAL_H
#define SQ_RCLONE_REVEAL_H

#include <stddef.h>

/* A new string; NULL when `obscured` is no such thing, or out of memory. */
char *reveal(const char *obscured, size_t len);

#endif
