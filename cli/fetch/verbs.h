/* The verbs of scitq-fetch: a table, each verb one function. */
#ifndef SQ_CLI_FETCH_VERBS_H
#define SQ_CLI_FETCH_VERBS_H

#include "cli/cli.h"
#include "cli/fetch/bar.h"
#include "cli/fetch/job.h"
#include "cli/fetch/move.h"

enum { SQ_FETCH_WORDS = 2 };

/* One command line. */
struct sq_fetch_line {
    struct sq_cli *cli;
    struct sq_fetch fetch;
    struct sq_job job;
    struct sq_bar bar;
    const struct sq_fetch_verb *verb;
    const char *words[SQ_FETCH_WORDS + 1]; /* after the verb; NULL where none is */
};

struct sq_fetch_verb {
    const char *name;
    const char *words; /* "SRC [DST]" */
    size_t min_words, max_words;
    const char *help; /* one sentence, small first letter, no full stop */
    const struct sq_opt *options;
    int (*run)(struct sq_fetch_line *line, struct sq_err *err);
};

extern const struct sq_fetch_verb sq_fetch_verbs[]; /* ends with a NULL name */
extern const struct sq_opt sq_fetch_options[];

void sq_fetch_help(const struct sq_fetch_verb *verb, struct sq_buf *out);
void sq_fetch_man(struct sq_buf *out);
/* Run one command line (argv without the program's name): the exit code. */
int sq_fetch_run(struct sq_cli *cli, char **argv);

/* The place of words[i] (`otherwise` when it was not given), memory of the line's. */
int sq_fetch_place(struct sq_fetch_line *line, size_t i, const char *otherwise,
                   struct sq_place *ret, struct sq_err *err);
/* The same, which is a folder whether it ends in `/` or not. */
int sq_fetch_folder(struct sq_fetch_line *line, size_t i, struct sq_place *ret,
                    struct sq_err *err);
/* A line of output; on a terminal what is not printable is shown as `?`. */
void sq_fetch_print(struct sq_fetch_line *line, const char *text);
/* Say what was left out, and with -v what was copied. */
void sq_fetch_tell(struct sq_fetch_line *line, const struct sq_moved *moved);

/* sync.c: the tree of the folder `from` into the folder `to`, neither of them here. */
int sq_fetch_tree(struct sq_job *job, const struct sq_place *from,
                  const struct sq_place *to, struct sq_moved *moved,
                  struct sq_err *err);

int sq_fetch_copy(struct sq_fetch_line *line, struct sq_err *err);
int sq_fetch_list(struct sq_fetch_line *line, struct sq_err *err);
int sq_fetch_rlist(struct sq_fetch_line *line, struct sq_err *err);
int sq_fetch_nrlist(struct sq_fetch_line *line, struct sq_err *err);
int sq_fetch_sync(struct sq_fetch_line *line, struct sq_err *err);
int sq_fetch_delete(struct sq_fetch_line *line, struct sq_err *err);
int sq_fetch_ncdu(struct sq_fetch_line *line, struct sq_err *err);

#endif
