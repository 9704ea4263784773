/* The array scanner: it knows strings and depth, nothing else of JSON.  An element is
 * whatever stands between commas at depth 0; whether it is JSON is for its parser to
 * say.  Bytes are gathered in runs, so the cost is one look and one copy a byte. */
#include "lib/jsonio.h"

#include <string.h>

enum split_state {
    SPLIT_START,   /* before [ */
    SPLIT_FIRST,   /* after [ : an element or ] */
    SPLIT_NEXT,    /* after , : an element */
    SPLIT_ELEMENT, /* inside one */
    SPLIT_END,     /* after ] */
    SPLIT_BROKEN
};

void sq_json_split_init(struct sq_json_split *s, const char *what,
                        size_t max_element_bytes)
{
    *s = (struct sq_json_split){.what = what, .state = SPLIT_START};
    sq_buf_init(&s->element, max_element_bytes);
}

void sq_json_split_fini(struct sq_json_split *s)
{
    sq_buf_fini(&s->element);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int malformed(const struct sq_json_split *s, const char *why, struct sq_err *err)
{
    return sq_fail(err, SQ_EINVAL, "malformed JSON array at %s[%lld]: %s", s->what,
                   (long long)s->count, why);
}

/* Advance inside an element from p; returns where it ends (at a comma or bracket of
 * the array) or `end`. */
static const char *scan_element(struct sq_json_split *s, const char *p, const char *end)
{
    for (; p < end; p++) {
        char c = *p;
        if (s->escaped)
            s->escaped = false;
        else if (s->in_string) {
            s->escaped = c == '\\';
            s->in_string = c != '"';
        } else if (c == '"')
            s->in_string = true;
        else if (c == '[' || c == '{')
            s->depth++;
        else if (c == ']' || c == '}') {
            if (s->depth == 0)
                return p;
            s->depth--;
        } else if (c == ',' && s->depth == 0)
            return p;
    }
    return p;
}

static int gather(struct sq_json_split *s, const char *p, size_t len,
                  struct sq_err *err)
{
    bool fits = len <= s->element.max_bytes - s->element.len;
    sq_buf_add(&s->element, p, len);
    if (sq_buf_ok(&s->element))
        return 0;
    if (fits)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    return sq_fail(err, SQ_ETOOBIG, "%s[%lld] is larger than %zu bytes", s->what,
                   (long long)s->count, s->element.max_bytes);
}

static int finish_element(struct sq_json_split *s, char closer,
                          sq_json_element_fn *element, void *arg, struct sq_err *err)
{
    size_t len = s->element.len;
    if (closer == '}')
        return malformed(s, "a } that nothing opened", err);
    while (len && is_blank(s->element.data[len - 1]))
        len--;
    int rc = element(arg, s->count, s->element.data, len, err);
    s->count++;
    s->state = closer == ',' ? SPLIT_NEXT : SPLIT_END;
    sq_buf_clear(&s->element);
    return rc;
}

/* A character outside of elements that is not blank; *ret_element: one begins here. */
static int step(struct sq_json_split *s, char c, bool *ret_element, struct sq_err *err)
{
    *ret_element = false;
    switch (s->state) {
    case SPLIT_START:
        if (c != '[')
            return malformed(s, "it does not begin with [", err);
        s->state = SPLIT_FIRST;
        return 0;
    case SPLIT_FIRST:
        if (c == ']') {
            s->state = SPLIT_END;
            return 0;
        }
        break;
    case SPLIT_NEXT: break;
    default: return malformed(s, "something comes after its end", err);
    }
    if (c == ',' || c == ']' || c == '}' || c == ':')
        return malformed(s, "a value is missing", err);
    s->state = SPLIT_ELEMENT;
    *ret_element = true;
    return 0;
}

static int feed(struct sq_json_split *s, const char *p, const char *end,
                sq_json_element_fn *element, void *arg, struct sq_err *err)
{
    while (p < end) {
        bool begins = s->state == SPLIT_ELEMENT;
        int rc = 0;
        if (!begins && is_blank(*p)) {
            p++;
            continue;
        }
        if (!begins)
            rc = step(s, *p, &begins, err);
        if (rc)
            return rc;
        if (!begins) {
            p++;
            continue;
        }
        const char *stop = scan_element(s, p, end);
        rc = gather(s, p, (size_t)(stop - p), err);
        if (!rc && stop < end)
            rc = finish_element(s, *stop, element, arg, err);
        if (rc)
            return rc;
        p = stop < end ? stop + 1 : end;
    }
    return 0;
}

int sq_json_split_feed(struct sq_json_split *s, const char *data, size_t len,
                       sq_json_element_fn *element, void *arg, struct sq_err *err)
{
    if (s->state == SPLIT_BROKEN)
        return malformed(s, "reading it has failed already", err);
    int rc = feed(s, data, data + len, element, arg, err);
    if (rc)
        s->state = SPLIT_BROKEN;
    return rc;
}

int sq_json_split_end(struct sq_json_split *s, struct sq_err *err)
{
    if (s->state == SPLIT_END)
        return 0;
    if (s->state == SPLIT_START)
        return malformed(s, "there is no array", err);
    return malformed(s, "the text ends before the array does", err);
}
