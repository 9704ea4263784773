/* What every field table shares: finding a field or a word by name, and giving a record
 * the nulls of its kinds.  Linear searches: the tables have at most twenty rows. */
#include "core/model/field.h"

#include <math.h>
#include <string.h>

int sq_name_find(const struct sq_names *set, const char *name)
{
    for (int i = 0; name && set->names[i]; i++)
        if (strcmp(set->names[i], name) == 0)
            return i;
    return -1;
}

const char *sq_name(const struct sq_names *set, int value)
{
    return value < 0 ? NULL : set->names[value];
}

int sq_field_find(const struct sq_type *type, const char *name)
{
    for (int i = 0; i < type->n_fields; i++)
        if (strcmp(type->fields[i].name, name) == 0)
            return i;
    return -1;
}

static void clear(const struct sq_field *f, void *at)
{
    switch (f->kind) {
    case SQ_K_INT:
    case SQ_K_TIME: *(int64_t *)at = SQ_NULL; break;
    case SQ_K_REAL: *(double *)at = NAN; break;
    case SQ_K_TEXT: *(char **)at = NULL; break;
    case SQ_K_BOOL:
    case SQ_K_ENUM: *(int *)at = -1; break;
    case SQ_K_INTS: *(struct sq_ints *)at = (struct sq_ints){0}; break;
    }
}

void sq_record_clear(const struct sq_type *type, void *rec)
{
    memset(rec, 0, type->size);
    for (int i = 0; i < type->n_fields; i++)
        clear(&type->fields[i], SQ_FIELD_PTR(rec, &type->fields[i]));
}
