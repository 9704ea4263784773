/* Small things that several files need: fields of JSON, bounded copies, progress. */
#include "providers/azure/azure.h"

#include <string.h>

const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

void copy(char *ret, size_t size, const char *text)
{
    size_t len = strnlen(text, size - 1);
    memcpy(ret, text, len);
    ret[len] = 0;
}

void tell(struct sq_call *call, int percent)
{
    if (call && call->progress)
        call->progress(call, percent, 100);
}

int no_memory(struct sq_err *err)
{
    return sq_fail(err, SQ_ENOMEM, "out of memory");
}
