/* The disk's side of a working directory.
 *
 * .execution begins with a line of HEADER_BYTES, padded with spaces, that ends in its
 * own checksum and also carries the length and checksum of the command after it; one
 * pwrite changes it, so that it is never half there (a power cut may tear it: then
 * its checksum says so). */
#include "worker/workdir_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "worker/checksum.h"

const char *const sq_workdir_names[] = {"input",   "output",  "tmp",        "resource",
                                        ".stdout", ".stderr", ".execution", NULL};
enum { FOLDERS = 4, OUTPUTS = 4, EXECUTION = 6, NAMES = 7 };
enum { HEADER_BYTES = 256, COMMAND_MAX = 16 << 20 /* with what else is kept of it */ };
enum { QUICK_FILES = 64 }; /* unlinked at once; more are the cleaner's */

static int fail_errno(const struct sq_workdir *d, const char *what, const char *name,
                      struct sq_err *err)
{
    int e = errno;
    return sq_fail(err, sq_errno_code(e), "cannot %s %s%s%s: %s", what, d->path,
                   name ? "/" : "", name ? name : "", strerror(e));
}

/* The header's text; the command's length and sum stand in `d`. */
static void format_header(const struct sq_workdir *d, char *line)
{
    const struct sq_workdir_header *h = &d->header;
    memset(line, ' ', HEADER_BYTES);
    int n = snprintf(line, HEADER_BYTES - 18,
                     "scitq-execution 1 %c %" PRId64 " %" PRId64 " %" PRId64
                     " %s %016" PRIx64 " %zu %016" PRIx64,
                     h->stage, h->execution_id, h->task_id, h->time,
                     h->instance[0] ? h->instance : "-", d->owner, d->command_len,
                     d->command_sum);
    line[n] = ' ';
    char sum[18];
    snprintf(sum, sizeof sum, "%016" PRIx64 "\n", sq_checksum(line, HEADER_BYTES - 17));
    memcpy(line + HEADER_BYTES - 17, sum, 17);
}

static bool parse_header(struct sq_workdir *d, char line[HEADER_BYTES])
{
    struct sq_workdir_header h = {0};
    uint64_t owner, sum, sum_of_command;
    size_t len;
    char stage;
    line[HEADER_BYTES - 1] = 0;
    if (sscanf(line + HEADER_BYTES - 17, "%16" SCNx64, &sum) != 1 ||
        sum != sq_checksum(line, HEADER_BYTES - 17))
        return false;
    if (sscanf(line,
               "scitq-execution 1 %c %" SCNd64 " %" SCNd64 " %" SCNd64 " %47s %" SCNx64
               " %zu %" SCNx64,
               &stage, &h.execution_id, &h.task_id, &h.time, h.instance, &owner, &len,
               &sum_of_command) != 8)
        return false;
    h.stage = (enum sq_workdir_stage)stage;
    d->header = h;
    d->command_len = len;
    d->command_sum = sum_of_command;
    d->found_owner = owner;
    return true;
}

/* One write for both where that is possible; else the command first, since the header
 * vouches for it. */
int sq_workdir_save(struct sq_workdir *d, const char *command, struct sq_err *err)
{
    enum { TOGETHER = 4096 };
    char text[TOGETHER];
    size_t len = HEADER_BYTES;
    if (command) {
        d->command_len = strlen(command);
        d->command_sum = sq_checksum(command, d->command_len);
        if (d->command_len <= TOGETHER - HEADER_BYTES) {
            memcpy(text + HEADER_BYTES, command, d->command_len);
            len += d->command_len;
        } else if (pwrite(d->file, command, d->command_len, HEADER_BYTES) !=
                   (ssize_t)d->command_len)
            return fail_errno(d, "write", sq_workdir_names[EXECUTION], err);
    }
    d->header.time = sq_now();
    format_header(d, text);
    if (pwrite(d->file, text, len, 0) != (ssize_t)len)
        return fail_errno(d, "write", sq_workdir_names[EXECUTION], err);
    return 0;
}

/* Make `name` a folder of mode 0777, whatever stands there. */
static int prepare_folder(const struct sq_workdir *d, int top, const char *name,
                          struct sq_err *err)
{
    struct stat st;
    if (mkdirat(top, name, 0777) != 0 && errno == EEXIST &&
        fstatat(top, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode)) {
        unlinkat(top, name, 0);
        mkdirat(top, name, 0777);
    }
    if (fstatat(top, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode))
        return fail_errno(d, "make", name, err);
    if ((st.st_mode & 07777) != 0777 && fchmodat(top, name, 0777, 0) != 0)
        return fail_errno(d, "open to all", name, err);
    return 0;
}

/* Make `name` a file, if what stands there can be removed; who opens it says so if not.
 */
