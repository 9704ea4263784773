/* Small things that several files need: fields of JSON, bounded copies, progress, and
 * texts made fit to travel: escaped in an address, in base 64. */
#include "providers/openstack/openstack.h"

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

char *base64(const char *text)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *from = (const unsigned char *)text;
    size_t len = strlen(text);
    char *ret = malloc((len + 2) / 3 * 4 + 1), *to = ret;
    if (!ret)
        return NULL;
    for (size_t i = 0; i < len; i += 3) {
        unsigned b = i + 1 < len ? from[i + 1] : 0, c = i + 2 < len ? from[i + 2] : 0;
        unsigned all = (unsigned)from[i] << 16 | b << 8 | c;
        *to++ = digits[all >> 18];
        *to++ = digits[all >> 12 & 63];
        *to++ = i + 1 < len ? digits[all >> 6 & 63] : '=';
        *to++ = i + 2 < len ? digits[all & 63] : '=';
    }
    *to = 0;
    return ret;
}
