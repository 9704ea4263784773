/* Parsing of the Range header: a pure function over a text that comes from outside,
 * kept apart so that a table can test it. */
#include "core/http/range.h"

#include <string.h>

/* Digits as a number, saturated; false when there are none. */
static bool number(const char **at, int64_t *ret)
{
    int64_t n = 0;
    size_t digits = strspn(*at, "0123456789");
    for (size_t i = 0; i < digits; i++) {
        int d = (*at)[i] - '0';
        n = n > (INT64_MAX - d) / 10 ? INT64_MAX : n * 10 + d;
    }
    *at += digits;
    *ret = n;
    return digits > 0;
}

enum sq_range sq_range_parse(const char *header, int64_t size, int64_t *ret_start,
                             int64_t *ret_end)
{
    *ret_start = 0;
    *ret_end = size;
    if (!header || strncmp(header, "bytes=", 6) != 0)
        return SQ_RANGE_WHOLE;
    const char *at = header + 6;
    int64_t first, last;
    bool has_first = number(&at, &first);
    if (*at++ != '-')
        return SQ_RANGE_WHOLE;
    bool has_last = number(&at, &last);
    if (*at || (!has_first && !has_last) || (has_first && has_last && last < first))
        return SQ_RANGE_WHOLE;
    if (!has_first) {
        if (last == 0 || size == 0)
            return SQ_RANGE_UNSATISFIABLE;
        *ret_start = last < size ? size - last : 0;
        return SQ_RANGE_PART;
    }
    if (first >= size)
        return SQ_RANGE_UNSATISFIABLE;
    *ret_start = first;
    if (has_last && last < size)
        *ret_end = last + 1;
    return SQ_RANGE_PART;
}
