/* The table of verbs with their options, and what is said about them. */
#include "cli/fetch/verbs.h"

#include <ctype.h>

#define INCLUDE                                                                        \
    {                                                                                  \
        .name = "include", .kind = SQ_OPT_TEXT, .value = "GLOB", .flags = SQ_OPT_MANY, \
        .help = "only files that fit this pattern: one with / is for whole names, "    \
                "one without for the last part"                                        \
    }
#define MD5                                                                            \
    {                                                                                  \
        .name = "md5", .help = "print each file's MD5 before its name"                 \
    }
#define NOT_RECURSIVE                                                                  \
    {                                                                                  \
        .name = "not-recursive", .help = "leave out what is in sub-folders"            \
    }

const struct sq_opt sq_fetch_options[] = {
    {.name = "verbose", .letter = 'v', .help = "tell on standard error what is done"},
    {.name = "parallel",
     .letter = 'p',
     .kind = SQ_OPT_INT,
     .value = "N",
     .min = 1,
     .max = 64,
     .fallback = "4",
     .help = "how many files are moved at once"},
    {.name = "config",
     .letter = 'c',
     .kind = SQ_OPT_TEXT,
     .value = "FILE",
     .help = "the settings file; else scitq-worker.conf, else scitq.conf"},
    {.name = "worker",
     .help = "do the jobs of a JSON list on standard input, for scitq-worker"},
    {.name = "help", .letter = 'h', .help = "print this help"},
    {.name = "version", .help = "print the version"},
    {0},
};

static const struct sq_opt copy_options[] = {{0}};
static const struct sq_opt list_options[] = {NOT_RECURSIVE, MD5, {0}};
static const struct sq_opt nrlist_options[] = {MD5, {0}};
static const struct sq_opt sync_options[] = {INCLUDE, {0}};
static const struct sq_opt delete_options[] = {
    INCLUDE,
    {.name = "dryrun", .help = "print what would be deleted, and delete nothing"},
    {0},
};
static const struct sq_opt ncdu_options[] = {
    {.name = "only-file", .help = "print what ncdu -f reads, and do not start ncdu"},
    {0},
};

const struct sq_fetch_verb sq_fetch_verbs[] = {
    {"copy", "SRC [DST]", 1, 2,
     "copy a file, or the tree of a folder (a name that ends in /), to DST or here",
     copy_options, sq_fetch_copy},
    {"list", "URI", 1, 1, "print the URIs of what is in a folder", list_options,
     sq_fetch_list},
    {"rlist", "URI", 1, 1, "print the names of what is in a folder, relative to it",
     list_options, sq_fetch_rlist},
    {"nrlist", "URI", 1, 1, "the same without what is in sub-folders", nrlist_options,
     sq_fetch_nrlist},
    {"sync", "SRC DST", 2, 2,
     "copy the files that are missing in DST or differ in size or date, delete none",
     sync_options, sq_fetch_sync},
    {"delete", "URI", 1, 1,
     "delete a file, or a folder (a name that ends in /) with all that is in it",
     delete_options, sq_fetch_delete},
    {"ncdu", "URI", 1, 1, "show with ncdu what takes the space in a folder",
     ncdu_options, sq_fetch_ncdu},
    {0},
};

void sq_fetch_help(const struct sq_fetch_verb *verb, struct sq_buf *out)
{
    if (verb) {
        SQ_CLEANUP(sq_buf_fini) struct sq_buf command;
        sq_buf_init(&command, 100);
        sq_buf_addf(&command, "scitq-fetch %s", verb->name);
        sq_options_usage_line(command.data, verb->options, verb->words, out);
        sq_buf_addf(out, "\n%s\n", verb->help);
        if (verb->options[0].name)
            sq_buf_adds(out, "\noptions:\n");
        sq_options_help(verb->options, out);
        sq_buf_adds(out, "\nfor every verb:\n");
    } else {
        sq_options_usage_line("scitq-fetch", sq_fetch_options, "VERB WORDS", out);
        sq_buf_adds(out, "\nverbs:\n");
        for (const struct sq_fetch_verb *v = sq_fetch_verbs; v->name; v++)
            sq_buf_addf(out, "  %s %s\n      %s\n", v->name, v->words, v->help);
        sq_buf_adds(out, "\noptions:\n");
    }
    sq_options_help(sq_fetch_options, out);
}

void sq_fetch_man(struct sq_buf *out)
{
    sq_buf_adds(out, ".SH OPTIONS FOR EVERY VERB\n");
    sq_options_man(sq_fetch_options, out);
    sq_buf_adds(out, ".SH VERBS\n");
    for (const struct sq_fetch_verb *v = sq_fetch_verbs; v->name; v++) {
        sq_buf_addf(out, ".SS \"%s\"\n.B %s\n.I %s\n.PP\n%c%s.\n", v->name, v->name,
                    v->words, toupper((unsigned char)*v->help), v->help + 1);
        sq_options_man(v->options, out);
    }
}
