/* Reads with zlib and libarchive, writes through inside.h.
 *
 * gzip is always undone by zlib, also under a tar: it verifies checksum and length,
 * which libarchive leaves out; a file that is not gzip comes through as it is.  A tar's
 * stream is read to its end, past the last entry, so that a cut or damaged end is seen.
 * zip is read through its directory at the end of the file, the only place where it
 * tells what is a link. */
#include "cli/fetch/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zlib.h>

#include "cli/fetch/inside.h"
#include "lib/file.h"

enum {
    PIECE_BYTES = 128 * 1024,
    LOOK_BYTES = 16 * 1024 * 1024, /* written between two looks at the free disk */
    LOOK_ENTRIES = 1000,
    SPARE_BYTES = 64 * 1024 * 1024, /* never taken, or 1/64 of a small disk */
    SPARE_PART = 64,
};

struct job {
    const struct sq_unpack *u;
    struct sq_err *err;
    gzFile gz; /* gunzip and untar */
    char piece[PIECE_BYTES];
    int64_t written_bytes, look_at_bytes;
    int64_t entries;
};

static int refuse(struct job *j, const char *why)
{
    return sq_fail(j->err, SQ_EINVAL, "cannot unpack %.150s: %.300s", j->u->shown, why);
}

static int failed_inside(struct job *j, struct sq_err *why)
{
    return sq_fail(j->err, why->code, "cannot unpack %.150s: %.300s", j->u->shown,
                   why->text);
}

static int fail_errno(struct job *j)
{
    int e = errno;
    return sq_fail(j->err, sq_errno_code(e), "cannot unpack %.150s: %s%s", j->u->shown,
                   strerror(e),
                   e == ENOSPC ? ": make room, or give it a larger disk" : "");
}

/* Is there room for `more` bytes, and a name for one more file? */
static int look_at_disk(struct job *j, int64_t more)
{
    struct statvfs v;
    if (fstatvfs(j->u->to, &v) != 0)
        return fail_errno(j);
    int64_t unit = (int64_t)v.f_frsize;
    int64_t spare = (int64_t)v.f_blocks * unit / SPARE_PART;
    if (spare > SPARE_BYTES)
        spare = SPARE_BYTES;
    int64_t room = (int64_t)v.f_bavail * unit - spare;
    if (more > room || (v.f_files && v.f_favail == 0))
        return sq_fail(j->err, SQ_ENOSPC,
                       "cannot unpack %.150s: its content does not fit on the disk, "
                       "where %lld MB are free: make room, or give it a larger disk",
                       j->u->shown, (long long)((int64_t)v.f_bavail * unit / 1000000));
    j->look_at_bytes = j->written_bytes + LOOK_BYTES;
    return 0;
}

static int account(struct job *j, size_t len)
{
    j->written_bytes += (int64_t)len;
    if (!j->u->going(j->u->arg, j->written_bytes))
        return sq_fail(j->err, SQ_ECANCELED, "unpacking %.150s was canceled",
                       j->u->shown);
    return j->written_bytes >= j->look_at_bytes ? look_at_disk(j, 0) : 0;
}

