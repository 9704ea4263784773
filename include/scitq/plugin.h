/* What every plugin is given: a host, its settings, and for each call a way to be
 * stopped and to tell how far it is.
 *
 * A plugin is a shared object NAME.so in a folder that scitq searches (the manual page
 * scitq-plugin(7)).  It exports one const struct whose first member is the ABI version
 * it was built against: NAME_LTX_sq_storage (storage.h) or NAME_LTX_sq_provider
 * (provider.h).  A `-` or another odd character of NAME is written `_` in the symbol.
 *
 * Storages run in short-lived programs (scitq-fetch, scitq-manage plugin check), never
 * in the daemons; providers on job threads of the server.  So: no exit(), no abort(),
 * nothing on standard input, output or error, no signal handler, no umask() or chdir(),
 * no setenv(), no state that instances share.  Several instances may be open at once,
 * each used by one thread at a time.
 *
 * Everything here is borrowed unless it says otherwise: a string that the host gives is
 * the host's and lives as long as the host, a string that the plugin gives in a call is
 * copied by the host before that call returns. */
#ifndef SCITQ_PLUGIN_H
#define SCITQ_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#include <scitq/error.h>
#include <scitq/web.h>

#ifdef __cplusplus
extern "C" {
#endif

/* No value: of a size, a total or a date that is not known. */
#define SQ_UNKNOWN INT64_MIN

/* ---- Settings: what the plugin reads, for the host to find, check and document ----
 */

enum sq_setting_kind {
    SQ_SETTING_TEXT = 0,
    SQ_SETTING_INT = 1, /* not below 0 */
    SQ_SETTING_BOOL = 2 /* 1/0, yes/no, true/false, on/off */
};

/* A row of the plugin's table; a row whose key is NULL ends it.  The value comes from
 * the environment, else from the program's settings file, else `fallback`. */
struct sq_setting {
    const char *key; /* capital letters, digits, _: "RCLONE_CONFIG" */
    enum sq_setting_kind kind;
    const char *fallback; /* as text; NULL: none */
    int secret;           /* 1: never shown, and hidden wherever it would appear */
    const char *help;     /* one sentence with the unit, small first letter, no stop */
};

/* ---- One call ---- */

/* What the caller of one operation holds in hand.  The functions may be called from the
 * thread that runs the operation, at any rate: the host decides what to show. */
struct sq_call {
    /* 1 once the operation is to end at once with SQ_ECANCELED: the task was killed, or
     * no byte moved for too long.  It stays 1. */
    int (*canceled)(const struct sq_call *call);
    /* Becomes readable at that moment, for poll(); never read it.  -1: none. */
    int cancel_fd;
    /* `done_bytes` of `total_bytes` (SQ_UNKNOWN allowed) of this call are moved.  What
     * an earlier try left and is kept counts as moved.  Never decreasing.  It is also
     * the proof of life: a transfer that does not call it with more bytes for 600 s is
     * canceled.  Of a provider: `done` of 100 %, and no proof is asked for. */
    void (*progress)(struct sq_call *call, int64_t done_bytes, int64_t total_bytes);
};

/* ---- The host ---- */

enum sq_log_kind {
    SQ_SAY_ERROR = 0,
    SQ_SAY_WARNING = 1,
    SQ_SAY_INFO = 2,
    SQ_SAY_DEBUG = 3
};

/* A program to run.  No shell sees it. */
struct sq_run {
    /* Ended by NULL; [0] is looked up in PATH unless it holds a `/`.  Everybody on the
     * machine can read these: no secrets here. */
    const char *const *argv;
    /* "NAME=value" sets or replaces, "NAME" alone removes; ended by NULL.  NULL: the
     * host's own environment. */
    const char *const *env;
    const char *dir;   /* working directory; NULL: the host's */
    const void *input; /* all of its standard input; NULL: none */
    size_t input_len;
    /* A line of its standard output (stream 1) or error (2), without its newline and
     * 0-terminated; `len` tells where one holds a 0.  `\r` ends a line too, as progress
     * bars write it, and empty lines are left out.  A line longer than 1 MiB comes in
     * pieces.  In the calling thread.  Not 0: stop the program and return that code;
     * its sentence is then the function's to have kept.  NULL: thrown away. */
    int (*line)(void *arg, int stream, const char *line, size_t len);
    void *arg;
};

struct sq_host {
    /* The name of the module, for messages. */
    const char *name;

    /* A line for the log (scitq-fetch -v shows info).  Any thread. */
    void (*log)(struct sq_host *host, enum sq_log_kind kind, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

    /* The value of a declared setting, already checked against its kind; NULL,
     * SQ_UNKNOWN when there is neither a value nor a fallback, or no such row.  A BOOL
     * is 0 or 1. */
    const char *(*setting)(struct sq_host *host, const char *key);
    int64_t (*setting_int)(struct sq_host *host, const char *key);

    /* A secret that the plugin met (a key in a configuration, a signed link): from now
     * on the host writes *** in its place in every line and error.  Settings that are
     * declared secret are hidden from the start.  Shorter than 4 bytes: ignored. */
    void (*hide)(struct sq_host *host, const char *secret);

    /* Run a program to its end in a process group of its own, which is killed when the
     * call is canceled or this process dies.  Returns 0 when it ran, *ret_status its
     * exit code, or -N when signal N ended it.  SQ_ENOENT: there is no such program;
     * SQ_ECANCELED; SQ_EIO; what `line` returned.  `call` may be NULL. */
    int (*run)(struct sq_host *host, struct sq_call *call, const struct sq_run *run,
               int *ret_status, struct sq_err *err);

    /* One HTTP call.  0 whenever an answer came, whatever its status: tries are over
     * then, and what it means is the module's to say.  *ret is given back by web_free
     * (NULL is allowed).  It waits between tries, with growing pauses or as long as
     * Retry-After says, 120 s at most.  Redirects are answers.  SQ_EINVAL: the request
     * is none, or its ca_file cannot be read; SQ_EIO, SQ_ETIMEDOUT, SQ_EAUTH (a
     * certificate) and SQ_ECANCELED, with the address in the sentence and secrets
     * hidden.  `call` may be NULL. */
    int (*web)(struct sq_host *host, struct sq_call *call,
               const struct sq_web_request *request, struct sq_web_answer **ret,
               struct sq_err *err);
    void (*web_free)(struct sq_web_answer *answer);
    /* The value of the first header of that name, whatever its case, or NULL. */
    const char *(*web_header)(const struct sq_web_answer *answer, const char *name);

    /* Do nothing for `ms` milliseconds.  SQ_ECANCELED, at once. */
    int (*pause)(struct sq_host *host, struct sq_call *call, int64_t ms,
                 struct sq_err *err);

    /* A provider's own folder on the server, mode 0700, there now and kept for ever;
     * all its instances share it.  SQ_EUNSUPPORTED: this program has none to give. */
    int (*folder)(struct sq_host *host, const char **ret, struct sq_err *err);
};

#ifdef __cplusplus
}
#endif
#endif
