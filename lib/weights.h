/* A worker's task_properties: what a running task of each batch weighs there.
 *
 * When a worker is moved to another batch, the tasks it still runs are not as heavy
 * as those of its new batch: {"old": [0.5, 1]} says that a running task of batch
 * "old" takes half a place (product.md section 8).  No I/O, any thread. */
#ifndef SQ_LIB_WEIGHTS_H
#define SQ_LIB_WEIGHTS_H

#include <jansson.h>
#include "lib/util.h"

/* False for texts that give every task the weight 1: null, empty, {}, not JSON. */
bool sq_weights_any(const char *task_properties);
/* NULL when there are none; json_decref() it. */
json_t *sq_weights_parse(const char *task_properties);
/* The weight of a running task of `batch`: 1 unless said otherwise, never negative. */
double sq_weight(const json_t *weights, const char *batch);

#endif
