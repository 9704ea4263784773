/* Base 64 (RFC 4648), in which Nova wants user data. */
#include "providers/openstack/openstack.h"

#include <stdlib.h>
#include <string.h>

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
