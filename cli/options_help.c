/* What the tables say, for people: usage line, help lines, manual page. */
#include "cli/options.h"

#include <string.h>

/* Stands for a space at which no line is broken, until the line is made. */
#define GLUE "\001"

enum { HELP_INDENT = 30, HELP_COLUMNS = 88, USAGE_INDENT = 10, TEXT_MAX = 4096 };

/* "-i ID", or "--follow" where there is no letter. */
static void add_short(const struct sq_opt *o, struct sq_buf *out)
{
    if (o->letter)
        sq_buf_addf(out, "-%c", o->letter);
    else
        sq_buf_addf(out, "--%s", o->name);
    if (o->kind != SQ_OPT_FLAG)
        sq_buf_addf(out, GLUE "%s", o->value);
}

static bool first_of_group(const struct sq_opt *table, size_t row)
{
    for (size_t i = 0; i < row; i++)
        if (table[i].group == table[row].group)
            return false;
    return true;
}

static void add_group(const struct sq_opt *table, size_t row, struct sq_buf *out)
{
    bool required = table[row].flags & SQ_OPT_REQUIRED;
    sq_buf_addc(out, required ? '(' : '[');
    for (size_t i = row; table[i].name; i++) {
        if (table[i].group != table[row].group)
            continue;
        if (i > row)
            sq_buf_adds(out, " | ");
        add_short(&table[i], out);
    }
    sq_buf_addc(out, required ? ')' : ']');
}

static void add_single(const struct sq_opt *o, struct sq_buf *out)
{
    bool required = o->flags & SQ_OPT_REQUIRED;
    bool greedy = o->flags & SQ_OPT_GREEDY;
    sq_buf_adds(out, required ? "" : "[");
    add_short(o, out);
    sq_buf_adds(out, greedy ? GLUE "..." : "");
    sq_buf_adds(out, required ? "" : "]");
    sq_buf_adds(out, (o->flags & SQ_OPT_MANY) && !greedy ? "..." : "");
}

static void add_usage(const struct sq_opt *table, struct sq_buf *out)
{
    for (size_t i = 0; table[i].name; i++) {
        if (table[i].group && !first_of_group(table, i))
            continue;
        if (i > 0)
            sq_buf_addc(out, ' ');
        if (table[i].group)
            add_group(table, i, out);
        else
            add_single(&table[i], out);
    }
}

static void unglue(struct sq_buf *text, size_t from)
{
    for (size_t i = from; i < text->len; i++)
        if (text->data[i] == *GLUE)
            text->data[i] = ' ';
}

void sq_options_usage(const struct sq_opt *table, struct sq_buf *out)
{
    size_t from = out->len;
    add_usage(table, out);
    unglue(out, from);
}

/* The help sentence with what the row knows besides. */
static void describe(const struct sq_opt *o, struct sq_buf *out)
{
    sq_buf_adds(out, o->help);
    if (o->choices)
        sq_buf_addf(out, ": %s", o->choices);
    if (o->fallback)
        sq_buf_addf(out, " (default %s)", o->fallback);
    if (o->flags & SQ_OPT_REQUIRED)
        sq_buf_adds(out, o->group ? " (one of these is required)" : " (required)");
    if (o->flags & SQ_OPT_MANY)
        sq_buf_adds(out, " (may be repeated)");
}

/* Add `text` from column `column` on, broken between words; later lines are indented.
 */
static void wrap(const char *text, size_t column, int indent, struct sq_buf *out)
{
    const char *gap = "";
    for (size_t len; *text; text += len + strspn(text + len, " ")) {
        len = strcspn(text, " ");
        if (column + strlen(gap) + len > HELP_COLUMNS) {
            sq_buf_addf(out, "\n%*s", indent, "");
            column = (size_t)indent;
            gap = "";
        }
        sq_buf_adds(out, gap);
        sq_buf_add(out, text, len);
        column += strlen(gap) + len;
        gap = " ";
    }
    sq_buf_addc(out, '\n');
}

static void help_row(const struct sq_opt *o, struct sq_buf *out)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf left, text;
    sq_buf_init(&left, TEXT_MAX);
    sq_buf_init(&text, TEXT_MAX);
    if (o->letter)
        sq_buf_addf(&left, "  -%c, --%s", o->letter, o->name);
    else
        sq_buf_addf(&left, "      --%s", o->name);
    if (o->kind != SQ_OPT_FLAG)
        sq_buf_addf(&left, " %s", o->value);
    describe(o, &text);
    if (!sq_buf_ok(&left) || !sq_buf_ok(&text)) {
        out->failed = true;
        return;
    }
    if (left.len + 2 > HELP_INDENT)
        sq_buf_addf(out, "%s\n%*s", left.data, HELP_INDENT, "");
    else
        sq_buf_addf(out, "%-*s", HELP_INDENT, left.data);
    wrap(text.data, HELP_INDENT, HELP_INDENT, out);
}

void sq_options_help(const struct sq_opt *table, struct sq_buf *out)
{
    for (; table->name; table++)
        help_row(table, out);
}

void sq_options_usage_line(const char *command, const struct sq_opt *table,
                           const char *rest, struct sq_buf *out)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    size_t from = out->len;
    sq_buf_init(&text, TEXT_MAX);
    sq_buf_addf(&text, "usage: %s ", command);
    add_usage(table, &text);
    sq_buf_addf(&text, " %s", rest);
    if (sq_buf_ok(&text))
        wrap(text.data, 0, USAGE_INDENT, out);
    unglue(out, from);
}

/* In troff a minus is \-; the texts hold no backslash and no leading dot. */
static void add_roff(const char *text, struct sq_buf *out)
{
    for (; *text; text++) {
        if (*text == '-')
            sq_buf_addc(out, '\\');
        sq_buf_addc(out, *text);
    }
}

void sq_options_man(const struct sq_opt *table, struct sq_buf *out)
{
    for (; table->name; table++) {
        SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
        sq_buf_init(&text, TEXT_MAX);
        describe(table, &text);
        sq_buf_adds(out, ".TP\n");
        if (table->letter)
            sq_buf_addf(out, "\\fB\\-%c\\fR, ", table->letter);
        sq_buf_adds(out, "\\fB\\-\\-");
        add_roff(table->name, out);
        sq_buf_adds(out, "\\fR");
        if (table->kind != SQ_OPT_FLAG)
            sq_buf_addf(out, " \\fI%s\\fR", table->value);
        sq_buf_addc(out, '\n');
        add_roff(text.data ? text.data : "", out);
        sq_buf_adds(out, "\n");
    }
}
