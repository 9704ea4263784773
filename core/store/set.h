/* Sets on their way into SQL: rows of numbers and texts as one JSON text, bound as one
 * parameter and taken apart by json_each (SQLite) or json_array_elements (PostgreSQL).
 * So a statement costs the same round trip for one row or a thousand.
 *
 *   SQ_CLEANUP(sq_set_fini) struct sq_set s;
 *   sq_set_init(&s);
 *   sq_set_int(&s, 7);
 *   sq_bind_text(st, 1, sq_set_text(&s));
 *
 * A set that did not fit in memory reads as text that is no JSON, so that the query it
 * is bound to fails rather than miss rows. */
#ifndef SQ_STORE_SET_H
#define SQ_STORE_SET_H

#include "lib/buf.h"
#include "lib/jsonio.h"

struct sq_set {
    struct sq_buf text;
    struct sq_jw w; /* for rows: open, sq_jw_*, close */
    size_t n;       /* items */
};

void sq_set_init(struct sq_set *s); /* s must not move until fini */
void sq_set_fini(struct sq_set *s);
/* Empty again, memory kept. */
void sq_set_clear(struct sq_set *s);
void sq_set_int(struct sq_set *s, int64_t v);
void sq_set_ints(struct sq_set *s, const int64_t *v, size_t n);
void sq_set_str(struct sq_set *s, const char *text);
/* An item that is a row, [a, b, …]. */
void sq_set_open(struct sq_set *s);
void sq_set_close(struct sq_set *s);
/* A time inside a row as databases store it: always six decimals. */
void sq_set_time(struct sq_set *s, int64_t time_us);
/* Ends the array; valid until fini or clear.  Never NULL. */
const char *sq_set_text(struct sq_set *s);

#endif
