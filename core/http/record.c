/* The one JSON reader and the one JSON writer of records.
 *
 * A field is looked up in the type's table, converted by its kind and stored at its
 * offset.  Integers are held to 32 bits, as 1.3's columns are, so that a huge number is
 * refused here with its field's name and not by a database without one. */
#include "core/http/record.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/status.h"
#include "core/store/record.h"
#include "lib/uri.h"

enum { REFERENCE_MAX = 10000000 };

static int read_int(const json_t *v, const char *name, unsigned flags, int64_t *ret,
                    struct sq_err *err)
{
    int64_t n;
    int code = sq_json_to_int(v, name, &n, err);
    if (code != 0)
        return code;
    if (!(flags & SQ_READ_WIDE) && (n > INT32_MAX || n < INT32_MIN))
        return sq_fail(err, SQ_EINVAL, "%s: %lld is out of range", name, (long long)n);
    *ret = n;
    return 0;
}

/* An unknown status is the error it was in 1.3; so is one that is no text. */
static int read_enum(const struct sq_field *f, const json_t *v, struct sq_arena *arena,
                     int *ret, struct sq_err *err)
{
    char *word;
    int code = sq_json_to_text(v, f->name, arena, &word, err);
    return code != 0 ? code : sq_status_parse(f->names, word, ret, err);
}

/* "#12" as -(12+1). */
static bool read_reference(const json_t *v, int64_t *ret)
{
    const char *text = json_string_value(v);
    if (!text || text[0] != '#' || !isdigit((unsigned char)text[1]))
        return false;
    char *end;
    long k = strtol(text + 1, &end, 10);
    if (*end || k < 0 || k > REFERENCE_MAX)
        return false;
    *ret = -(k + 1);
    return true;
}

static int read_ints(const struct sq_field *f, const json_t *v, unsigned flags,
                     struct sq_arena *arena, struct sq_ints *ret, struct sq_err *err)
{
    if (!json_is_array(v))
        return sq_fail(err, SQ_EINVAL, "%s must be a list of integers", f->name);
    size_t n = json_array_size(v);
    ret->n = 0;
    ret->v = sq_arena_array(arena, n, sizeof *ret->v);
    if (n && !ret->v)
        return sq_fail(err, SQ_ETOOBIG, "%s is too long", f->name);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(v, i);
        if ((flags & SQ_READ_REFERENCES) && read_reference(item, &ret->v[i]))
            continue;
        int code = read_int(item, f->name, flags, &ret->v[i], err);
        if (code != 0)
            return code;
        if (ret->v[i] < 0)
            return sq_fail(err, SQ_EINVAL, "%s: %lld is no id", f->name,
                           (long long)ret->v[i]);
    }
    ret->n = n;
    return 0;
}

/* A malformed URI could only fail later, on a worker.  Not so a relative path: what it
 * is relative to is the worker's, and 1.3 took it. */
static int read_text(const struct sq_field *f, const json_t *v, struct sq_arena *arena,
                     char **ret, struct sq_err *err)
{
    int code = sq_json_to_text(v, f->name, arena, ret, err);
    if (code == 0 && (f->flags & SQ_F_NAME) && strlen(*ret) > SQ_NAME_MAX)
        return sq_fail(err, SQ_EINVAL, "%s: at most %d bytes", f->name, SQ_NAME_MAX);
    if (code != 0 || !(f->flags & (SQ_F_URIS | SQ_F_FOLDER)))
        return code;
    code = f->flags & SQ_F_URIS ? sq_uri_check_list(*ret, SQ_URI_RELATIVE, err)
                                : sq_uri_check_output(*ret, SQ_URI_RELATIVE, err);
    return code != 0 ? sq_prefix(err, "%s: ", f->name) : 0;
}

