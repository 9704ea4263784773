/* Weights of running tasks: see weights.h.  The text is people's to edit in SQL, so
 * whatever is not understood weighs 1. */
#include "lib/weights.h"

#include <math.h>
#include <string.h>

bool sq_weights_any(const char *task_properties)
{
    if (!task_properties)
        return false;
    const char *p = task_properties + strspn(task_properties, " \t\r\n");
    if (*p != '{')
        return false;
    p += 1 + strspn(p + 1, " \t\r\n");
    return *p != '}';
}

json_t *sq_weights_parse(const char *task_properties)
{
    if (!sq_weights_any(task_properties))
        return NULL;
    json_t *v = json_loads(task_properties, 0, NULL);
    if (json_is_object(v))
        return v;
    json_decref(v);
    return NULL;
}

double sq_weight(const json_t *weights, const char *batch)
{
    const json_t *pair = batch ? json_object_get(weights, batch) : NULL;
    const json_t *v = json_is_array(pair) ? json_array_get(pair, 0) : pair;
    if (!json_is_number(v))
        return 1;
    double weight = json_number_value(v);
    return isfinite(weight) && weight >= 0 ? weight : 1;
}
