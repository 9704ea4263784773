/* The command line and scitq-worker.conf: see scitq-worker(8), scitq-worker.conf(5).
 *
 * Also what comes of them before the worker can start: its folders, and the lock that
 * keeps a second process of this name out. */
#include "worker/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "lib/buf.h"
#include "lib/file.h"
#include "lib/http.h"
#include "lib/ready.h"
#include "lib/strangers.h"
#include "lib/task_env.h"
#include "lib/container.h"

enum { CONCURRENCY_MAX = 100000, NAME_MAX_BYTES = 200 };

/* Read from the same file by scitq-fetch, which is given its name; so is what plugins
 * declare. */
#define FETCH(name)                                                                    \
    {                                                                                  \
        name, SQ_CONF_TEXT, NULL, "for scitq-fetch", 0, 0, 0, 0                        \
    }
#define AT_START(name, fallback, help)                                                 \
    {                                                                                  \
        name, SQ_CONF_TEXT, fallback, help, 0, 0, 0, true                              \
    }

static const struct sq_conf_key keys[] = {
    AT_START("SCITQ_SERVER", NULL, "the server: host, host:port or URL"),
    AT_START("SCITQ_FLAVOR", "local", "flavor of a row this worker makes"),
    {"SCITQ_PERMANENT_WORKER", SQ_CONF_BOOL, "1", "never destroyed by scitq", 0, 0, 0,
     true},
    AT_START("SCITQ_LAUNCH_TOKEN", NULL, "of a machine that scitq deployed"),
    AT_START("BASE_WORKDIR", NULL, "where tasks work"),
    AT_START("SCITQ_STATE_DIR", NULL, "what outlives the worker"),
    {"LOG_FILE", SQ_CONF_TEXT, NULL, "default: standard error", 0, 0, 0, 0},
    {"LOG_FILE_MAX_SIZE", SQ_CONF_INT, "10000000", "bytes", 1000, INT64_MAX, 0, 0},
    {"LOG_FILE_KEEP", SQ_CONF_INT, "10", "rotated files kept", 0, 1000, 0, 0},
    {"LOG_LEVEL", SQ_CONF_TEXT, "info", "error, warning, info or debug", 0, 0, 0, 0},
    AT_START("SCITQ_CONTAINER_RUNTIME", NULL, "docker or podman"),
    FETCH("RCLONE_CONFIG"),
    FETCH("SCITQ_PLUGIN_PATH"),
    {"SCITQ_TOKEN", SQ_CONF_TEXT, NULL, "what proves who we are", 0, 0, true, true},
    AT_START("SCITQ_TOKEN_FILE", NULL, "the file that holds it"),
    AT_START("SCITQ_CA", NULL, "authorities of the server's certificate"),
    {NULL, SQ_CONF_TEXT, NULL, NULL, 0, 0, 0, 0},
};

static const char usage[] =
    "usage: scitq-worker [options] SERVER CONCURRENCY\n"
    "\n"
    "Take tasks from the scitq server SERVER (host, host:port or URL; may be left out\n"
    "when SCITQ_SERVER is set), at most CONCURRENCY at a time.\n"
    "\n"
    "  -n, --name NAME       name of this worker (the host's name)\n"
    "  -s, --status STATUS   running or paused (running)\n"
    "  -b, --batch BATCH     batch, when the server does not know the worker yet\n"
    "                        (Default)\n"
    "  -a, --autoclean PCT   keep what failed tasks leave until the disk is fuller "
    "than\n"
    "                        this (90)\n"
    "  -f, --flavor FLAVOR   flavor, also of a worker the server knows already\n"
    "  -c, --conf FILE       settings (scitq-worker.conf of the system)\n"
    "      --ready-fd N      write READY=1 to this descriptor once registered\n"
    "      --version, --help\n";

static const char try_help[] = "try 'scitq-worker --help'\n";

