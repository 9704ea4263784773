/* The log: each message is formatted on the caller's stack and written by one write(2)
 * under a mutex, so lines never mix and nothing is lost in a buffer at a crash.
 *
 * The size is counted, not asked of the file system at each line; when it passes the
 * maximum, files move up by one number.  If another process rotated the same file
 * meanwhile (its inode changed), this one only opens it again.  When a file cannot be
 * written, the line goes to stderr instead: a full disk never stops a daemon. */
#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"

/* The longest line; a longer message is cut.  Output of tasks never goes here. */
enum { LINE_MAX_BYTES = 4096 };

static const char *const level_names[] = {"error", "warning", "info", "debug"};

static struct {
    pthread_mutex_t lock;
    atomic_int level;
    char *path;
    int fd; /* -1: stderr */
    int64_t size, max_size;
    int keep;
    const char *before;
} logger = {.lock = PTHREAD_MUTEX_INITIALIZER, .level = SQ_LOG_INFO, .fd = -1};

bool sq_log_level_parse(const char *text, enum sq_level *ret)
{
    for (size_t i = 0; i < SQ_LEN(level_names); i++)
        if (strcmp(text, level_names[i]) == 0) {
            *ret = (enum sq_level)i;
            return true;
        }
    return false;
}

/* SQ_E* in *err: the file that is written already is kept. */
static int open_file(const char *path, struct sq_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        int e = errno;
        sq_closep(&fd);
        return sq_fail(err, sq_errno_code(e), "cannot open the log file %s: %s", path,
                       strerror(e));
    }
    sq_closep(&logger.fd);
    logger.fd = fd;
    logger.size = st.st_size;
    return 0;
}

static void close_file(void)
{
    sq_closep(&logger.fd);
    logger.fd = -1;
    free(logger.path);
    logger.path = NULL;
}

static int configure(const struct sq_log_conf *conf, struct sq_err *err)
{
    char *path = conf->path ? strdup(conf->path) : NULL;
    if (conf->path && !path)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    int rc = path ? open_file(path, err) : 0;
    if (rc) {
        free(path);
        return rc;
    }
    if (!path)
        close_file();
    free(logger.path);
    logger.path = path;
    logger.max_size = conf->max_size_bytes;
    logger.keep = conf->keep;
    logger.before = conf->before;
    atomic_store(&logger.level, (int)conf->level);
    return 0;
}

int sq_log_open(const struct sq_log_conf *conf, struct sq_err *err)
{
    pthread_mutex_lock(&logger.lock);
    int rc = configure(conf, err);
    pthread_mutex_unlock(&logger.lock);
    return rc;
}

void sq_log_set_level(enum sq_level level)
{
    atomic_store(&logger.level, (int)level);
}

void sq_log_close(void)
{
    pthread_mutex_lock(&logger.lock);
    close_file();
    pthread_mutex_unlock(&logger.lock);
}

int sq_log_reopen(struct sq_err *err)
{
    pthread_mutex_lock(&logger.lock);
    int rc = logger.path ? open_file(logger.path, err) : 0;
    pthread_mutex_unlock(&logger.lock);
    return rc;
}

/* path.keep goes, path.i becomes path.i+1, path becomes path.1. */
static void shift_files(void)
{
    char from[PATH_MAX], to[PATH_MAX];
    if (logger.keep <= 0) {
        unlink(logger.path);
        return;
    }
    for (int i = logger.keep - 1; i >= 1; i--) {
        snprintf(from, sizeof from, "%s.%d", logger.path, i);
        snprintf(to, sizeof to, "%s.%d", logger.path, i + 1);
        rename(from, to);
    }
    snprintf(to, sizeof to, "%s.1", logger.path);
    rename(logger.path, to);
}

static void rotate(void)
{
    struct stat ours, named;
    bool same = fstat(logger.fd, &ours) == 0 && stat(logger.path, &named) == 0 &&
                ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
    if (same)
        shift_files();
    if (open_file(logger.path, NULL) != 0)
        logger.size = 0; /* tried again after another max_size bytes */
}

static void write_line(const char *line, size_t len)
{
    pthread_mutex_lock(&logger.lock);
    if (logger.fd >= 0 && logger.max_size > 0 && logger.size > 0 &&
        logger.size + (int64_t)len > logger.max_size)
        rotate();
    if (logger.fd < 0 || sq_write_all(logger.fd, line, len, NULL) != 0) {
        if (logger.before)
            sq_write_all(STDERR_FILENO, logger.before, strlen(logger.before), NULL);
        sq_write_all(STDERR_FILENO, line, len, NULL);
    }
    logger.size += (int64_t)len;
    pthread_mutex_unlock(&logger.lock);
}

/* Journald adds the time itself. */
static bool wants_time(void)
{
    pthread_mutex_lock(&logger.lock);
    bool to_file = logger.fd >= 0;
    pthread_mutex_unlock(&logger.lock);
    return to_file || !getenv("JOURNAL_STREAM");
}

/* One line whatever the text holds: no control character survives. */
static void flatten(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            *p = ' ';
}

void sq_log(enum sq_level level, const char *room, const char *fmt, ...)
{
    if ((int)level > atomic_load(&logger.level))
        return;
    int saved = errno;
    char line[LINE_MAX_BYTES], time[SQ_TIME_TEXT] = "";
    if (wants_time())
        sq_time_format(sq_now(), 'T', time);
    size_t room_left = sizeof line - 1; /* for the newline */
    int n = snprintf(line, room_left, "%s%s%s [%s] ", time, *time ? " " : "",
                     level_names[level], room);
    size_t len = n < 0 ? 0 : strlen(line);
    va_list args;
    va_start(args, fmt);
    errno = saved; /* for %m */
    vsnprintf(line + len, room_left - len, fmt, args);
    va_end(args);
    flatten(line);
    len = strlen(line);
    line[len++] = '\n';
    write_line(line, len);
    errno = saved;
}