static void prepare_file(const struct sq_workdir *d, const char *name)
{
    struct stat st;
    bool there = fstatat(d->top, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && S_ISREG(st.st_mode))
        return;
    if (there)
        unlinkat(d->top, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
    int fd = openat(d->top, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    0666);
    sq_closep(&fd);
}

/* The directory, and not what may stand in its place by now. */
static int open_top(struct sq_workdir *d, struct sq_err *err)
{
    if (d->top < 0)
        d->top = open(d->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return d->top < 0 ? fail_errno(d, "open", NULL, err) : 0;
}

static bool in_place(const struct sq_workdir *d)
{
    struct stat a, b;
    return d->top >= 0 && fstat(d->top, &a) == 0 && lstat(d->path, &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int sq_workdir_prepare(struct sq_workdir *d, struct sq_err *err)
{
    int rc = open_top(d, err);
    if (rc)
        return rc;
    if (!in_place(d))
        return sq_fail(err, SQ_EIO, "%s was moved away", d->path);
    if (fchmod(d->top, 0777) != 0)
        return fail_errno(d, "open to all", NULL, err);
    for (int i = 0; i < FOLDERS; i++) {
        rc = prepare_folder(d, d->top, sq_workdir_names[i], err);
        if (rc)
            return rc;
    }
    for (int i = FOLDERS; i < NAMES; i++)
        prepare_file(d, sq_workdir_names[i]);
    sq_closep(&d->file);
    d->file = openat(d->top, sq_workdir_names[EXECUTION],
                     O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (d->file < 0)
        return fail_errno(d, "open", sq_workdir_names[EXECUTION], err);
    d->header = (struct sq_workdir_header){.stage = SQ_DIR_FREE};
    return sq_workdir_save(d, NULL, err);
}

int sq_workdir_open_output(const struct sq_workdir *d, int stream, int flags)
{
    return openat(d->top, sq_workdir_names[OUTPUTS + stream - 1],
                  flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

int64_t sq_workdir_output_size(const struct sq_workdir *d, int stream)
{
    struct stat st;
    const char *name = sq_workdir_names[OUTPUTS + stream - 1];
    return fstatat(d->top, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)
               ? st.st_size
               : 0;
}

void sq_workdir_trim(const struct sq_workdir *d)
{
    for (int stream = 1; stream <= EXECUTION - OUTPUTS; stream++) {
        int fd = sq_workdir_open_output(d, stream, O_WRONLY | O_TRUNC);
        sq_closep(&fd);
    }
}

static int load_command(struct sq_workdir *d, struct sq_err *err)
{
    size_t len = d->command_len;
    d->command = len <= COMMAND_MAX ? malloc(len + 1) : NULL;
    if (!d->command)
        return sq_fail(err, SQ_ENOMEM, "no memory for the command in %s", d->path);
    if (pread(d->file, d->command, len, HEADER_BYTES) != (ssize_t)len ||
        sq_checksum(d->command, len) != d->command_sum)
        return sq_fail(err, SQ_EIO, "the command in %s is damaged", d->path);
    d->command[len] = 0;
    return 0;
}

int sq_workdir_load(struct sq_workdir *d, struct sq_err *err)
{
    char line[HEADER_BYTES];
    int rc = open_top(d, err);
    if (rc)
        return rc;
    d->file =
        openat(d->top, sq_workdir_names[EXECUTION], O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (d->file < 0)
        return fail_errno(d, "open", sq_workdir_names[EXECUTION], err);
    if (pread(d->file, line, sizeof line, 0) != (ssize_t)sizeof line ||
        !parse_header(d, line))
        return sq_fail(err, SQ_EIO, "its %s is damaged", sq_workdir_names[EXECUTION]);
    if (d->found_owner != d->owner)
        return sq_fail(err, SQ_ENOENT, "it is another worker's");
    switch (d->header.stage) {
    case SQ_DIR_FETCHING:
    case SQ_DIR_HELD:
    case SQ_DIR_STARTED: return load_command(d, err);
    case SQ_DIR_KEPT:
        sq_closep(&d->file);
        sq_closep(&d->top);
        d->file = d->top = -1;
        return 0;
    case SQ_DIR_FREE: return 0;
    }
    return sq_fail(err, SQ_EIO, "its stage %c is unknown", d->header.stage);
}

/* The entries of an open folder, few at a time. */
typedef bool entry_fn(int dir, const struct dirent64 *e, void *arg);

static bool each_entry(int dir, entry_fn *fn, void *arg)
{
    char buf[2048] __attribute__((aligned(8)));
    ssize_t n;
    while ((n = getdents64(dir, buf, sizeof buf)) > 0)
        for (ssize_t at = 0; at < n;) {
            const struct dirent64 *e = (const void *)(buf + at);
            at += e->d_reclen;
            bool dots = e->d_name[0] == '.' &&
                        (!e->d_name[1] || (e->d_name[1] == '.' && !e->d_name[2]));
            if (!dots && !fn(dir, e, arg))
                return false;
        }
    return n == 0;
}

struct quick {
    int budget;    /* files that may still be unlinked */
    unsigned seen; /* bit i: sq_workdir_names[i] is there and of its kind */
};

static bool quick_unlink(int dir, const struct dirent64 *e, void *arg)
{
    struct quick *q = arg;
    if (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN || q->budget-- <= 0)
        return false;
    return unlinkat(dir, e->d_name, 0) == 0;
}

static bool quick_folder(int top, const char *name, struct quick *q)
{
    struct stat st;
    int dir SQ_CLEANUP(sq_closep) = sq_open_dir_at(top, name);
    return dir >= 0 && fstat(dir, &st) == 0 && (st.st_mode & 07777) == 0777 &&
           each_entry(dir, quick_unlink, q);
}

static bool quick_top(int top, const struct dirent64 *e, void *arg)
{
    struct quick *q = arg;
    for (int i = 0; i < NAMES; i++) {
        if (strcmp(e->d_name, sq_workdir_names[i]) != 0)
            continue;
        if (e->d_type != (i < FOLDERS ? DT_DIR : DT_REG))
            return false;
        q->seen |= 1u << i;
        return i >= FOLDERS || quick_folder(top, e->d_name, q);
    }
    return quick_unlink(top, e, arg);
}

bool sq_workdir_quick_empty(struct sq_workdir *d)
{
    struct quick q = {.budget = QUICK_FILES};
    const unsigned must = ((1u << FOLDERS) - 1) | 1u << EXECUTION;
    if (d->file < 0 || !in_place(d))
        return false;
    int top SQ_CLEANUP(sq_closep) =
        openat(d->top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return top >= 0 && each_entry(top, quick_top, &q) && (q.seen & must) == must;
}
