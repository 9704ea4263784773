/* A storage plugin outside scitq's tree, to begin one's own from: sample://NAME is the
 * file NAME in the folder that the setting SAMPLE_FOLDER names.
 *
 *     cc -shared -fPIC $(pkg-config --cflags scitq) -o sample.so sample.c \
 *         $(pkg-config --libs scitq)
 *     scitq-manage plugin check ./sample.so -u sample://trial/
 *
 * The manual page scitq-plugin(7) says where it goes then.  It shows the shape, not how
 * to be fast: no list of a tree, no dates, no checksums. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <scitq/storage.h>

#ifdef SAMPLE_SILENT /* as the other SAMPLE_…: for the test of scitq-manage plugin   \
                        check */
#define sq_fail(err, code, ...) ((void)(err), (code))
#endif

#define BUFFER_BYTES 65536
#define PATH_BYTES 4096

struct sq_storage {
    struct sq_host *host;
    const char *folder;
    char buffer[BUFFER_BYTES];
};

static const struct sq_setting settings[] = {
    {"SAMPLE_FOLDER", SQ_SETTING_TEXT, NULL, 0, "the folder that holds the files"},
    {NULL, SQ_SETTING_TEXT, NULL, 0, NULL}};

/* ---- An instance */

static int open_sample(struct sq_host *host, struct sq_storage **ret,
                       struct sq_err *err)
{
    const char *folder = host->setting(host, "SAMPLE_FOLDER");
    if (!folder)
        return sq_fail(err, SQ_EINVAL, "SAMPLE_FOLDER is not set: name a folder");
    struct sq_storage *s = malloc(sizeof *s);
    if (!s)
        return sq_fail(err, SQ_ENOMEM, "out of memory for the sample plugin");
    s->host = host;
    s->folder = folder; /* it lives as long as the host */
    *ret = s;
    return 0;
}

static void close_sample(struct sq_storage *s)
{
    free(s);
}

/* ---- Helpers */

static int errno_code(int e)
{
    switch (e) {
    case ENOENT:
    case ENOTDIR: return SQ_ENOENT;
    case EACCES:
    case EPERM: return SQ_EAUTH;
    case ENOSPC:
    case EDQUOT: return SQ_ENOSPC;
    default: return SQ_EIO;
    }
}

static int path_of(struct sq_storage *s, const char *name, char path[PATH_BYTES],
                   struct sq_err *err)
{
    int n = snprintf(path, PATH_BYTES, "%s/%s", s->folder, name);
    if (strstr(name, "..") || n >= PATH_BYTES)
        return sq_fail(err, SQ_EINVAL, "%s cannot be a name here", name);
    return 0;
}

/* Copy from one open file to another, watching the call. */
static int copy_bytes(struct sq_storage *s, FILE *in, FILE *out, struct sq_call *call,
                      int64_t *ret_bytes, struct sq_err *err)
{
    int64_t done = 0;
    size_t n;
    do {
        if (call->canceled(call))
            return sq_fail(err, SQ_ECANCELED, "the copy was canceled");
        n = fread(s->buffer, 1, sizeof s->buffer, in);
        if (n != fwrite(s->buffer, 1, n, out))
            return sq_fail(err, errno_code(errno), "cannot write: %s", strerror(errno));
        done += (int64_t)n;
        call->progress(call, done, SQ_UNKNOWN);
#ifdef SAMPLE_BACKWARDS
        call->progress(call, done - 1, SQ_UNKNOWN);
#endif
#ifdef SAMPLE_TRUNCATES
        break;
#endif
    } while (n > 0);
    if (ferror(in) || fflush(out))
        return sq_fail(err, SQ_EIO, "cannot copy: %s", strerror(errno));
    *ret_bytes = done;
    return 0;
}

static int copy_file(struct sq_storage *s, const char *from, const char *to,
                     struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    int64_t bytes = 0;
    FILE *in = fopen(from, "rb");
    if (!in)
        return sq_fail(err, errno_code(errno), "cannot read %s: %s", from,
                       strerror(errno));
    FILE *out = fopen(to, "wb");
    int rc = out ? copy_bytes(s, in, out, call, &bytes, err)
                 : sq_fail(err, errno_code(errno), "cannot write %s: %s", to,
                           strerror(errno));
    fclose(in);
    if (out && fclose(out) && rc == 0)
        rc =
            sq_fail(err, errno_code(errno), "cannot write %s: %s", to, strerror(errno));
    if (rc == 0) {
        memset(ret, 0, sizeof *ret);
        ret->size_bytes = bytes;
        ret->date_ns = SQ_UNKNOWN;
    }
    return rc;
}

/* ---- Operations */

static void fill(struct sq_entry *e, const struct stat *st)
{
    memset(e, 0, sizeof *e);
    e->kind = S_ISREG(st->st_mode)   ? SQ_ENTRY_FILE
              : S_ISDIR(st->st_mode) ? SQ_ENTRY_FOLDER
                                     : SQ_ENTRY_OTHER;
    e->size_bytes = S_ISREG(st->st_mode) ? (int64_t)st->st_size : SQ_UNKNOWN;
    e->date_ns = SQ_UNKNOWN;
}