enum { OPT_NO_SPAWN = 256, OPT_READY_FD, OPT_VERSION, OPT_HELP };
static const struct option options[] = {
    {"name", required_argument, NULL, 'n'},
    {"status", required_argument, NULL, 's'},
    {"batch", required_argument, NULL, 'b'},
    {"autoclean", required_argument, NULL, 'a'},
    {"flavor", required_argument, NULL, 'f'},
    {"conf", required_argument, NULL, 'c'},
    {"no-spawn", no_argument, NULL, OPT_NO_SPAWN}, /* for the bench */
    {"ready-fd", required_argument, NULL, OPT_READY_FD},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static int misuse(const char *fmt, const char *what)
{
    fputs("scitq-worker: ", stderr);
    fprintf(stderr, fmt[0] ? "%s%s\n" : "%s%s", fmt, what);
    fputs(try_help, stderr);
    return SQ_SETTINGS_USAGE;
}

static bool number(const char *text, int64_t min, int64_t max, int64_t *ret)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (end == text || *end || errno || v < min || v > max)
        return false;
    *ret = v;
    return true;
}

static bool is_status(const char *text)
{
    return strcmp(text, "running") == 0 || strcmp(text, "paused") == 0;
}

static int take_option(struct sq_settings *s, int c)
{
    int64_t percent;
    switch (c) {
    case 'n': s->name = optarg; break;
    case 's':
        if (!is_status(optarg))
            return misuse("-s takes running or paused, not ", optarg);
        s->status = optarg;
        break;
    case 'b': s->batch = optarg; break;
    case 'a':
        if (!number(optarg, 1, 100, &percent))
            return misuse("-a takes a percentage, 1 to 100, not ", optarg);
        s->autoclean = (int)percent;
        break;
    case 'f': s->flavor = optarg; break;
    case 'c':
        free(s->file);
        s->file = strdup(optarg);
        break;
    case OPT_NO_SPAWN: s->no_spawn = true; break;
    case OPT_READY_FD:
        if (!sq_ready_parse(optarg, &s->ready_fd))
            return misuse("--ready-fd is not an open descriptor: ", optarg);
        break;
    case OPT_VERSION: puts("scitq-worker " PACKAGE_VERSION); return SQ_SETTINGS_EXIT;
    case OPT_HELP: fputs(usage, stdout); return SQ_SETTINGS_EXIT;
    default: fputs(try_help, stderr); return SQ_SETTINGS_USAGE;
    }
    return SQ_SETTINGS_RUN;
}

static int take_arguments(struct sq_settings *s, int n, char **args)
{
    if (n < 1 || n > 2)
        return misuse("", n ? "too many arguments\n" : "CONCURRENCY is missing\n");
    if (n == 2)
        s->server = args[0];
    if (!number(args[n - 1], 0, CONCURRENCY_MAX, &s->concurrency))
        return misuse("CONCURRENCY is a number, 0 to 100000, not ", args[n - 1]);
    return SQ_SETTINGS_RUN;
}

static int parse(struct sq_settings *s, int argc, char **argv)
{
    int c;
    while ((c = getopt_long(argc, argv, "n:s:b:a:f:c:", options, NULL)) != -1) {
        int todo = take_option(s, c);
        if (todo != SQ_SETTINGS_RUN)
            return todo;
    }
    int todo = take_arguments(s, argc - optind, argv + optind);
    if (todo != SQ_SETTINGS_RUN)
        return todo;
    if (s->name && (!*s->name || strlen(s->name) > NAME_MAX_BYTES))
        return misuse("", "a name has 1 to 200 bytes\n");
    if (s->batch && (!*s->batch || strchr(s->batch, '/')))
        return misuse("a batch has no / and is not empty: ", s->batch);
    return SQ_SETTINGS_RUN;
}

static void note(void *arg, const char *text, const char *stranger)
{
    if (stranger)
        sq_strangers_add(arg, stranger, text);
    else
        sq_log(SQ_LOG_WARNING, "worker", "%s", text);
}

