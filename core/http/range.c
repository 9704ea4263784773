/* Parsing of the Range header and of listen addresses: pure functions over texts that
 * come from outside, kept apart so that tables can test them. */
#include "core/http/range.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
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

static bool set_host(struct sq_listen *l, const char *host, bool v6, uint16_t port)
{
    struct sockaddr_in *in4 = (struct sockaddr_in *)&l->address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&l->address;
    memset(&l->address, 0, sizeof l->address);
    if (v6) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        l->len = sizeof *in6;
        return inet_pton(AF_INET6, host, &in6->sin6_addr) == 1;
    }
    in4->sin_family = AF_INET;
    in4->sin_port = htons(port);
    l->len = sizeof *in4;
    if (strcmp(host, "*") == 0)
        host = "0.0.0.0";
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    return inet_pton(AF_INET, host, &in4->sin_addr) == 1;
}

int sq_listen_parse(const char *text, size_t len, struct sq_listen *ret,
                    struct sq_err *err)
{
    char copy[80];
    int shown = (int)(len < 100 ? len : 100);
    const char *why = "is not address:port ([v6]:port for IPv6)";
    if (len < sizeof copy) {
        memcpy(copy, text, len);
        copy[len] = 0;
        char *colon = strrchr(copy, ':'), *end = NULL;
        char *host = copy;
        long port = colon && colon[1] >= '0' && colon[1] <= '9'
                        ? strtol(colon + 1, &end, 10)
                        : -1;
        bool whole = colon && end && *end == 0 && port >= 1 && port <= 65535;
        bool v6 = whole && copy[0] == '[' && colon > copy && colon[-1] == ']';
        if (whole) {
            *colon = 0;
            if (v6) {
                host++;
                colon[-1] = 0;
            }
            if (set_host(ret, host, v6, (uint16_t)port))
                return 0;
            why = "has an address that is not one (names are not looked up)";
        }
    }
    return sq_fail(err, SQ_EINVAL, "listen address %.*s %s", shown, text, why);
}
