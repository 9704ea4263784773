/* What top shows: the batches, the workers, and the tasks that are not done, as the
 * server told them last. */
#ifndef SQ_CLI_TOP_MODEL_H
#define SQ_CLI_TOP_MODEL_H

#include <time.h>
#include "cli/cli.h"

enum sq_top_pane { SQ_TOP_BATCHES, SQ_TOP_WORKERS, SQ_TOP_TASKS, SQ_TOP_PANES };

enum { SQ_TOP_COLUMNS = 6, SQ_TOP_ROWS_MAX = 500 };

struct sq_top_list {
    const char *title;
    const char *const *columns; /* members of the rows' objects, ended by NULL */
    json_t *rows;               /* at most SQ_TOP_ROWS_MAX */
    size_t selected;
    json_t *missed; /* the key of what was selected until the last answer lacked it */
};

struct sq_top {
    struct sq_cli *cli;
    struct sq_top_list lists[SQ_TOP_PANES];
    enum sq_top_pane pane;
    time_t as_of; /* when the server answered last */
};

void sq_top_init(struct sq_top *t, struct sq_cli *cli);
void sq_top_fini(struct sq_top *t);
/* Ask the server: *ret (the caller's) is {"batches": […], "workers": […], "tasks":
 * […]}. */
int sq_top_ask(struct sq_cli *cli, json_t **ret, struct sq_err *err);
/* Show that; what is selected stays so while it is there, or comes back with the next
 * answer. */
void sq_top_take(struct sq_top *t, const json_t *answer);
/* Select the row so many further down (< 0: up), or the last there is. */
void sq_top_move(struct sq_top *t, int step);
/* The selected row of the pane; NULL: it is empty. */
const json_t *sq_top_selected(const struct sq_top *t);
/* One cell as text, in `ret`. */
const char *sq_top_cell(const json_t *row, const char *column, char *ret, size_t size);

enum sq_top_act { SQ_TOP_PAUSE, SQ_TOP_RESUME, SQ_TOP_KILL };
/* "kill task 12 (sorted)?", for a person to say yes to, of a row of the pane. */
void sq_top_question(const struct sq_top *t, const json_t *row, enum sq_top_act act,
                     char *ret, size_t size);
/* Do it to that row.  SQ_EINVAL: it cannot be done to such a one, in words. */
int sq_top_act(struct sq_top *t, const json_t *row, enum sq_top_act act,
               struct sq_err *err);

#endif
