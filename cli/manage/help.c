/* Help texts and the manual page's fragment, generated from the tables. */
#include "cli/manage/commands.h"

#include <ctype.h>
#include <stdio.h>

static void program_help(struct sq_buf *out)
{
    sq_options_usage_line("scitq-manage", sq_manage_options, "OBJECT VERB", out);
    sq_buf_adds(out, "\nobjects and their verbs:\n");
    for (const struct sq_object *o = sq_objects; o->name; o++) {
        sq_buf_addf(out, "  %-10s", o->name);
        for (size_t i = 0; o->verbs[i]; i++)
            sq_buf_addf(out, " %s", o->verbs[i]->name);
        sq_buf_addf(out, "\n             %s\n", o->help);
    }
    sq_buf_adds(out, "\noptions:\n");
    sq_options_help(sq_manage_options, out);
    sq_buf_adds(out,
                "\n'scitq-manage OBJECT VERB --help' tells the options of a verb.\n");
}

static void object_help(const struct sq_object *object, struct sq_buf *out)
{
    sq_buf_addf(out, "usage: scitq-manage %s VERB\n\nverbs:\n", object->name);
    for (size_t i = 0; object->verbs[i]; i++)
        sq_buf_addf(out, "  %-10s %s\n", object->verbs[i]->name,
                    object->verbs[i]->help);
}

static void verb_help(const struct sq_object *object, const struct sq_verb *verb,
                      struct sq_buf *out)
{
    char command[80];
    snprintf(command, sizeof command, "scitq-manage %s%s%s", object->name,
             *verb->name ? " " : "", verb->name);
    sq_options_usage_line(command, verb->options, verb->word ? verb->word : "", out);
    sq_buf_addf(out, "\n%s\n", verb->help);
    if (verb->options[0].name)
        sq_buf_adds(out, "\noptions:\n");
    sq_options_help(verb->options, out);
    if (verb->more)
        sq_buf_addf(out, "\n%s", verb->more);
    sq_buf_adds(out, "\nfor every verb:\n");
    sq_options_help(sq_manage_options, out);
}

void sq_manage_help(const struct sq_object *object, const struct sq_verb *verb,
                    struct sq_buf *out)
{
    if (!object)
        program_help(out);
    else if (!verb)
        object_help(object, out);
    else
        verb_help(object, verb, out);
}

/* Lines as they stand; none begins with a dot or a quote, or has a backslash. */
static void man_more(const char *more, struct sq_buf *out)
{
    if (!more)
        return;
    sq_buf_adds(out, ".PP\n.nf\n");
    for (; *more; more++)
        sq_buf_addf(out, *more == '-' ? "\\%c" : "%c", *more);
    sq_buf_adds(out, ".fi\n");
}

void sq_manage_man(struct sq_buf *out)
{
    sq_buf_adds(out, ".SH OPTIONS FOR EVERY VERB\n");
    sq_options_man(sq_manage_options, out);
    for (const struct sq_object *o = sq_objects; o->name; o++) {
        sq_buf_adds(out, ".SH ");
        for (const char *c = o->name; *c; c++)
            sq_buf_addc(out, (char)toupper((unsigned char)*c));
        sq_buf_addf(out, "\n%c%s.\n", toupper((unsigned char)*o->help), o->help + 1);
        for (size_t i = 0; o->verbs[i]; i++) {
            const struct sq_verb *v = o->verbs[i];
            if (*v->name)
                sq_buf_addf(out, ".SS \"%s %s\"\n", o->name, v->name);
            if (v->word)
                sq_buf_addf(out, ".BI \"%s %s \" %s\n.br\n", o->name, v->name, v->word);
            sq_buf_addf(out, "%c%s.\n", toupper((unsigned char)*v->help), v->help + 1);
            sq_options_man(v->options, out);
            man_more(v->more, out);
        }
    }
}
