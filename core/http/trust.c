/* Networks as 128 bits each: IPv4 is the part of IPv6 that stands for it (RFC 4291
 * section 2.5.5.2), so that one comparison serves both, and a socket that takes both
 * cannot be a way around. */
#include "core/http/trust.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conf.h"

enum { ENTRY_MAX = 64, SHOWN = 60, V4_BITS = 96 };

static const unsigned char v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const unsigned char *address)
{
    return memcmp(address, v4_prefix, sizeof v4_prefix) == 0;
}

/* Are all bits after the first `bits` zero? */
static bool ends_after(const unsigned char *address, int bits)
{
    for (int i = bits; i < 128; i++)
        if (address[i / 8] & (0x80 >> i % 8))
            return false;
    return true;
}

/* "8", and not "08" or "+8". */
static bool parse_bits(const char *text, int max, int *ret)
{
    size_t len = strlen(text);
    if (len == 0 || len > 3 || strspn(text, "0123456789") != len ||
        (text[0] == '0' && len > 1))
        return false;
    *ret = atoi(text);
    return *ret <= max;
}

/* NULL, or what is wrong. */
static const char *parse_entry(char *text, struct sq_network *ret)
{
    struct in_addr v4;
    int bits;
    char *slash = strchr(text, '/');
    if (slash)
        *slash = 0;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        memcpy(ret->address, v4_prefix, sizeof v4_prefix);
        memcpy(ret->address + sizeof v4_prefix, &v4, sizeof v4);
    } else if (inet_pton(AF_INET6, text, ret->address) != 1) {
        return "it is no network, like 10.0.0.0/8 or fd00::/8 (names are not looked "
               "up)";
    }
    bool four = strchr(text, ':') == NULL;
    bits = four ? 32 : 128;
    if (slash && !parse_bits(slash + 1, bits, &bits))
        return four ? "what follows / is a number from 0 to 32"
                    : "what follows / is a number from 0 to 128";
    ret->bits = bits + (four ? V4_BITS : 0);
    if (!ends_after(ret->address, ret->bits))
        return "the address has bits beyond the length: is the length right?";
    return NULL;
}

static int add(struct sq_trust *t, const char *text, size_t len, struct sq_err *err)
{
    char entry[ENTRY_MAX];
    const char *why = "it is too long";
    if (t->n == SQ_TRUST_MAX)
        return sq_fail(err, SQ_EINVAL, "names more than %d networks", SQ_TRUST_MAX);
    if (len < sizeof entry) {
        memcpy(entry, text, len);
        entry[len] = 0;
        why = parse_entry(entry, &t->v[t->n]);
    }
    if (why)
        return sq_fail(err, SQ_EINVAL, "names \"%.*s\": %s",
                       (int)(len < SHOWN ? len : SHOWN), text, why);
    t->n++;
    return 0;
}

int sq_trust_parse(const char *list, struct sq_trust *ret, struct sq_err *err)
{
    size_t len;
    int code = 0;
    ret->n = 0;
    for (const char *item; code == 0 && (item = sq_conf_item(&list, &len));)
        code = add(ret, item, len, err);
    return code;
}

bool sq_trust_is_open(const struct sq_trust *t)
{
    for (int i = 0; i < t->n; i++)
        if (t->v[i].bits == 0 || (t->v[i].bits == V4_BITS && is_v4(t->v[i].address)))
            return true;
    return false;
}

static bool is_in(const struct sq_network *n, const unsigned char *address)
{
    int whole = n->bits / 8, rest = n->bits % 8;
    if (memcmp(n->address, address, (size_t)whole) != 0)
        return false;
    /* ::/0 is IPv6: who trusts it has not said a word of IPv4. */
    if (n->bits < V4_BITS && is_v4(address))
        return false;
    return rest == 0 || (n->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

bool sq_trust_has(const struct sq_trust *t, const unsigned char *address)
{
    for (int i = 0; i < t->n; i++)
        if (is_in(&t->v[i], address))
            return true;
    return false;
}

bool sq_address_bytes(const struct sockaddr *a, unsigned char ret[SQ_ADDRESS_BYTES])
{
    if (a->sa_family == AF_INET) {
        const struct sockaddr_in *in4 = (const struct sockaddr_in *)a;
        memcpy(ret, v4_prefix, sizeof v4_prefix);
        memcpy(ret + sizeof v4_prefix, &in4->sin_addr, sizeof in4->sin_addr);
    } else if (a->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a;
        memcpy(ret, &in6->sin6_addr, SQ_ADDRESS_BYTES);
    } else {
        return false;
    }
    return true;
}

bool sq_address_is_loopback(const unsigned char *address)
{
    static const unsigned char one[SQ_ADDRESS_BYTES] = {[15] = 1};
    return is_v4(address) ? address[12] == 127 : memcmp(address, one, sizeof one) == 0;
}

void sq_address_text(const unsigned char *address, char *ret, size_t size)
{
    const void *bytes = is_v4(address) ? address + sizeof v4_prefix : address;
    if (!inet_ntop(is_v4(address) ? AF_INET : AF_INET6, bytes, ret, (socklen_t)size))
        snprintf(ret, size, "?");
}
