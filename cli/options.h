/* Options of a command line, driven by tables: one row says all about an option, and
 * the parser, the usage line, the help and the manual page are made from it.
 *
 * A command line is read in stages into one struct sq_args: parsing stops at the
 * first word that is no option (or after "--"), the caller looks at that word, adds
 * another table and goes on.  Options of every table added so far are known.
 * Long names may be shortened while they are unambiguous. */
#ifndef SQ_CLI_OPTIONS_H
#define SQ_CLI_OPTIONS_H

#include <scitq/error.h>
#include "lib/arena.h"
#include "lib/buf.h"

/* REAL: not negative, "7.5". */
enum sq_opt_kind { SQ_OPT_FLAG, SQ_OPT_TEXT, SQ_OPT_INT, SQ_OPT_REAL };
enum {
    SQ_OPT_REQUIRED = 1, /* of a group: one of its options is required */
    SQ_OPT_MANY = 2,     /* may be given several times */
    SQ_OPT_GREEDY = 4,   /* also takes the words after its value */
    SQ_OPT_EMPTY = 8     /* an integer that may be '': none */
};

struct sq_opt {
    const char *name; /* long name without --; NULL ends a table */
    char letter;      /* 0: none */
    enum sq_opt_kind kind;
    const char *value;    /* what the help calls its value */
    const char *help;     /* one sentence, small first letter, no full stop */
    const char *fallback; /* value when absent, NULL: none */
    const char *choices;  /* the words allowed, separated by spaces; NULL: any */
    int64_t min, max;     /* of an integer; min >= 0 with max 0: no maximum */
    unsigned flags;       /* SQ_OPT_REQUIRED… */
    int group;            /* options with the same number > 0 exclude each other */
};

struct sq_arg {
    const char **texts; /* in the order given */
    size_t n;
    bool used; /* a getter asked for it */
};

enum { SQ_ARGS_TABLES = 2 };
struct sq_args {
    struct sq_arena arena;
    const struct sq_opt *tables[SQ_ARGS_TABLES];
    struct sq_arg *given[SQ_ARGS_TABLES]; /* parallel to each table */
    size_t n_tables;
};

void sq_args_init(struct sq_args *a);
void sq_args_fini(struct sq_args *a);
/* Add a table (static storage).  SQ_ENOMEM. */
int sq_args_add(struct sq_args *a, const struct sq_opt *table, struct sq_err *err);
/* Read options from **argv on, leaving *argv at the first word that is none (NULL at
 * the end).  Texts are borrowed from argv.  SQ_EINVAL names the option. */
int sq_args_parse(struct sq_args *a, char ***argv, struct sq_err *err);
/* After the last stage: is everything required there?  SQ_EINVAL. */
int sq_args_check(const struct sq_args *a, struct sq_err *err);
/* Can JSON hold every text given?  What it cannot would be left out.  SQ_EINVAL. */
int sq_args_check_utf8(const struct sq_args *a, struct sq_err *err);

/* Getters, by long name; a name that no table has is a programmer's mistake. */
bool sq_args_has(struct sq_args *a, const char *name);
const char *sq_args_text(struct sq_args *a, const char *name); /* or fallback, NULL */
int64_t sq_args_int(struct sq_args *a, const char *name);      /* SQ_NULL: none */
enum sq_opt_kind sq_args_kind(struct sq_args *a, const char *name);
size_t sq_args_all(struct sq_args *a, const char *name, const char *const **ret);
/* All values joined by single spaces, in the arena; NULL when there is none. */
const char *sq_args_joined(struct sq_args *a, const char *name);
/* A list of numbers separated by spaces or commas, *ret in the arena.  SQ_EINVAL. */
int sq_args_ids(struct sq_args *a, const char *name, int64_t **ret, size_t *ret_n,
                struct sq_err *err);

/* Is `word` one of the words of `words`, which are separated by single spaces? */
bool sq_word_among(const char *words, const char *word);

/* "[-b BATCH] (-i ID | -n NAME)" for a table, ending without a space. */
void sq_options_usage(const struct sq_opt *table, struct sq_buf *out);
/* "usage: COMMAND OPTIONS REST", wrapped at 88 columns. */
void sq_options_usage_line(const char *command, const struct sq_opt *table,
                           const char *rest, struct sq_buf *out);
/* Aligned lines, one option each, wrapped at 88 columns. */
void sq_options_help(const struct sq_opt *table, struct sq_buf *out);
/* The same as paragraphs of a manual page. */
void sq_options_man(const struct sq_opt *table, struct sq_buf *out);

#endif
