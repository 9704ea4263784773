/* The nfs plugin where the contract of all storages does not look: links and pipes, a
 * mount that is missing, one that is dead, what stays after a cancellation.
 *
 * The dead mount is a FUSE file system whose server, a thread of this test, reads the
 * requests and never answers them: not even SIGKILL ends who waits for it.  It is
 * mounted in a namespace of this process. */
#include "tests/test.h"

#include <dirent.h>
#include <errno.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/host.h"
#include "tests/lacking.h"
#include "tests/unit/lib/scratch.h"

struct world {
    struct scratch *files;
    struct sq_plugins *plugins;
    struct sq_host *host;
    struct sq_storage *s;
    const struct sq_storage_ops *ops;
    struct sq_call call;
};

static atomic_int canceled_now;

static int canceled(const struct sq_call *call)
{
    (void)call;
    return canceled_now;
}

static void cancel(struct sq_call *call)
{
    uint64_t one = 1;
    canceled_now = 1;
    assert_int_equal(write(call->cancel_fd, &one, sizeof one), sizeof one);
}

static int64_t moved;

static void progress(struct sq_call *call, int64_t done, int64_t total)
{
    (void)call;
    (void)total;
    moved = done;
}

static void open_storage(struct world *w)
{
    struct sq_err err;
    const struct sq_plugin *p;
    struct sq_host_conf conf = {0};
    OK(err, sq_plugins_load(NULL, &w->plugins, &err));
    OK(err, sq_plugins_storage(w->plugins, "file", &p, &err));
    OK(err, sq_host_new(p, &conf, &w->host, &err));
    w->ops = p->storage;
    OK(err, w->ops->open(w->host, &w->s, &err));
}

static void close_storage(struct world *w)
{
    w->ops->close(w->s);
    sq_host_free(w->host);
    sq_plugins_free(w->plugins);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w || scratch_setup((void **)&w->files))
        return -1;
    canceled_now = 0;
    w->call = (struct sq_call){.canceled = canceled,
                               .cancel_fd = eventfd(0, EFD_CLOEXEC),
                               .progress = progress};
    open_storage(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    void *files = w->files;
    close_storage(w);
    close(w->call.cancel_fd);
    free(w);
    return scratch_teardown(&files);
}

static struct sq_location at(const char *path)
{
    return (struct sq_location){.proto = "file", .path = path};
}

/* "a:f b:d c:l d:o" of what is listed, sorted. */
struct listed {
    char *v[20];
    size_t n;
};

