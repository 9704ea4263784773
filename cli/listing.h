/* A collection of the server as a table or as JSON, read page by page: memory stays
 * bounded whatever its length. */
#ifndef SQ_CLI_LISTING_H
#define SQ_CLI_LISTING_H

#include "cli/cli.h"

struct sq_listing {
    const char *path;           /* "/tasks/" */
    const char *key;            /* "task_id"; NULL: the answer is whole, not paged */
    const char *const *columns; /* ends with NULL */
    const char *const *more;    /* the rest, shown with --long; NULL: none */
    bool newest_first;
    int64_t limit; /* rows at most; 0: all */
    size_t *rows;  /* to be told how many there were; NULL: not asked */
    bool asked;    /* some of `more` come only where they are asked for by name */
};

/* Called with each object; non-zero stops and is returned. */
typedef int sq_listing_fn(void *arg, const json_t *object, struct sq_err *err);

/* Every object that matches `filter` (taken; NULL: all).  `fields` (NULL: all) names
 * the members wanted, separated by commas. */
int sq_listing_each_take(struct sq_cli *cli, const struct sq_listing *l, json_t *filter,
                         const char *fields, sq_listing_fn *fn, void *arg,
                         struct sq_err *err);
/* The same, printed as --no-header, --long and --json say.  JSON has every member that
 * objects have by themselves, and with --long those that are to be asked for. */
int sq_listing_print_take(struct sq_cli *cli, const struct sq_listing *l,
                          json_t *filter, struct sq_err *err);
/* Print objects (an array) in `columns`, to `out`. */
int sq_listing_print_array(FILE *out, const char *const *columns, bool header, bool cut,
                           const json_t *array, struct sq_err *err);
/* One more filter from an option, when it was given.  `filter` is an object. */
void sq_listing_filter(struct sq_cli *cli, json_t *filter, const char *option,
                       const char *field);

#endif
