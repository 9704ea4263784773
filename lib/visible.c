/* The characters are those of Unicode 15: section 23.1 (C0 and C1, which terminals take
 * for the beginning of a command in UTF-8 too), 23.2 (separators of lines), UAX 9
 * (bidirectional controls) and 23.9 (tags). */
#include "lib/visible.h"

#include <string.h>

#include "lib/utf8.h"

static const struct {
    uint32_t first, last;
} hiding[] = {
    {0, 0x1f},        {0x7f, 0x9f},     {0x61c, 0x61c},     {0x200e, 0x200f},
    {0x2028, 0x202e}, {0x2066, 0x2069}, {0xe0000, 0xe007f},
};

bool sq_visible_hides(uint32_t character)
{
    for (size_t i = 0; i < SQ_LEN(hiding); i++)
        if (character >= hiding[i].first && character <= hiding[i].last)
            return true;
    return false;
}

/* Of a valid sequence of n bytes. */
static uint32_t decode(const unsigned char *p, int n)
{
    static const unsigned char of_lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = p[0] & of_lead[n];
    for (int i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
}

static void add_hidden(struct sq_buf *out, uint32_t c, bool lines)
{
    if (lines && (c == '\n' || c == '\t'))
        sq_buf_addc(out, (char)c);
    else if (c == '\n' || c == '\t')
        sq_buf_adds(out, c == '\n' ? "\\n" : "\\t");
    else
        sq_buf_addf(out, c < 0x80 ? "\\x%02x" : "\\u%04x", (unsigned)c);
}

void sq_visible_add(struct sq_buf *out, const char *text, bool lines)
{
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        size_t plain = 0;
        while (p[plain] >= ' ' && p[plain] < 0x7f)
            plain++;
        sq_buf_add(out, p, plain);
        p += plain;
        if (!*p)
            break;
        int n = sq_utf8_sequence(p, strnlen((const char *)p, 4));
        if (n <= 0) {
            sq_buf_addf(out, "\\x%02x", *p++);
            continue;
        }
        uint32_t c = decode(p, n);
        if (sq_visible_hides(c))
            add_hidden(out, c, lines);
        else
            sq_buf_add(out, p, (size_t)n);
        p += n;
    }
}
