/* What a request asks of rows: its parameters, from the body of a GET or from the
 * query, and the filters among them. */
#ifndef SQ_HTTP_QUERY_H
#define SQ_HTTP_QUERY_H

#include "core/http/request.h"
#include "core/store/list.h"

enum { SQ_FILTERS_MAX = 40 };

struct sq_filters {
    struct sq_filter v[SQ_FILTERS_MAX];
    size_t n;
};

/* Is that the name of a filter of this type's list? */
bool sq_filter_known(const struct sq_type *type, const char *key);
/* Check the values and add it; `f` has them.  SQ_EINVAL. */
int sq_filters_add(struct sq_filters *all, const struct sq_type *type, const char *key,
                   struct sq_filter *f, struct sq_err *err);

/* A parameter with its values, in `f`. */
typedef int sq_parameter_fn(struct sq_request *r, void *arg, const char *key,
                            struct sq_filter *f, struct sq_err *err);
/* Each parameter once: those of the body, then those of the query that the body does
 * not have. */
int sq_each_parameter(struct sq_request *r, sq_parameter_fn *fn, void *arg,
                      struct sq_err *err);

#endif
