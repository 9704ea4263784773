/* The schema and its migrations: numbered files, each with its row in
 * scitq_schema(version, applied). */
#ifndef SQ_STORE_SCHEMA_H
#define SQ_STORE_SCHEMA_H

#include "core/store/db.h"

enum sq_schema_state {
    SQ_SCHEMA_EMPTY, /* no tables */
    SQ_SCHEMA_CURRENT,
    SQ_SCHEMA_OLDER,  /* ours, needs migrations */
    SQ_SCHEMA_NEWER,  /* made by a later scitq: refused */
    SQ_SCHEMA_LEGACY, /* scitq 1.3's tables, without scitq_schema */
    SQ_SCHEMA_FOREIGN /* someone else's tables under our names */
};

int sq_schema_state(struct sq_db *db, enum sq_schema_state *ret, int *ret_version,
                    struct sq_err *err);
/* In one transaction: create in an empty database, or apply what is missing to an older
 * one, of ours or of scitq 1.3. */
int sq_schema_migrate(struct sq_db *db, struct sq_err *err);
/* A warning where others are connected too, as far as the engine can tell (PostgreSQL):
 * a server of 1.3, or of the version before, that goes on working in an upgraded
 * database has tasks run twice. */
void sq_schema_warn(struct sq_db *db);
/* The sentence for a database that is not current, and what to do about it. */
int sq_schema_refuse(struct sq_db *db, enum sq_schema_state state, int version,
                     struct sq_err *err);
/* What the server does at start: creates in an empty database, accepts a current
 * one, and refuses the others in a sentence that says what to do. */
int sq_schema_ensure(struct sq_db *db, struct sq_err *err);
/* Made with the tables, told to workers: which database this is.  The caller frees
 * *ret. */
int sq_schema_identity(struct sq_db *db, char **ret, struct sq_err *err);
/* Made with the tables, told to nobody: the key of passes (core/model/pass.h).  The
 * caller frees *ret. */
int sq_schema_secret(struct sq_db *db, char **ret, struct sq_err *err);

#endif
