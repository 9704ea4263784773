/* Records and rows: everything SQL that follows from a field table alone.  Column
 * lists, reading, inserting and updating are generated here and nowhere else, so that
 * a new field needs no new statement. */
#ifndef SQ_STORE_RECORD_H
#define SQ_STORE_RECORD_H

#include "core/model/entity.h"
#include "core/store/db.h"
#include "lib/arena.h"
#include "lib/jsonio.h"

/* True for a field that is a column of its table. */
bool sq_field_stored(const struct sq_field *f);
/* "task_id, name, …": the stored fields in the table's order. */
void sq_record_columns(const struct sq_type *type, struct sq_buf *sql);
/* Read these columns, from column `first` on, into `rec` (texts in `arena`); the other
 * fields get their null.  Returns the column after the last; -1 when out of room. */
int sq_record_read(struct sq_stmt *st, int first, const struct sq_type *type,
                   struct sq_arena *arena, void *rec);

/* The fields of `mask` whose values differ between two records. */
uint64_t sq_record_diff(const struct sq_type *type, const void *a, const void *b,
                        uint64_t mask);
/* Shallow copy of the fields of `mask`. */
void sq_record_merge(const struct sq_type *type, void *into, const void *from,
                     uint64_t mask);

/* n keys that nobody else will get. */
int sq_record_reserve(struct sq_tx *tx, const struct sq_type *type, size_t n,
                      int64_t *ret_ids, struct sq_err *err);
/* One row; a null key is chosen by the database and filled in. */
int sq_record_insert(struct sq_tx *tx, const struct sq_type *type, void *rec,
                     struct sq_err *err);
/* n rows whose keys are all given, in a few statements. */
int sq_record_insert_many(struct sq_tx *tx, const struct sq_type *type,
                          const void *recs, size_t n, struct sq_err *err);
/* The fields of `mask`, of the row with this key. */
int sq_record_update(struct sq_tx *tx, const struct sq_type *type, int64_t id,
                     const void *rec, uint64_t mask, struct sq_err *err);

/* "name": value of one field of `rec`, a null value as null. */
void sq_field_to_json(struct sq_jw *w, const struct sq_field *f, const void *rec);
/* Shortest text that reads back as the same number. */
const char *sq_real_text(double v, char text[32]);

#endif