static int take(void *arg, const struct sq_entry *e)
{
    struct listed *l = arg;
    assert_true(l->n < SQ_LEN(l->v));
    assert_true(asprintf(&l->v[l->n++], "%s:%c", e->name, "fdlo"[e->kind]) > 0);
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void expect_list(struct world *w, const char *path, const char *expected)
{
    struct listed l = {.n = 0};
    struct sq_err err;
    char all[400] = "";
    struct sq_location where = at(path);
    OK(err, w->ops->list(w->s, &where, SQ_LIST_RECURSIVE, take, &l, &w->call, &err));
    qsort(l.v, l.n, sizeof l.v[0], by_text);
    for (size_t i = 0; i < l.n; i++) {
        strcat(strcat(all, i ? " " : ""), l.v[i]);
        free(l.v[i]);
    }
    assert_string_equal(all, expected);
}

static void make_tree(struct world *w)
{
    struct sq_err err;
    struct scratch *s = w->files;
    OK(err, sq_mkdirs(scratch_path(s, "in/sub/empty"), 0755, &err));
    OK(err, sq_mkdirs(scratch_path(s, "else"), 0755, &err));
    scratch_write(s, "else/kept", "x", 1);
    scratch_write(s, "in/sub/b", "bb", 2);
    scratch_write(s, "in/a\nb", "1", 1);
    assert_int_equal(mkfifo(scratch_path(s, "in/pipe"), 0600), 0);
    assert_int_equal(symlink("sub/b", scratch_path(s, "in/tofile")), 0);
    assert_int_equal(symlink("../else", scratch_path(s, "in/todir")), 0);
    assert_int_equal(symlink("gone", scratch_path(s, "in/tonothing")), 0);
}

static void test_odd_files(void **state)
{
    struct world *w = *state;
    struct scratch *s = w->files;
    struct sq_err err;
    make_tree(w);
    expect_list(w, scratch_path(s, "in"),
                "a\nb:f pipe:o sub/b:f sub/empty:d sub:d todir:o tofile:l tonothing:o");
    struct sq_location from = at(scratch_path(s, "in/")),
                       to = at(scratch_path(s, "x/y/"));
    OK(err, w->ops->copy(w->s, &from, &to, &w->call, &err));
    expect_list(w, scratch_path(s, "x"),
                "y/a\nb:f y/sub/b:f y/sub/empty:d y/sub:d "
                "y/tofile:f y:d");
    struct sq_entry e;
    struct sq_location fifo = at(scratch_path(s, "in/pipe"));
    assert_int_equal(
        w->ops->get(w->s, &fifo, scratch_path(s, "got"), &w->call, &e, &err),
        SQ_EUNSUPPORTED);
    /* Links are removed, never followed. */
    struct sq_location link = at(scratch_path(s, "in/todir/"));
    OK(err, w->ops->remove(w->s, &link, &w->call, &err));
    assert_int_equal(symlink("../else", scratch_path(s, "in/todir")), 0);
    OK(err, w->ops->remove(w->s, &from, &w->call, &err));
    assert_int_equal(access(from.path, F_OK), -1);
    assert_int_equal(access(scratch_path(s, "else/kept"), F_OK), 0);
}

/* Somebody who writes to a file all the time, until he is told to stop. */
struct writer {
    const char *path;
    atomic_bool stop;
};

static void *write_always(void *arg)
{
    struct writer *w = arg;
    for (time_t s = 1; !atomic_load(&w->stop); s++) {
        const struct timespec dates[2] = {{s, 0}, {s, 0}};
        if (utimensat(AT_FDCWD, w->path, dates, 0) != 0)
            break; /* then no try meets it, and the test fails */
    }
    return NULL;
}

/* What changes while it is copied is not taken for a copy of either.  One of many tries
 * has to meet the writer: usually it is the first. */
static void test_changing(void **state)
{
    struct world *w = *state;
    struct scratch *s = w->files;
    static const char zeros[1 << 20];
    struct writer writer = {.path = scratch_write(s, "f", zeros, sizeof zeros)};
    const char *to = scratch_path(s, "got");
    struct sq_location from = at(writer.path);
    struct sq_err err = {0};
    struct sq_entry e;
    pthread_t thread;
    int rc = 0;
    assert_int_equal(pthread_create(&thread, NULL, write_always, &writer), 0);
    for (int i = 0; i < 2000 && rc == 0; i++)
        rc = w->ops->get(w->s, &from, to, &w->call, &e, &err);
    atomic_store(&writer.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(rc, SQ_EIO);
    assert_non_null(strstr(err.text, "changed while it was copied"));
    assert_int_equal(access(to, F_OK), -1);
}

static void test_paths(void **state)
{
    struct world *w = *state;
    struct scratch *s = w->files;
    struct sq_err err;
    struct sq_entry e;
    char longer[5000];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = 0;
    const char *file = scratch_write(s, "f", "x", 1);
    char slashed[200];
    snprintf(slashed, sizeof slashed, "%s/", file);
    const struct {
        const char *path;
        int code;
    } cases[] = {
        {longer, SQ_EINVAL},
        {slashed, SQ_ENOENT},
        {scratch_path(s, "nothing"), SQ_ENOENT},
        {scratch_path(s, "f/below"), SQ_ENOENT},
    };
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        struct sq_location where = at(cases[i].path);
        assert_int_equal(w->ops->info(w->s, &where, 0, &w->call, &e, &err),
                         cases[i].code);
        assert_int_equal(w->ops->list(w->s, &where, 0, take, NULL, &w->call, &err),
                         cases[i].code);
        assert_int_equal(w->ops->remove(w->s, &where, &w->call, &err), cases[i].code);
    }
    struct sq_location root = at("//"), folder = at(s->dir);
    assert_int_equal(w->ops->remove(w->s, &root, &w->call, &err), SQ_EINVAL);
    assert_int_equal(w->ops->remove(w->s, &folder, &w->call, &err), SQ_ENOENT);
    assert_int_equal(access(file, F_OK), 0);
}

/* What the table of mounts names has to be mounted; what it does not is the disk's. */
static void test_missing_mount(void **state)
{
    struct world *w = *state;
    struct scratch *s = w->files;
    struct sq_err err;
    struct sq_entry e;
    char table[1000];
    OK(err, sq_mkdirs(scratch_path(s, "da ta"), 0755, &err));
    int n =
        snprintf(table, sizeof table,
                 "# comment\n\nserver:/a %s nfs defaults 0 0\n"
                 "/dev/sdz %s ext4 defaults\nserver:/b %s/da\\040ta\tnfs4 ro,_netdev\n"
                 "//server/c %s cifs",
                 "/proc", scratch_path(s, "disk"), s->dir, scratch_path(s, "win"));
    setenv("NFS_FSTAB", scratch_write(s, "fstab", table, (size_t)n), 1);
    close_storage(w);
    open_storage(w);
    unsetenv("NFS_FSTAB");
    const struct {
        const char *path;
        int code;
    } cases[] = {
        {scratch_path(s, "da ta"), SQ_EIO},     {scratch_path(s, "da ta/x"), SQ_EIO},
        {scratch_path(s, "da tax"), SQ_ENOENT}, {scratch_path(s, "win/x/y"), SQ_ENOENT},
        {scratch_path(s, "disk/x"), SQ_ENOENT}, {"/proc/self/nothing", SQ_ENOENT},
    };
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        struct sq_location where = at(cases[i].path);
        int rc = w->ops->info(w->s, &where, 0, &w->call, &e, &err);
        if (rc != cases[i].code)
            fail_msg("%s: %d %s", cases[i].path, rc, err.text);
        if (rc == SQ_EIO)
            assert_non_null(strstr(err.text, "is not mounted"));
    }
    /* Nothing is written to the disk below. */
    const char *file = scratch_write(s, "f", "x", 1);
    struct sq_location below = at(scratch_path(s, "da ta/sub/f"));
    assert_int_equal(w->ops->put(w->s, file, &below, &w->call, &e, &err), SQ_EIO);
    assert_int_equal(w->ops->make_folder(w->s, &below, &w->call, &err), SQ_EIO);
    assert_int_equal(access(scratch_path(s, "da ta/sub"), F_OK), -1);
}

