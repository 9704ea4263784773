/* The working directory of a debugged task: input, output, resource and tmp as a
 * worker's have them, and the file .debug, which says whose it is and what was fetched
 * whole:
 *
 *     task 12
 *     input s3://lab/a s3://lab/b
 *     resource s3://lab/db
 *
 * Only a folder that is new, empty or has that file is worked in: what is emptied here
 * was made here.  Everything goes through open folders that no link can move. */
#include "cli/manage/debug.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"

static const char mark[] = ".debug";
enum { MARK_BYTES = 16 << 20 }; /* the texts of a task */

static int fail_errno(struct sq_err *err, const char *what, const char *path)
{
    return sq_fail(err, sq_errno_code(errno), "cannot %s %.300s: %s", what, path,
                   strerror(errno));
}

/* ---- the file */

/* A text of several lines is written as one: words are what counts in a list of URIs.
 */
static void add_line(struct sq_buf *out, const char *key, const char *text)
{
    if (!text)
        return;
    sq_buf_addf(out, "%s ", key);
    for (; *text; text++)
        sq_buf_addc(out, *text == '\n' || *text == '\r' ? ' ' : *text);
    sq_buf_addc(out, '\n');
}

int sq_debug_folder_save(const struct sq_debug *d, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    sq_buf_init(&text, MARK_BYTES);
    sq_buf_addf(&text, "task %lld\n", (long long)d->task_id);
    add_line(&text, "input", d->has_input);
    add_line(&text, "resource", d->has_resource);
    if (!sq_buf_ok(&text))
        return sq_fail(err, SQ_ETOOBIG, "the task's lists are too long");
    SQ_CLEANUP(sq_closep)
    int fd = openat(d->dir, mark, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                    0644);
    return fd < 0 ? fail_errno(err, "write .debug in", d->folder)
                  : sq_write_all(fd, text.data, text.len, err);
}

/* The value of a line, when it is `text`: a copy for the caller. */
static char *value_if(const char *line, const char *key, const char *text)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf want;
    sq_buf_init(&want, MARK_BYTES);
    add_line(&want, key, text);
    size_t len = want.len ? want.len - 1 : 0;
    bool same = len && sq_buf_ok(&want) && strlen(line) == len &&
                strncmp(line, want.data, len) == 0;
    return same ? strdup(text) : NULL;
}

/* SQ_ENOENT: there is no such file.  *ret_task is whose the folder is. */
static int load(struct sq_debug *d, long long *ret_task, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    sq_buf_init(&text, MARK_BYTES);
    SQ_CLEANUP(sq_closep)
    int fd = openat(d->dir, mark, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(err, "read .debug in", d->folder);
    int rc = sq_read_all(fd, &text, err);
    sq_buf_addc(&text, 0);
    if (rc || !sq_buf_ok(&text))
        return rc ? rc : sq_fail(err, SQ_ENOMEM, "out of memory");
    *ret_task = 0;
    char *rest = text.data, *line;
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (strncmp(line, "task ", 5) == 0)
            *ret_task = atoll(line + 5);
        if (!d->has_input)
            d->has_input = value_if(line, "input", d->input);
        if (!d->has_resource)
            d->has_resource = value_if(line, "resource", d->resource);
    }
    return 0;
}

/* ---- the folder */

static bool is_empty(int dir)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    size_t n = 0;
    if (!list)
        return false;
    for (struct dirent *e; (e = readdir(list)) != NULL;)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(list);
    return n == 0;
}

/* Into d->folder: FOLDER, or debug-ID of the worker's base. */
static int place(struct sq_debug *d, struct sq_err *err)
{
    const char *told = d->workdir;
    SQ_CLEANUP(sq_freep) char *path = told ? strdup(told) : NULL;
    if (!told) {
        const char *state_told = sq_conf_text(d->conf, "SCITQ_STATE_DIR");
        SQ_CLEANUP(sq_freep)
        char *state = state_told ? strdup(state_told) : sq_conf_state_dir();
        SQ_CLEANUP(sq_freep)
        char *base =
            state ? sq_task_base(sq_conf_text(d->conf, "BASE_WORKDIR"), state) : NULL;
        if (!base || asprintf(&path, "%s/debug-%lld", base, (long long)d->task_id) < 0)
            path = NULL;
    }
    if (!path)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    int rc = sq_mkdirs(path, 0755, err);
    if (rc)
        return rc;
    d->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (told ? 0 : O_NOFOLLOW));
    d->folder = d->dir < 0 ? NULL : realpath(path, NULL);
    return d->folder ? 0 : fail_errno(err, "use the folder", path);
}

/* New and ours from here on, or ours from an earlier run. */
static int claim(struct sq_debug *d, struct sq_err *err)
{
    long long task = 0;
    struct sq_err why = {0};
    int rc = load(d, &task, &why);
    if (rc && rc != SQ_ENOENT)
        return sq_fail(err, rc, "%s", why.text);
    if (rc == SQ_ENOENT && !is_empty(d->dir))
        return sq_fail(err, SQ_EEXIST,
                       "%s holds something that is not of a debug run: name a new or "
                       "empty folder",
                       d->folder);
    if (d->retry && task != d->task_id)
        return sq_fail(err, SQ_ENOENT,
                       "there is no earlier debug run of task %lld in %s: leave out -r",
                       (long long)d->task_id, d->folder);
    if (!d->retry) {
        sq_freep(&d->has_input);
        sq_freep(&d->has_resource);
        d->has_input = d->has_resource = NULL;
    }
    return 0;
}

/* An empty one of its folders, unless it is to be kept. */
static int prepare(struct sq_debug *d, const char *name, bool keep, struct sq_err *err)
{
    if (mkdirat(d->dir, name, 0777) != 0 && errno != EEXIST)
        return fail_errno(err, "make", name);
    SQ_CLEANUP(sq_closep) int fd = sq_open_dir_at(d->dir, name);
    if (fd < 0 || fchmod(fd, 0777) != 0)
        return fail_errno(err, "use the folder", name);
    return keep ? 0 : sq_dir_empty_at(d->dir, name, err);
}

int sq_debug_folder(struct sq_debug *d, struct sq_err *err)
{
    int rc = place(d, err);
    if (rc == 0)
        rc = claim(d, err);
    if (rc == 0) /* before anything is emptied: what it had is no longer there */
        rc = sq_debug_folder_save(d, err);
    for (const char *const *name = sq_task_folders; rc == 0 && *name; name++) {
        bool keep = (strcmp(*name, "input") == 0 && d->has_input) ||
                    (strcmp(*name, "resource") == 0 && d->has_resource);
        rc = prepare(d, *name, keep, err);
    }
    return rc;
}
