/* Prints what bash completes for a program, from the very tables that it reads:
 * "print_completion fetch", "inventory", "launch" or "manage".  Runs while building;
 * what it prints is installed where bash-completion looks.
 *
 * The script knows, for the words so far that are no options ("scitq-manage task
 * list"), which words may follow, and for an option with choices those; everything else
 * is a file's name. */
#include "cli/fetch/verbs.h"
#include "cli/inventory/inventory.h"
#include "cli/launch/request.h"
#include "cli/manage/commands.h"

#include <stdio.h>
#include <string.h>

static const char script[] =
    "_@()\n"
    "{\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local path=@ i next\n"
    "    [ \"$word\" = = ] && word=\n" /* --status=WORD comes as three words */
    "    [ \"$last\" = = ] && last=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        next=\"$path ${COMP_WORDS[i]}\"\n"
    "        [ -n \"$(_@_words \"$next\")\" ] && path=$next\n"
    "    done\n"
    "    COMPREPLY=($(compgen -W \"$(_@_words \"$path\" \"$last\")\" -- \"$word\"))\n"
    "}\n"
    "complete -o default -F _@ @\n";

/* The script, @ being the program's name. */
static void print_script(const char *program)
{
    for (const char *c = script; *c; c++)
        if (*c == '@')
            fputs(program, stdout);
        else
            putchar(*c);
}

static void print_option(const struct sq_opt *o)
{
    if (o->letter)
        printf(" -%c", o->letter);
    printf(" --%s", o->name);
}

/* After an option with choices, these; after another that takes a value, a file. */
static void print_values(const struct sq_opt *table)
{
    for (const struct sq_opt *o = table; o && o->name; o++) {
        if (o->kind == SQ_OPT_FLAG)
            continue;
        printf("        ");
        if (o->letter)
            printf("-%c | ", o->letter);
        printf("--%s) echo \"%s\"; return ;;\n", o->name, o->choices ? o->choices : "");
    }
}

struct place {
    const char *path[3];          /* words of the command line, NULL: none */
    const struct sq_opt *own;     /* its options */
    const struct sq_opt *for_all; /* and those of every verb; NULL: none */
    const char *const *words;     /* words that may follow, ended by NULL; or NULL */
};

static void print_place(const struct place *p)
{
    printf("    \"%s", p->path[0]);
    for (int i = 1; i < 3 && p->path[i]; i++)
        printf(" %s", p->path[i]);
    printf("\")\n        case $2 in\n");
    print_values(p->own);
    print_values(p->for_all);
    printf("        esac\n        echo \"");
    for (const char *const *w = p->words; w && *w; w++)
        printf(" %s", *w);
    for (const struct sq_opt *o = p->own; o && o->name; o++)
        print_option(o);
    for (const struct sq_opt *o = p->for_all; o && o->name; o++)
        print_option(o);
    printf("\" ;;\n");
}

static void begin(const char *program)
{
    printf(
        "# What bash completes for %s: made from its tables of options.\n_%s_words()\n"
        "{\n    case $1 in\n",
        program, program);
}

static void end(const char *program)
{
    printf("    esac\n}\n");
    print_script(program);
}

enum { WORDS_MAX = 40 };

static void print_manage(void)
{
    static const char program[] = "scitq-manage";
    const char *words[WORDS_MAX] = {NULL};
    begin(program);
    for (const struct sq_object *o = sq_objects; o->name; o++)
        words[o - sq_objects] = o->name;
    print_place(
        &(struct place){.path = {program}, .own = sq_manage_options, .words = words});
    for (const struct sq_object *o = sq_objects; o->name; o++) {
        const char *verbs[SQ_VERBS_MAX + 1] = {NULL};
        if (sq_object_alone(o)) {
            print_place(&(struct place){.path = {program, o->name},
                                        .own = sq_object_alone(o)->options,
                                        .for_all = sq_manage_options});
            continue;
        }
        for (size_t i = 0; o->verbs[i]; i++)
            verbs[i] = o->verbs[i]->name;
        print_place(&(struct place){
            .path = {program, o->name}, .own = sq_manage_options, .words = verbs});
        for (size_t i = 0; o->verbs[i]; i++)
            print_place(&(struct place){.path = {program, o->name, o->verbs[i]->name},
                                        .own = o->verbs[i]->options,
                                        .for_all = sq_manage_options});
    }
    end(program);
}

static void print_fetch(void)
{
    static const char program[] = "scitq-fetch";
    const char *words[WORDS_MAX] = {NULL};
    begin(program);
    for (const struct sq_fetch_verb *v = sq_fetch_verbs; v->name; v++)
        words[v - sq_fetch_verbs] = v->name;
    print_place(
        &(struct place){.path = {program}, .own = sq_fetch_options, .words = words});
    for (const struct sq_fetch_verb *v = sq_fetch_verbs; v->name; v++)
        print_place(&(struct place){.path = {program, v->name},
                                    .own = v->options,
                                    .for_all = sq_fetch_options});
    end(program);
}

static void print_plain(const char *program, const struct sq_opt *own,
                        const struct sq_opt *more)
{
    begin(program);
    print_place(&(struct place){.path = {program}, .own = own, .for_all = more});
    end(program);
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    if (strcmp(what, "manage") == 0)
        print_manage();
    else if (strcmp(what, "fetch") == 0)
        print_fetch();
    else if (strcmp(what, "launch") == 0)
        print_plain("scitq-launch", sq_launch_options, NULL);
    else if (strcmp(what, "inventory") == 0)
        print_plain("scitq-inventory", sq_inventory_options, sq_inventory_common);
    else
        fputs("usage: print_completion fetch|inventory|launch|manage\n", stderr);
    return *what && fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