/* The settings' server, when the command line names none. */
static int take_server(struct sq_settings *s, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf url;
    struct sq_err why;
    sq_buf_init(&url, 4096);
    s->server = sq_conf_text(s->conf, "SCITQ_SERVER");
    if (!s->server)
        return sq_fail(err, SQ_EINVAL,
                       "no server: name it before CONCURRENCY, or set SCITQ_SERVER");
    if (sq_http_base_url(s->server, &url, &why) != 0)
        return sq_conf_refuse(s->conf, "SCITQ_SERVER", err, "names no server: %s",
                              why.text);
    return 0;
}

static int take_runtime(struct sq_settings *s, struct sq_err *err)
{
    enum sq_runtime r;
    const char *told = sq_conf_text(s->conf, "SCITQ_CONTAINER_RUNTIME");
    s->container_runtime = -1;
    if (!told)
        return 0;
    if (!sq_runtime_parse(told, &r))
        return sq_conf_refuse(s->conf, "SCITQ_CONTAINER_RUNTIME", err,
                              "must be docker or podman, not \"%s\"", told);
    s->container_runtime = (int)r;
    return 0;
}

/* Of the environment, where main has hidden it, else of the file. */
static int take_token(struct sq_settings *s, struct sq_err *err)
{
    const char *hidden = sq_http_hidden_token();
    const char *value = hidden ? hidden : sq_conf_text(s->conf, "SCITQ_TOKEN");
    sq_buf_init(&s->token, 4096);
    s->ca = sq_conf_text(s->conf, "SCITQ_CA");
    return sq_http_token_of(value, sq_conf_text(s->conf, "SCITQ_TOKEN_FILE"), &s->token,
                            err);
}

static int take_log(const struct sq_conf *conf, struct sq_log_conf *ret,
                    struct sq_err *err)
{
    const char *level = sq_conf_text(conf, "LOG_LEVEL");
    ret->path = sq_conf_text(conf, "LOG_FILE");
    ret->max_size_bytes = sq_conf_int(conf, "LOG_FILE_MAX_SIZE");
    ret->keep = (int)sq_conf_int(conf, "LOG_FILE_KEEP");
    return sq_log_level_parse(level, &ret->level)
               ? 0
               : sq_conf_refuse(conf, "LOG_LEVEL", err,
                                "must be error, warning, info or debug, not \"%s\"",
                                level);
}

static int take_conf(struct sq_settings *s, struct sq_err *err)
{
    s->permanent = sq_conf_bool(s->conf, "SCITQ_PERMANENT_WORKER");
    s->launch_token = sq_conf_text(s->conf, "SCITQ_LAUNCH_TOKEN");
    if (s->launch_token && !*s->launch_token)
        s->launch_token = NULL;
    s->default_flavor = sq_conf_text(s->conf, "SCITQ_FLAVOR");
    int rc = take_log(s->conf, &s->log, err);
    if (rc == 0)
        rc = take_runtime(s, err);
    if (rc == 0)
        rc = take_token(s, err);
    return rc || s->server ? rc : take_server(s, err);
}

static void say_changed(void *arg, const struct sq_conf_key *key, const char *was,
                        const char *is)
{
    (void)arg, (void)was, (void)is;
    sq_log(SQ_LOG_INFO, "worker", "%s %s", key->name,
           key->at_start ? "changes at the next start" : "has changed");
}

/* The level is lowered once the changes are told. */
int sq_settings_reload(struct sq_settings *s, struct sq_err *err)
{
    struct sq_conf *fresh;
    struct sq_log_conf log = {0};
    enum sq_level level;
    int rc = sq_conf_load_again(s->conf, s->file, NULL, NULL, &fresh, err);
    if (rc)
        return rc;
    rc = take_log(fresh, &log, err);
    level = log.level;
    if (rc == 0 && s->log.level > log.level)
        log.level = s->log.level;
    if (rc == 0)
        rc = sq_log_open(&log, err);
    if (rc) {
        sq_conf_free(fresh);
        return rc;
    }
    sq_conf_compare(s->told ? s->told : s->conf, fresh, say_changed, NULL);
    sq_log_set_level(level);
    s->log.level = level;
    sq_conf_free(s->told);
    s->told = fresh;
    return 0;
}