static int info(struct sq_storage *s, const struct sq_location *at, unsigned want,
                struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    char path[PATH_BYTES];
    struct stat st;
    (void)want;
    (void)call;
    int rc = path_of(s, at->path, path, err);
    if (rc)
        return rc;
#ifdef SAMPLE_CRASHES
    *(volatile int *)1 = 1;
#endif
#ifdef SAMPLE_FORGIVES
    if (stat(path, &st))
        stat("/", &st);
#else
    if (stat(path, &st))
        return sq_fail(err, errno_code(errno), "cannot find %s: %s", path,
                       strerror(errno));
#endif
    fill(ret, &st);
    return 0;
}

static int list(struct sq_storage *s, const struct sq_location *at, unsigned want,
                sq_entry_fn each, void *arg, struct sq_call *call, struct sq_err *err)
{
    char path[PATH_BYTES], one[2 * PATH_BYTES];
    int rc = path_of(s, at->path, path, err);
    if (!rc && (want & SQ_LIST_RECURSIVE))
        rc = sq_fail(err, SQ_EUNSUPPORTED, "the sample lists one folder at a time");
    if (rc)
        return rc;
    DIR *dir = opendir(path);
    if (!dir)
        return sq_fail(err, errno_code(errno), "cannot list %s: %s", path,
                       strerror(errno));
    for (struct dirent *d; rc == 0 && (d = readdir(dir));) {
        struct sq_entry e;
        struct stat st;
        snprintf(one, sizeof one, "%s/%s", path, d->d_name);
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
            lstat(one, &st))
            continue;
        fill(&e, &st);
        e.name = d->d_name;
        rc = call->canceled(call) ? sq_fail(err, SQ_ECANCELED, "the list was canceled")
                                  : each(arg, &e);
    }
    closedir(dir);
    return rc;
}

static int get(struct sq_storage *s, const struct sq_location *from, const char *to,
               struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    char path[PATH_BYTES];
    int rc = path_of(s, from->path, path, err);
    return rc ? rc : copy_file(s, path, to, call, ret, err);
}

/* Whole or not at all: written beside its place, then renamed. */
static int put(struct sq_storage *s, const char *from, const struct sq_location *to,
               struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    char path[PATH_BYTES], beside[PATH_BYTES + 10];
    struct stat st;
    int rc = path_of(s, to->path, path, err);
    if (rc)
        return rc;
    if (stat(from, &st))
        return sq_fail(err, errno_code(errno), "cannot store %s: %s", from,
                       strerror(errno));
    if (!S_ISREG(st.st_mode))
        return sq_fail(err, SQ_EINVAL, "cannot store %s: it is no file", from);
    for (char *p = path + strlen(s->folder) + 1; (p = strchr(p, '/')); p++) {
        *p = 0;
        mkdir(path, 0777); /* if it fails, so does the copy */
        *p = '/';
    }
    snprintf(beside, sizeof beside, "%s.part", path);
    rc = copy_file(s, from, beside, call, ret, err);
    if (rc == 0 && rename(beside, path))
        rc = sq_fail(err, errno_code(errno), "cannot write %s: %s", path,
                     strerror(errno));
    if (rc)
        unlink(beside);
    else
        s->host->log(s->host, SQ_SAY_INFO, "stored %s", path);
    return rc;
}

/* Of a folder: what is in it, and it.  Not its sub-folders: rmdir will say so. */
static int empty(struct sq_storage *s, const char *path)
{
    char one[2 * PATH_BYTES];
    DIR *dir = opendir(path);
    (void)s;
    if (!dir)
        return -1;
    for (struct dirent *d; (d = readdir(dir));) {
        snprintf(one, sizeof one, "%s/%s", path, d->d_name);
        unlink(one);
    }
    closedir(dir);
    return rmdir(path);
}

static int remove_it(struct sq_storage *s, const struct sq_location *at,
                     struct sq_call *call, struct sq_err *err)
{
    char path[PATH_BYTES];
    int folder = at->path[strlen(at->path) - 1] == '/';
    (void)call;
    int rc = path_of(s, at->path, path, err);
    if (rc)
        return rc;
    if (folder ? empty(s, path) : unlink(path))
        return sq_fail(err, errno_code(errno), "cannot remove %s: %s", path,
                       strerror(errno));
    return 0;
}

static const char *const protocols[] = {"sample", NULL};

/* The name is the file's: sample.so. */
extern const struct sq_storage_ops sample_LTX_sq_storage;
const struct sq_storage_ops sample_LTX_sq_storage = {
    .abi = SQ_STORAGE_ABI,
    .name = "sample",
    .help = "files of one folder: where to begin one's own plugin from",
    .protocols = protocols,
    .settings = settings,
    .open = open_sample,
    .close = close_sample,
    .info = info,
    .list = list,
    .get = get,
    .put = put,
    .remove = remove_it,
};