static int write_at(struct job *j, int fd, const char *data, size_t len, off_t at)
{
    while (len) {
        ssize_t n = pwrite(fd, data, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(j);
        int rc = account(j, (size_t)n);
        if (rc)
            return rc;
        data += n;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

/* ---- gzip */

static int open_gzip(struct job *j)
{
    int fd = open(j->u->archive, O_RDONLY | O_CLOEXEC);
    j->gz = fd < 0 ? NULL : gzdopen(fd, "rb");
    if (j->gz)
        return gzbuffer(j->gz, PIECE_BYTES) == 0 ? 0 : refuse(j, "out of memory");
    int rc = fd < 0 ? fail_errno(j) : refuse(j, "out of memory");
    sq_closep(&fd);
    return rc;
}

/* Into j->piece: the number of bytes, 0 at a whole end, or -1. */
static int read_gzip(struct job *j, const char **ret_why)
{
    int n = gzread(j->gz, j->piece, PIECE_BYTES);
    int code = Z_OK;
    const char *text = gzerror(j->gz, &code);
    if (n >= 0 && code != Z_BUF_ERROR)
        return n;
    *ret_why = code == Z_BUF_ERROR ? "it is cut off: the gzip data ends too early"
               : code == Z_ERRNO   ? strerror(errno)
                                   : text;
    return -1;
}

static int gunzip(struct job *j)
{
    struct sq_err why = {0};
    const char *text = "";
    int rc = open_gzip(j);
    if (rc)
        return rc;
    int n = read_gzip(j, &text);
    if (n < 0 || gzdirect(j->gz))
        return refuse(j, n < 0 ? text : "it is not gzip data");
    SQ_CLEANUP(sq_closep) int fd = sq_inside_file(j->u->to, j->u->plain, &why);
    if (fd < 0)
        return failed_inside(j, &why);
    for (off_t at = 0; n > 0; at += n, n = read_gzip(j, &text)) {
        rc = write_at(j, fd, j->piece, (size_t)n, at);
        if (rc)
            return rc;
    }
    return n < 0 ? refuse(j, text) : 0;
}

/* ---- tar and zip */

static la_ssize_t read_some(struct archive *a, void *arg, const void **ret)
{
    struct job *j = arg;
    const char *why = "";
    int n = read_gzip(j, &why);
    *ret = j->piece;
    if (n < 0)
        archive_set_error(a, EIO, "%s", why);
    return n;
}

static int fail_archive(struct job *j, struct archive *a)
{
    const char *text = archive_error_string(a);
    return refuse(j, text ? text : "it is damaged");
}

static int open_tar(struct job *j, struct archive *a)
{
    int rc = open_gzip(j);
    if (rc)
        return rc;
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_format_tar(a);
    return archive_read_open(a, j, NULL, read_some, NULL) == ARCHIVE_OK
               ? 0
               : fail_archive(j, a);
}

static int open_zip(struct job *j, struct archive *a)
{
    archive_read_support_format_zip_seekable(a);
    return archive_read_open_filename(a, j->u->archive, PIECE_BYTES) == ARCHIVE_OK
               ? 0
               : fail_archive(j, a);
}

/* The hole that a sparse file may end with is no data of the archive's: only the size
 * tells of it. */
static int pad(struct job *j, struct archive_entry *e, int fd, la_int64_t end)
{
    struct stat st;
    if (archive_entry_size_is_set(e) && end < archive_entry_size(e)) {
        if (!archive_entry_sparse_count(e))
            return refuse(j, "the content of an entry is shorter than its size");
        end = archive_entry_size(e);
    }
    if (fstat(fd, &st) != 0 || (st.st_size < end && ftruncate(fd, end) != 0))
        return fail_errno(j);
    return 0;
}

/* The content of one entry. */
static int copy_data(struct job *j, struct archive *a, struct archive_entry *e, int fd)
{
    const void *data;
    size_t len;
    la_int64_t at, end = 0;
    for (;;) {
        int rc = archive_read_data_block(a, &data, &len, &at);
        if (rc == ARCHIVE_EOF)
            break;
        if (rc != ARCHIVE_OK)
            return fail_archive(j, a);
        rc = write_at(j, fd, data, len, at);
        if (rc)
            return rc;
        end = at + (la_int64_t)len;
    }
    return pad(j, e, fd, end);
}

static void keep_date(struct archive_entry *e, int fd)
{
    if (!archive_entry_mtime_is_set(e))
        return;
    struct timespec t = {archive_entry_mtime(e), archive_entry_mtime_nsec(e)};
    futimens(fd, (struct timespec[2]){t, t}); /* else the date of now */
}

static int make_file(struct job *j, struct archive *a, struct archive_entry *e,
                     const char *name)
{
    struct sq_err why = {0};
    int64_t size = archive_entry_size_is_set(e) ? archive_entry_size(e) : 0;
    int rc = archive_entry_sparse_count(e) ? 0 : look_at_disk(j, size);
    if (rc)
        return rc;
    SQ_CLEANUP(sq_closep) int fd = sq_inside_file(j->u->to, name, &why);
    if (fd < 0)
        return failed_inside(j, &why);
    rc = copy_data(j, a, e, fd);
    if (rc == 0 && fchmod(fd, (archive_entry_perm(e) & 0777) | 0600) != 0)
        rc = fail_errno(j);
    if (rc == 0)
        keep_date(e, fd);
    return rc;
}

static int make_entry(struct job *j, struct archive *a, struct archive_entry *e)
{
    const char *name = archive_entry_pathname(e);
    const char *hard = archive_entry_hardlink(e);
    const char *soft = archive_entry_symlink(e);
    char text[400];
    struct sq_err why = {0};
    if (!name)
        return refuse(j, "an entry has no name that can be read");
    if (!hard && archive_entry_filetype(e) == AE_IFREG)
        return make_file(j, a, e, name);
    int rc;
    if (hard)
        rc = sq_inside_hardlink(j->u->to, name, hard, &why);
    else if (archive_entry_filetype(e) == AE_IFDIR)
        rc = sq_inside_dir(j->u->to, name, &why);
    else if (soft && archive_entry_filetype(e) == AE_IFLNK)
        rc = sq_inside_symlink(j->u->to, name, soft, &why);
    else {
        snprintf(text, sizeof text,
                 "%.200s is neither file, folder nor link (a device, a pipe)", name);
        return refuse(j, text);
    }
    return rc ? failed_inside(j, &why) : account(j, 0);
}

static int read_entries(struct job *j, struct archive *a)
{
    struct archive_entry *e;
    int rc;
    while ((rc = archive_read_next_header(a, &e)) != ARCHIVE_EOF) {
        if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
            return fail_archive(j, a);
        rc = j->entries++ % LOOK_ENTRIES == 0 ? look_at_disk(j, 0) : 0;
        if (rc == 0)
            rc = make_entry(j, a, e);
        if (rc)
            return rc;
    }
    const char *why = "";
    int n = 0;
    while (j->gz && (n = read_gzip(j, &why)) > 0)
        ;
    return n < 0 ? refuse(j, why) : 0;
}

static int unpack_archive(struct job *j)
{
    struct sq_err why = {0};
    struct archive *a = archive_read_new();
    if (!a)
        return sq_fail(j->err, SQ_ENOMEM, "out of memory");
    int rc = j->u->kind == SQ_UNPACK_UNTAR ? open_tar(j, a) : open_zip(j, a);
    if (rc == 0)
        rc = read_entries(j, a);
    archive_read_free(a);
    if (rc == 0 && sq_inside_check_links(j->u->to, &why) != 0)
        rc = failed_inside(j, &why);
    return rc;
}

int sq_unpack(const struct sq_unpack *u, struct sq_err *err)
{
    struct sq_err why = {0};
    SQ_CLEANUP(sq_freep) struct job *j = calloc(1, sizeof *j);
    if (!j)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    j->u = u;
    j->err = &why;
    int rc = look_at_disk(j, 0);
    if (rc == 0)
        rc = u->kind == SQ_UNPACK_GUNZIP ? gunzip(j) : unpack_archive(j);
    if (j->gz)
        gzclose(j->gz);
    return rc ? sq_fail(err, rc, "%s", why.text) : 0;
}

bool sq_unpack_parse(const char *action, enum sq_unpack_kind *ret)
{
    static const char *const names[] = {
        [SQ_UNPACK_GUNZIP] = "gunzip",
        [SQ_UNPACK_UNTAR] = "untar",
        [SQ_UNPACK_UNZIP] = "unzip",
    };
    for (size_t i = 0; i < SQ_LEN(names); i++)
        if (strcmp(action, names[i]) == 0) {
            *ret = (enum sq_unpack_kind)i;
            return true;
        }
    return false;
}

void sq_unpack_plain_name(const char *name, char *out, size_t size)
{
    size_t len = strlen(name);
    if (len > 3 && strcmp(name + len - 3, ".gz") == 0)
        snprintf(out, size, "%.*s", (int)(len - 3), name);
    else if (len > 4 && strcmp(name + len - 4, ".tgz") == 0)
        snprintf(out, size, "%.*s.tar", (int)(len - 4), name);
    else
        snprintf(out, size, "%s", name);
}
