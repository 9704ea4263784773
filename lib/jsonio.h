/* JSON at the edge: writing text directly into a buffer, and reading jansson
 * values with errors that name the field.  No json_t travels further inward. */
#ifndef SQ_LIB_JSONIO_H
#define SQ_LIB_JSONIO_H

#include <jansson.h>
#include <scitq/error.h>
#include "lib/arena.h"
#include "lib/buf.h"

/* Writer: keys and values appended in order; commas are its own business.
 *   sq_jw_init(&w, &buf); sq_jw_open(&w, '{'); sq_jw_key(&w, "id"); sq_jw_int(&w, 3);
 *   sq_jw_close(&w);
 * Depth at most 30.  Text must be valid UTF-8 (invalid bytes become U+FFFD). */
struct sq_jw {
    struct sq_buf *out;
    int depth;
    unsigned filled; /* bit d: something was written at depth d */
    char closer[32];
};

void sq_jw_init(struct sq_jw *w, struct sq_buf *out);
void sq_jw_open(struct sq_jw *w, char bracket); /* '{' or '[' */
void sq_jw_close(struct sq_jw *w);
void sq_jw_key(struct sq_jw *w, const char *key);
void sq_jw_int(struct sq_jw *w, int64_t v);      /* SQ_NULL: null */
void sq_jw_real(struct sq_jw *w, double v);      /* NAN, infinite: null; 2.0 has ".0" */
void sq_jw_bool(struct sq_jw *w, int v);         /* -1: null */
void sq_jw_text(struct sq_jw *w, const char *v); /* NULL: null */
void sq_jw_textn(struct sq_jw *w, const char *v, size_t len);
void sq_jw_time(struct sq_jw *w,
                int64_t time_us); /* the API's ISO text; SQ_NULL: null */
void sq_jw_null(struct sq_jw *w);
/* A value that is JSON already. */
void sq_jw_raw(struct sq_jw *w, const char *json, size_t len);

/* Only the escaped characters, without the quotes: for text streamed in pieces, which
 * are cut between characters.  NUL is dropped. */
void sq_json_escape(const char *text, size_t len, struct sq_buf *out);

/* Parse one document: SQ_EINVAL with position and reason; nesting at most 100,
 * duplicate keys and NUL in strings refused.  Caller json_decref()s *ret. */
int sq_json_parse(const char *text, size_t len, json_t **ret, struct sq_err *err);
/* A document whose strings hold any bytes, into one that parses, by the rule of
 * lib/utf8.h: NUL is dropped, what is no character (a lone surrogate too) is U+FFFD. */
void sq_json_mend(const char *text, size_t len, struct sq_buf *out);

/* Field readers: the value, or an error naming `what`.  Numbers given as strings
 * are accepted for integers and reals, numbers for texts (http-api.md A.1).  JSON's
 * null gives the kind's null (SQ_NULL, NAN, -1, NULL). */
int sq_json_to_int(const json_t *v, const char *what, int64_t *ret, struct sq_err *err);
int sq_json_to_real(const json_t *v, const char *what, double *ret, struct sq_err *err);
int sq_json_to_bool(const json_t *v, const char *what, int *ret, struct sq_err *err);
int sq_json_to_text(const json_t *v, const char *what, struct sq_arena *arena,
                    char **ret, struct sq_err *err);
int sq_json_to_time(const json_t *v, const char *what, int64_t *ret,
                    struct sq_err *err);

/* A scanner that splits a top-level JSON array, fed piece by piece, into the texts
 * of its elements: so that a body of 256 MiB is never held whole. */
struct sq_json_split {
    const char *what;      /* are its elements: "tasks", as errors name them */
    struct sq_buf element; /* its maximum is the largest element allowed */
    int state, depth;
    bool in_string, escaped;
    int64_t count;
};
typedef int sq_json_element_fn(void *arg, int64_t index, const char *text, size_t len,
                               struct sq_err *err);
/* `what` is kept by reference. */
void sq_json_split_init(struct sq_json_split *s, const char *what,
                        size_t max_element_bytes);
void sq_json_split_fini(struct sq_json_split *s);
/* Calls `element` for each one completed (without the white space around it, not
 * 0-terminated); its error stops and is returned.  SQ_EINVAL for a malformed array,
 * SQ_ETOOBIG for an element over the maximum.  After an error the scanner stays broken.
 */
int sq_json_split_feed(struct sq_json_split *s, const char *data, size_t len,
                       sq_json_element_fn *element, void *arg, struct sq_err *err);
int sq_json_split_end(struct sq_json_split *s,
                      struct sq_err *err); /* array was closed */

#endif
