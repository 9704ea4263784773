/* Splitting and joining command lines.
 *
 * Splitting writes the words one after the other, each with its 0, into a copy as long
 * as the command (unquoting only shortens), then points an array at them.  Joining
 * quotes as scitq 1.3 did, so that commands look the same in both: only words with
 * white space.  Inside "…" it also escapes what splitting would take away. */
#include "lib/words.h"

#include <string.h>

/* One command being split. */
struct splitter {
    const char *p;
    char *to;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static int fail_open(struct sq_err *err, char quote)
{
    return sq_fail(err, SQ_EINVAL, "the command has a %c that is never closed", quote);
}

/* From after the ' to after its end: all characters stand for themselves. */
static int take_single(struct splitter *s, struct sq_err *err)
{
    const char *end = strchr(s->p, '\'');
    if (!end)
        return fail_open(err, '\'');
    s->to = mempcpy(s->to, s->p, (size_t)(end - s->p));
    s->p = end + 1;
    return 0;
}

/* From after the " to after its end: a backslash counts before $ ` " \ newline. */
static int take_double(struct splitter *s, struct sq_err *err)
{
    for (; *s->p && *s->p != '"'; s->p++) {
        if (*s->p == '\\' && s->p[1] && strchr("$`\"\\\n", s->p[1])) {
            s->p++;
            if (*s->p == '\n')
                continue;
        }
        *s->to++ = *s->p;
    }
    if (!*s->p)
        return fail_open(err, '"');
    s->p++;
    return 0;
}

static int take_escape(struct splitter *s, struct sq_err *err)
{
    if (!*s->p)
        return sq_fail(err, SQ_EINVAL, "the command ends with a backslash");
    if (*s->p != '\n')
        *s->to++ = *s->p;
    s->p++;
    return 0;
}

/* One word, up to the blank or the end after it. */
static int take_word(struct splitter *s, struct sq_err *err)
{
    int rc = 0;
    while (!rc && *s->p && !is_blank(*s->p)) {
        char c = *s->p++;
        if (c == '\'')
            rc = take_single(s, err);
        else if (c == '"')
            rc = take_double(s, err);
        else if (c == '\\')
            rc = take_escape(s, err);
        else
            *s->to++ = c;
    }
    *s->to++ = 0;
    return rc;
}

/* Blanks, and the escaped newlines that join lines. */
static void skip_blanks(struct splitter *s)
{
    for (;;) {
        if (is_blank(*s->p))
            s->p++;
        else if (s->p[0] == '\\' && s->p[1] == '\n')
            s->p += 2;
        else
            return;
    }
}

int sq_words_split(const char *command, struct sq_arena *arena, char ***ret,
                   size_t *ret_n, struct sq_err *err)
{
    char *text = sq_arena_alloc(arena, strlen(command) + 1);
    if (!text)
        return sq_fail(err, SQ_ENOMEM, "the command is too long");
    struct splitter s = {.p = command, .to = text};
    size_t n = 0;
    for (skip_blanks(&s); *s.p; skip_blanks(&s), n++) {
        int rc = take_word(&s, err);
        if (rc)
            return rc;
    }
    char **words = sq_arena_array(arena, n + 1, sizeof *words);
    if (!words)
        return sq_fail(err, SQ_ENOMEM, "the command has too many words");
    for (size_t i = 0; i < n; i++, text += strlen(text) + 1)
        words[i] = text;
    *ret = words;
    *ret_n = n;
    return 0;
}

static void add_double_quoted(struct sq_buf *out, const char *word)
{
    sq_buf_addc(out, '"');
    for (const char *p = word; *p; p++) {
        bool taken = *p == '\\' && (!p[1] || strchr("$`\"\\\n", p[1]));
        if (*p == '"' || taken)
            sq_buf_addc(out, '\\');
        sq_buf_addc(out, *p);
    }
    sq_buf_addc(out, '"');
}

static void add_word(struct sq_buf *out, const char *word)
{
    if (*word && !strpbrk(word, " \t\n\r\v\f")) {
        sq_buf_adds(out, word);
    } else if (strchr(word, '\'')) {
        add_double_quoted(out, word);
    } else {
        sq_buf_addc(out, '\'');
        sq_buf_adds(out, word);
        sq_buf_addc(out, '\'');
    }
}

void sq_words_join(char *const *words, size_t n, struct sq_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            sq_buf_addc(out, ' ');
        add_word(out, words[i]);
    }
}