static int read_field(const struct sq_field *f, const json_t *v, unsigned flags,
                      struct sq_arena *arena, void *at, struct sq_err *err)
{
    switch (f->kind) {
    case SQ_K_INT: return read_int(v, f->name, flags, at, err);
    case SQ_K_REAL: return sq_json_to_real(v, f->name, at, err);
    case SQ_K_TEXT: return read_text(f, v, arena, at, err);
    case SQ_K_BOOL: return sq_json_to_bool(v, f->name, at, err);
    case SQ_K_TIME: return sq_json_to_time(v, f->name, at, err);
    case SQ_K_ENUM: return read_enum(f, v, arena, at, err);
    case SQ_K_INTS: return read_ints(f, v, flags, arena, at, err);
    }
    return 0;
}

static int read_member(const struct sq_type *type, const char *key, const json_t *v,
                       unsigned flags, struct sq_arena *arena, void *rec,
                       uint64_t *mask, struct sq_err *err)
{
    int i = sq_field_find(type, key);
    if (i < 0 || (type->fields[i].flags & SQ_F_HIDDEN))
        return sq_fail(err, SQ_EINVAL, "%s has no field %.100s", type->name, key);
    const struct sq_field *f = &type->fields[i];
    if (f->flags & SQ_F_READONLY)
        return 0;
    if (json_is_null(v)) {
        if (flags & SQ_READ_CREATE)
            return 0;
        if ((f->flags & SQ_F_REQUIRED) || f->kind == SQ_K_ENUM)
            return sq_fail(err, SQ_EINVAL, "%s cannot be null", key);
    } else {
        int code = read_field(f, v, flags, arena, SQ_FIELD_PTR(rec, f), err);
        if (code != 0)
            return code;
    }
    *mask |= UINT64_C(1) << i;
    return 0;
}

static int check_required(const struct sq_type *type, uint64_t mask, struct sq_err *err)
{
    for (int i = 0; i < type->n_fields; i++)
        if ((type->fields[i].flags & SQ_F_REQUIRED) && !(mask & (UINT64_C(1) << i)))
            return sq_fail(err, SQ_EINVAL, "%s needs the field %s", type->name,
                           type->fields[i].name);
    return 0;
}

int sq_record_from_json(const struct sq_type *type, const json_t *object,
                        unsigned flags, struct sq_arena *arena, void *rec,
                        uint64_t *ret_mask, struct sq_err *err)
{
    if (!json_is_object(object))
        return sq_fail(err, SQ_EINVAL, "%s must be a JSON object", type->name);
    sq_record_clear(type, rec);
    uint64_t mask = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        int code = read_member(type, key, value, flags, arena, rec, &mask, err);
        if (code != 0)
            return code;
    }
    if (flags & SQ_READ_CREATE) {
        int code = check_required(type, mask, err);
        if (code != 0)
            return code;
    }
    *ret_mask = mask;
    return 0;
}

void sq_record_to_json(struct sq_jw *w, const struct sq_type *type, uint64_t mask,
                       const void *rec)
{
    sq_jw_open(w, '{');
    for (int i = 0; i < type->n_fields; i++)
        if (mask & (UINT64_C(1) << i))
            sq_field_to_json(w, &type->fields[i], rec);
    sq_jw_close(w);
}

uint64_t sq_record_visible(const struct sq_type *type)
{
    uint64_t mask = 0;
    for (int i = 0; i < type->n_fields; i++)
        if (!(type->fields[i].flags & (SQ_F_HIDDEN | SQ_F_ASKED)))
            mask |= UINT64_C(1) << i;
    return mask;
}

int sq_record_fields(const struct sq_type *type, const char *list, uint64_t *ret,
                     struct sq_err *err)
{
    uint64_t mask = 0;
    for (const char *at = list; *at;) {
        size_t len = strcspn(at, ",");
        char name[64] = "";
        if (len < sizeof name)
            memcpy(name, at, len);
        int i = sq_field_find(type, name);
        if (i < 0 || (type->fields[i].flags & SQ_F_HIDDEN))
            return sq_fail(err, SQ_EINVAL, "fields: %s has no field %.*s", type->name,
                           (int)(len < 100 ? len : 100), at);
        mask |= UINT64_C(1) << i;
        at += len + (at[len] == ',');
    }
    if (!mask)
        return sq_fail(err, SQ_EINVAL, "fields: names at least one field");
    *ret = mask;
    return 0;
}
