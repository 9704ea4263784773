/* The statement of a list under construction: its text and, in order, what is to be
 * bound. Between list.c, which asks for columns and pages, and filter.c, which writes
 * the conditions. */
#ifndef SQ_STORE_LISTING_H
#define SQ_STORE_LISTING_H

#include "core/store/list.h"
#include "core/store/set.h"

enum {
    SQ_LISTING_BINDS = 200, /* values of times and reals are bound one by one */
    SQ_LISTING_SETS = 64    /* lists of values bound as one JSON text */
};

struct sq_listing {
    struct sq_db *db;
    struct sq_buf sql; /* not sq_buf_ok(): too much was asked for */
    struct sq_bound {
        enum sq_kind kind;
        int64_t number; /* SQ_K_INT, SQ_K_TIME */
        double real;
        const char *text; /* borrowed until the statement has started */
        char scratch[32];
    } binds[SQ_LISTING_BINDS];
    int n_binds;
    struct sq_set sets[SQ_LISTING_SETS];
    int n_sets;
};

void sq_listing_init(struct sq_listing *q, struct sq_db *db);
void sq_listing_fini(struct sq_listing *q);
/* One more value; its placeholder, which the caller writes, is $n_binds.  The other two
 * return that number. */
struct sq_bound *sq_listing_bind(struct sq_listing *q, enum sq_kind kind);
int sq_listing_int(struct sq_listing *q, int64_t v);
int sq_listing_text(struct sq_listing *q, const char *text);
/* An empty set that lives as long as the statement. */
struct sq_set *sq_listing_set(struct sq_listing *q);
struct sq_stmt *sq_listing_start(struct sq_listing *q);

/* " and (…)": false when nothing can match. */
void sq_filter_where(struct sq_listing *q, const struct sq_type *type,
                     const struct sq_filter *f);

#endif
