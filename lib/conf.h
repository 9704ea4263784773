/* Settings: KEY=value lines of a file, over which the environment wins.
 *
 * Each program declares what it reads in a const table (product.md section 3); the
 * same table validates, redacts secrets and prints help.  Quotes ('…' or "…") and
 * # comments are allowed, `export ` before a key too.  An unknown key is warned
 * about; a bad value stops the start with the file and line, or with "the
 * environment", and with what is accepted. */
#ifndef SQ_LIB_CONF_H
#define SQ_LIB_CONF_H

#include <scitq/error.h>
#include "lib/util.h"

enum sq_conf_kind {
    SQ_CONF_TEXT,
    SQ_CONF_INT,    /* within [min, max] */
    SQ_CONF_BOOL,   /* 1/0, true/false, yes/no, on/off */
    SQ_CONF_LIST,   /* may be given several times in a file; values are collected,
                       separated by spaces; in the environment, spaces separate */
    SQ_CONF_IGNORED /* of 1.3: accepted with a note in a file; in the environment it
                       may be meant for another program */
};

struct sq_conf_key {
    const char *name;
    enum sq_conf_kind kind;
    const char *fallback; /* default value as text, NULL for none */
    const char *help;     /* a sentence with the unit */
    int64_t min, max;     /* SQ_CONF_INT */
    bool secret;          /* never printed */
    bool at_start;        /* a change counts when the program is started again */
};

struct sq_conf;

/* A note or warning met while reading, for the caller to log; where it is that nobody
 * declares `stranger`, a plugin may (lib/strangers.h). */
typedef void sq_conf_note_fn(void *arg, const char *text, const char *stranger);

/* Read `path` (NULL: none), then the environment, against `keys` (kept by
 * reference, ended by a NULL name).  SQ_EINVAL names file, line, key and defect;
 * SQ_ENOENT when `path` does not exist. */
int sq_conf_load(const struct sq_conf_key *keys, const char *path,
                 sq_conf_note_fn *note, void *arg, struct sq_conf **ret,
                 struct sq_err *err);
/* The same again while the program runs: `path` may have changed since `running` was
 * read; the environment cannot, and is taken from there. */
int sq_conf_load_again(const struct sq_conf *running, const char *path,
                       sq_conf_note_fn *note, void *arg, struct sq_conf **ret,
                       struct sq_err *err);
/* What was given of other keys, of which some may be the same: a plugin's, say. */
int sq_conf_part(const struct sq_conf_key *keys, const struct sq_conf *whole,
                 struct sq_conf **ret, struct sq_err *err);
void sq_conf_free(struct sq_conf *c); /* NULL is allowed */
/* Give `name` the value that it has in `running`, of the same table. */
int sq_conf_keep(struct sq_conf *c, const struct sq_conf *running, const char *name,
                 struct sq_err *err);
/* Call `each` for every key whose value is another in `b` than in `a`, of the same
 * table; where none is given that is the default, or NULL. */
void sq_conf_compare(const struct sq_conf *a, const struct sq_conf *b,
                     void (*each)(void *arg, const struct sq_conf_key *key,
                                  const char *in_a, const char *in_b),
                     void *arg);

/* The value, or the default; NULL, SQ_NULL or false when there is neither.  A text is
 * borrowed until it is freed.
 * Asking for an undeclared key is a programmer's mistake (assert). */
const char *sq_conf_text(const struct sq_conf *c, const char *name);
int64_t sq_conf_int(const struct sq_conf *c, const char *name);
bool sq_conf_bool(const struct sq_conf *c, const char *name);
/* Is `value` one that `key` accepts?  SQ_EINVAL; `where` begins the sentence:
 * "/etc/scitq.conf line 3". */
int sq_conf_check(const struct sq_conf_key *key, const char *value, const char *where,
                  struct sq_err *err);
/* True when the file or the environment gave it. */
bool sq_conf_given(const struct sq_conf *c, const char *name);
/* True when the file has this key, even an ignored one (FLASK_APP tells 1.3's). */
bool sq_conf_in_file(const struct sq_conf *c, const char *name);
/* Refuse a value that only its program can judge: "/etc/scitq.conf line 3: NAME " and
 * the rest of the sentence, which tells what is accepted.  Returns SQ_EINVAL. */
int sq_conf_refuse(const struct sq_conf *c, const char *name, struct sq_err *err,
                   const char *fmt, ...) SQ_PRINTF(4, 5);

/* The next item of a list, separated by blanks or commas: *at moves on behind it; NULL
 * at the end.  Of a text that says several things, of a SQ_CONF_LIST too. */
const char *sq_conf_item(const char **at, size_t *ret_len);

/* First existing of $sysconfdir/NAME, /etc/NAME; NULL when there is none.
 * Returned string belongs to the caller. */
char *sq_conf_find(const char *name);
/* SCITQ_STATE_DIR's default: /var/lib/scitq for root, $XDG_STATE_HOME/scitq or
 * ~/.local/state/scitq else.  Caller frees. */
char *sq_conf_state_dir(void);

#endif
