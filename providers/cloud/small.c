/* Small things that several files of a plugin need: fields of JSON, bounded copies,
 * texts escaped for an address or a form, progress, pauses. */
#include "providers/cloud/cloud.h"

#include <stdlib.h>
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

char *escape(const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    char *ret = malloc(3 * strlen(text) + 1), *to = ret;
    if (!ret)
        return NULL;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (strchr("-._~", *c) || (*c >= '0' && *c <= '9') ||
            (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z')) {
            *to++ = (char)*c;
        } else {
            *to++ = '%';
            *to++ = hex[*c >> 4];
            *to++ = hex[*c & 15];
        }
    *to = 0;
    return ret;
}

int pause_more(struct sq_host *host, struct sq_call *call, int64_t said_ms,
               int64_t *io_ms, struct sq_err *err)
{
    *io_ms = *io_ms == 0 ? 20 : *io_ms < 3500 ? *io_ms * 3 / 2 : 5000;
    return host->pause(host, call, said_ms > 0 ? said_ms : *io_ms, err);
}
