/* Field tables: what a Task, a Worker, an Execution is made of, as data.
 *
 * One const table per type, in the order of http-api.md A.2, drives JSON reading and
 * writing, SQL binding and reading, and list filters: a field is written once.
 * A *mask* has bit i set for field i of the type's table. */
#ifndef SQ_MODEL_FIELD_H
#define SQ_MODEL_FIELD_H

#include "lib/util.h"

enum sq_kind {
    SQ_K_INT,  /* int64_t, SQ_NULL */
    SQ_K_REAL, /* double, NAN */
    SQ_K_TEXT, /* char *, NULL */
    SQ_K_BOOL, /* int, -1 */
    SQ_K_TIME, /* int64_t microseconds, SQ_NULL */
    SQ_K_ENUM, /* int, index into names, -1; text in JSON and in the database */
    SQ_K_INTS  /* struct sq_ints */
};

enum {
    SQ_F_READONLY = 1,    /* set by the server; ignored when a client sends it back */
    SQ_F_REQUIRED = 2,    /* must be given at creation */
    SQ_F_COMPUTED = 4,    /* in JSON, not a column of the table */
    SQ_F_STORED_TEXT = 8, /* a number kept in a text column, as 1.3 did */
    SQ_F_HIDDEN = 16,     /* a column, not in JSON */
    SQ_F_URIS = 32,       /* a list of URIs */
    SQ_F_FOLDER = 64,     /* the URI of one folder */
    SQ_F_JSON = 128,      /* a text that is JSON itself */
    SQ_F_NAME = 256,      /* a text of at most SQ_NAME_MAX bytes: it has an index */
    SQ_F_ASKED = 512      /* ours: in JSON where `fields` names it, and only there */
};
enum { SQ_NAME_MAX = 1000 };

/* A closed set of words: statuses, actions. */
struct sq_names {
    const char *const *names; /* NULL-terminated */
};
int sq_name_find(const struct sq_names *set, const char *name); /* -1: unknown */
const char *sq_name(const struct sq_names *set, int value);     /* NULL for -1 */

struct sq_ints {
    int64_t *v;
    size_t n;
};

struct sq_field {
    const char *name;
    enum sq_kind kind;
    size_t offset;
    unsigned flags;
    const struct sq_names *names; /* SQ_K_ENUM */
};
/* A row of a table of fields: the member of a struct under its own name. */
#define SQ_FIELD(type, member, kind, flags)                                            \
    {                                                                                  \
#member, kind, offsetof(type, member), flags, NULL                             \
    }

struct sq_type {
    const char *name;  /* as in messages: "Task" */
    const char *table; /* SQL table */
    const struct sq_field *fields;
    int n_fields;
    size_t size; /* of the struct */
};

/* Index of a field by name, -1 when the type has none. */
int sq_field_find(const struct sq_type *type, const char *name);
/* Every field of `rec` set to its null. */
void sq_record_clear(const struct sq_type *type, void *rec);

#define SQ_FIELD_PTR(rec, f) ((void *)((char *)(rec) + (f)->offset))

#endif
