/* Records in and out of JSON: one reader and one writer for every type, driven by the
 * field tables of core/model.  Nothing here knows what a task is.  Any thread. */
#ifndef SQ_HTTP_RECORD_H
#define SQ_HTTP_RECORD_H

#include <jansson.h>
#include "core/model/field.h"
#include "lib/jsonio.h"

enum {
    SQ_READ_CREATE = 1,     /* required fields must be there; a null is as if absent */
    SQ_READ_REFERENCES = 2, /* "#k" in a list of ids becomes -(k+1) */
    SQ_READ_WIDE = 4        /* integers may have 64 bits: they are not columns of 1.3 */
};

/* Read `object` into `rec`, whose other fields get their nulls; texts live in `arena`.
 * *ret_mask tells the fields given.  Fields that only the server sets are accepted and
 * ignored, since clients send whole objects back.  SQ_EINVAL names the field: unknown,
 * of a wrong type, missing, null where there must be a value; SQ_ESTATE for an unknown
 * status (in 1.3's words). */
int sq_record_from_json(const struct sq_type *type, const json_t *object,
                        unsigned flags, struct sq_arena *arena, void *rec,
                        uint64_t *ret_mask, struct sq_err *err);

/* Write the fields of `mask` as an object, absent values as null. */
void sq_record_to_json(struct sq_jw *w, const struct sq_type *type, uint64_t mask,
                       const void *rec);

/* Every field that JSON shows. */
uint64_t sq_record_visible(const struct sq_type *type);
/* The mask of a comma-separated list of fields (`fields=` of lists).  SQ_EINVAL. */
int sq_record_fields(const struct sq_type *type, const char *list, uint64_t *ret,
                     struct sq_err *err);

#endif
