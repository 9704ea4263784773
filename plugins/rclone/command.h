/* One rclone command: its arguments put together, run by the host, what it reports read
 * as it comes.
 *
 *     struct command c;
 *     command_init(&c, s, call, "lsjson");
 *     command_add(&c, "--stat");
 *     command_addf(&c, "%s", place.whole);
 *     rc = command_run(&c, "list", at, err);
 *     command_fini(&c); */
#ifndef SQ_RCLONE_COMMAND_H
#define SQ_RCLONE_COMMAND_H

#include <pthread.h>
#include <scitq/storage.h>

/* What a remote is able to, as `rclone backend features` tells; asked once. */
struct remote {
    struct remote *next;
    char *proto;
    int has_buckets;      /* folders exist only by what they hold; files appear whole */
    int can_move;         /* renames without copying */
    int can_copy;         /* copies without coming by here */
    int64_t precision_ns; /* of dates; INT64_MAX: it keeps none */
};

struct sq_storage {
    struct sq_host *host;
    const char *config; /* the file's name */
    struct conf *conf;
    struct remote *remotes;
};

enum { COMMAND_ARGS = 48, COMMAND_SAID = 4000 };

struct command {
    struct sq_storage *s;
    struct sq_call *call; /* NULL: nobody cancels it */
    int is_quiet;         /* moves nothing: no progress is told */
    const char *argv[COMMAND_ARGS];
    char *owned[COMMAND_ARGS];
    size_t n;
    int failed; /* an argument could not be made */
    const void *input;
    size_t input_len;
    /* A line of its standard output, newline dropped.  Not 0 ends it, as success. */
    int (*out)(void *arg, const char *line, size_t len);
    /* A file was copied or moved: its name in rclone's writing. */
    void (*moved)(void *arg, const char *object);
    void *arg;
    int64_t done_bytes; /* of earlier commands of the call; then of all */
    int64_t n_moved;
    int stopped;     /* by `out` */
    int is_answered; /* one of its requests, as far as they are watched */
    int n_failed;    /* requests before that without any answer */
    int is_deaf;     /* stopped, since none will be answered */
    char said[COMMAND_SAID];
    size_t said_len;
};

/* `verb` and the options of every command. */
void command_init(struct command *c, struct sq_storage *s, struct sq_call *call,
                  const char *verb);
void command_fini(struct command *c);
void command_add(struct command *c, const char *arg); /* borrowed */
void command_addf(struct command *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* It may move files of `proto` to here.  rclone fetches a large file in several streams
 * at once, in which an FTP server sees downloads given up one after the other: rclone
 * 1.60 then fails for ever. */
void command_streams(struct command *c, const char *proto);
/* Its source is to be a folder: rclone refuses a file then. */
void command_folder(struct command *c);
/* 0 when it exited with 0 or `out` stopped it; else our words about `doing` with `at`.
 */
int command_run(struct command *c, const char *doing, const struct sq_location *at,
                struct sq_err *err);

/* Borrowed from `s`.  It starts rclone at the first time. */
int remote_get(struct sq_storage *s, const struct sq_location *at, struct sq_call *call,
               const struct remote **ret, struct sq_err *err);
/* The same while something else is under way that uses no remote: begun here, had
 * there, where it is NULL when it could not be known.  Every one begun has to be ended.
 */
struct asking {
    struct sq_storage *s;
    const struct sq_location *at;
    struct sq_call *call;
    const struct remote *remote;
    pthread_t thread;
    int is_running;
};
void remote_ask(struct asking *a, struct sq_storage *s, const struct sq_location *at,
                struct sq_call *call);
const struct remote *remote_told(struct asking *a);
void remotes_free(struct sq_storage *s);

#endif