/* ---- A dead mount ---- */

static int fuse = -1;
static int heard = -1; /* an eventfd: a request arrived that is not answered */
static int quit = -1;  /* an eventfd: enough */

/* A request is there to be read, before it is enough. */
static bool wait_request(void)
{
    struct pollfd p[] = {{.fd = fuse, .events = POLLIN},
                         {.fd = quit, .events = POLLIN}};
    return poll(p, 2, -1) > 0 && !p[1].revents;
}

static void *hear(void *arg)
{
    static char request[FUSE_MIN_READ_BUFFER + (1 << 17)];
    const struct fuse_in_header *in = (const void *)request;
    (void)arg;
    while (wait_request() && read(fuse, request, sizeof request) > 0) {
        struct {
            struct fuse_out_header head;
            struct fuse_init_out init;
        } out = {.head = {.len = sizeof out, .unique = in->unique},
                 .init = {.major = FUSE_KERNEL_VERSION,
                          .minor = FUSE_KERNEL_MINOR_VERSION,
                          /* or who waits for one name holds up all others */
                          .flags = FUSE_PARALLEL_DIROPS,
                          .max_write = 1 << 16}};
        uint64_t one = 1;
        if (in->opcode == FUSE_INIT ? write(fuse, &out, sizeof out) < 0
                                    : write(heard, &one, sizeof one) < 0)
            break;
    }
    return NULL;
}

static bool mount_dead(const char *where)
{
    char options[100];
    fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    heard = eventfd(0, EFD_CLOEXEC);
    quit = eventfd(0, EFD_CLOEXEC);
    if (fuse < 0 || unshare(CLONE_NEWNS) || mount("", "/", "", MS_REC | MS_PRIVATE, ""))
        return false;
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0",
             fuse);
    return mount("dead", where, "fuse", MS_NOSUID | MS_NODEV, options) == 0;
}

static void *cancel_when_heard(void *arg)
{
    uint64_t n;
    if (read(heard, &n, sizeof n) == sizeof n)
        cancel(arg);
    return NULL;
}

static void test_dead_mount(void **state)
{
    struct world *w = *state;
    struct scratch *s = w->files;
    struct sq_err err;
    struct sq_entry e;
    pthread_t thread, other;
    const char *dead = scratch_path(s, "dead");
    OK(err, sq_mkdirs(dead, 0755, &err));
    if (!mount_dead(dead))
        lacking("the right to mount, and /dev/fuse");
    setenv("NFS_TIMEOUT", "1", 1);
    close_storage(w);
    open_storage(w);
    unsetenv("NFS_TIMEOUT");
    assert_int_equal(pthread_create(&thread, NULL, hear, NULL), 0);
    struct sq_location where = at(scratch_path(s, "dead/x"));
    assert_int_equal(w->ops->info(w->s, &where, 0, &w->call, &e, &err), SQ_ETIMEDOUT);
    assert_non_null(strstr(err.text, "no answer from its file system for 1 s"));
    assert_int_equal(w->ops->list(w->s, &where, 0, take, NULL, &w->call, &err),
                     SQ_ETIMEDOUT);
    uint64_t n;
    assert_int_equal(read(heard, &n, sizeof n), sizeof n);
    where = at(scratch_path(s, "dead/y")); /* a name that nobody waits for yet */
    assert_int_equal(pthread_create(&other, NULL, cancel_when_heard, &w->call), 0);
    assert_int_equal(
        w->ops->get(w->s, &where, scratch_path(s, "got"), &w->call, &e, &err),
        SQ_ECANCELED);
    pthread_join(other, NULL);
    /* The last, since it waits with the folder locked. */
    canceled_now = 0;
    assert_int_equal(read(w->call.cancel_fd, &n, sizeof n), sizeof n);
    assert_int_equal(
        w->ops->put(w->s, scratch_write(s, "f", "x", 1), &where, &w->call, &e, &err),
        SQ_ETIMEDOUT);
    umount2(dead, MNT_DETACH);
    n = 1;
    assert_int_equal(write(quit, &n, sizeof n), sizeof n);
    pthread_join(thread, NULL);
    close(fuse); /* and all who wait for it get an error */
    close(heard);
    close(quit);
}