int sq_settings_load(struct sq_settings *s, int argc, char **argv,
                     enum sq_settings_todo *ret_todo, struct sq_err *err)
{
    *s = (struct sq_settings){.status = "running", .autoclean = 90, .ready_fd = -1};
    if (gethostname(s->hostname, sizeof s->hostname - 1) != 0 || !s->hostname[0])
        strcpy(s->hostname, "localhost");
    *ret_todo = (enum sq_settings_todo)parse(s, argc, argv);
    if (*ret_todo != SQ_SETTINGS_RUN)
        return 0;
    if (!s->name)
        s->name = s->hostname;
    if (!s->file)
        s->file = sq_conf_find("scitq-worker.conf");
    struct sq_strangers strangers = {0};
    int rc = sq_conf_load(keys, s->file, note, &strangers, &s->conf, err);
    sq_strangers_tell(&strangers,
                      rc ? NULL : sq_conf_text(s->conf, "SCITQ_PLUGIN_PATH"), "worker");
    return rc ? rc : take_conf(s, err);
}

/* What stands for itself in a file name; the rest becomes %XX. */
static char *file_name(const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_-.";
    char *out = malloc(3 * strlen(name) + 1), *at = out;
    for (const char *p = name; out && *p; p++)
        if (strchr(plain, *p) && !(*p == '.' && p == name))
            *at++ = *p;
        else
            at += sprintf(at, "%%%02X", (unsigned char)*p);
    if (out)
        *at = 0;
    return out;
}

/* Make the folder; its real path is the caller's. */
static int make_folder(const char *path, mode_t mode, char **ret, struct sq_err *err)
{
    int rc = sq_mkdirs(path, mode, err);
    if (rc)
        return rc;
    *ret = realpath(path, NULL);
    if (!*ret || access(*ret, R_OK | W_OK | X_OK) != 0)
        return sq_fail(err, SQ_EIO, "cannot use the folder %s: %s", path,
                       strerror(errno));
    return 0;
}

static int state_folder(struct sq_settings *s, const char *state, struct sq_err *err)
{
    char *own SQ_CLEANUP(sq_freep) = NULL;
    s->file_name = file_name(s->name);
    if (!s->file_name || asprintf(&own, "%s/worker-%s", state, s->file_name) < 0)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    int rc = sq_mkdirs(state, 0755, err);
    return rc ? rc : make_folder(own, 0700, &s->state_dir, err);
}

static int work_folder(struct sq_settings *s, const char *state, struct sq_err *err)
{
    char *path SQ_CLEANUP(sq_freep) =
        sq_task_base(sq_conf_text(s->conf, "BASE_WORKDIR"), state);
    if (!path)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    return make_folder(path, 0755, &s->base_workdir, err);
}

int sq_settings_folders(struct sq_settings *s, struct sq_err *err)
{
    const char *told = sq_conf_text(s->conf, "SCITQ_STATE_DIR");
    char *state SQ_CLEANUP(sq_freep) = told ? strdup(told) : sq_conf_state_dir();
    if (!state)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    int rc = state_folder(s, state, err);
    return rc ? rc : work_folder(s, state, err);
}

void sq_settings_free(struct sq_settings *s)
{
    if (s->token.data)
        explicit_bzero(s->token.data, s->token.cap);
    sq_buf_fini(&s->token);
    sq_conf_free(s->conf);
    sq_conf_free(s->told);
    free(s->file);
    free(s->file_name);
    free(s->state_dir);
    free(s->base_workdir);
}

int sq_settings_lock(const struct sq_settings *s, int *ret, struct sq_err *err)
{
    char *path SQ_CLEANUP(sq_freep) = NULL;
    if (asprintf(&path, "%s/lock", s->state_dir) < 0)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return sq_fail(err, SQ_EIO, "cannot open %s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int e = errno;
        close(fd);
        if (e != EWOULDBLOCK)
            return sq_fail(err, SQ_EIO, "cannot lock %s: %s", path, strerror(e));
        return sq_fail(err, SQ_EEXIST,
                       "another scitq-worker named %s is running here (%s is locked): "
                       "stop it, or give this one another name with -n",
                       s->name, path);
    }
    *ret = fd;
    return 0;
}