/* ---- Cancellation ---- */

static void cancel_at_progress(struct sq_call *call, int64_t done, int64_t total)
{
    (void)total;
    if (done > 0 && !canceled_now)
        cancel(call);
}

static size_t count(const char *dir)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void test_cancel(void **state)
{
    struct world *w = *state;
    struct scratch *s = w->files;
    struct sq_err err;
    struct sq_entry e;
    const char *big = scratch_path(s, "big");
    int fd = open(big, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 512 << 20), 0);
    close(fd);
    OK(err, sq_mkdirs(scratch_path(s, "to"), 0755, &err));
    struct sq_location to = at(scratch_path(s, "to/copied"));
    w->call.progress = cancel_at_progress;
    assert_int_equal(w->ops->put(w->s, big, &to, &w->call, &e, &err), SQ_ECANCELED);
    assert_int_equal(count(scratch_path(s, "to")), 0);
    assert_int_equal(w->ops->put(w->s, big, &to, &w->call, &e, &err), SQ_ECANCELED);
    assert_int_equal(count(scratch_path(s, "to")), 0);
}

/* A date, an MD5, progress to the last byte, permission to run. */
static void test_told(void **state)
{
    struct world *w = *state;
    struct scratch *s = w->files;
    struct sq_err err;
    struct sq_entry e, stored;
    const char *file = scratch_write(s, "f", "hello", 5);
    const struct timespec dates[] = {{.tv_nsec = UTIME_OMIT},
                                     {.tv_sec = 1000000000, .tv_nsec = 123456789}};
    assert_int_equal(utimensat(AT_FDCWD, file, dates, 0), 0);
    assert_int_equal(chmod(file, 0555), 0);
    struct sq_location to = at(scratch_path(s, "new/one/g"));
    OK(err, w->ops->put(w->s, file, &to, &w->call, &stored, &err));
    assert_int_equal(moved, 5);
    OK(err, w->ops->info(w->s, &to, SQ_WANT_MD5, &w->call, &e, &err));
    assert_string_equal(e.md5, "5d41402abc4b2a76b9719d911017c592");
    assert_true(e.date_ns == INT64_C(1000000000123456789) &&
                stored.date_ns == e.date_ns);
    assert_int_equal(e.date_precision_ns, 0);
    assert_int_equal(e.size_bytes, 5);
    struct stat st;
    assert_int_equal(stat(to.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0755);
    OK(err, w->ops->put(w->s, file, &to, &w->call, &stored, &err)); /* over it */
    assert_int_equal(count(scratch_path(s, "new/one")), 1);
}

/* What no waiting changes is not said to be worth another try. */
static void test_file_in_the_way(void **state)
{
    struct world *w = *state;
    struct scratch *s = w->files;
    struct sq_err err;
    struct sq_entry e;
    const char *file = scratch_write(s, "f", "hello", 5);
    static const struct {
        const char *to;
        int code;
    } rows[] = {{"f/g", SQ_EEXIST}, {"f/sub/g", SQ_ENOENT}};
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_location to = at(scratch_path(s, rows[i].to));
        int rc = w->ops->put(w->s, file, &to, &w->call, &e, &err);
        assert_int_equal(rc, rows[i].code);
        assert_false(sq_code_retryable(rc));
        assert_non_null(strstr(err.text, "cannot make the folder"));
    }
    struct sq_location folder = at(file);
    assert_int_equal(w->ops->make_folder(w->s, &folder, &w->call, &err), SQ_EEXIST);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_odd_files),  TEST(test_paths),
        TEST(test_changing),   TEST(test_missing_mount),
        TEST(test_told),       TEST(test_cancel),
        TEST(test_dead_mount), TEST(test_file_in_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
