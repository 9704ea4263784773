/* Much: one large file, and many small ones in a tree, there and back: 64 MB and 500
 * files; with SCITQ_TEST_LONG=1 1 GB and 10,000, or 1,000 where the server (WebDAV by
 * rclone, FTP by Python) takes 30 ms for each, whoever asks. */
#include "tests/contract/storage/storage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/long.h"

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_large(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    struct watched w;
    const int64_t size = (int64_t)(test_is_long() ? 1024 : 64) << 20;
    /* rclone fetches in several streams what is larger than this, by itself 250 MB. */
    setenv("RCLONE_MULTI_THREAD_CUTOFF", "16M", 1);
    double start = now_s();
    store(t, "large", size, 7);
    unlink(local(t, "stored"));
    double stored = now_s();
    watched_init(&w, -1);
    OK(err, t->ops->get(t->s, at(t, "large"), local(t, "got"), &w.call, &entry, &err));
    print_message("# stored in %.1f s, fetched in %.1f s\n", stored - start,
                  now_s() - stored);
    assert_int_equal(entry.size_bytes, size);
    assert_int_equal(w.done, size);
    assert_int_equal(w.total, size);
    assert_false(w.went_back);
    watched_fini(&w);
    check_file(local(t, "got"), size, 7);
}

struct told {
    size_t n;
    unsigned char *seen;
    const struct sq_files *files;
    int64_t bytes;
};

static void done(void *arg, size_t i, const struct sq_entry *entry)
{
    struct told *told = arg;
    assert_true(i < told->files->n_names);
    assert_false(told->seen[i]);
    told->seen[i] = 1;
    told->n++;
    told->bytes += entry->size_bytes;
}

static size_t size_of(size_t i)
{
    return i % 50 == 0 ? 0 : 100 + i % 1000;
}

static void make_names(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(asprintf(&names[i], "folder %zu/%s%zu", i % 20, i % 7 ? "f" : "d'/",
                             i) > 0);
}

/* The whole tree up and down in one call each, every file told once, nothing else
 * there. */
static void test_many(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    const size_t n = !test_is_long() ? 500 : t->has & SLOW_SERVER ? 1000 : 10000;
    char **names = calloc(n, sizeof *names), path[800], up[500], down[500];
    struct told told = {.seen = calloc(n, 1)};
    struct sq_files files = {up, (const char *const *)names, n, 8, done, &told};
    struct seen seen;
    int64_t bytes = 0;
    make_names(names, n);
    snprintf(up, sizeof up, "%s/up", t->folder);
    snprintf(down, sizeof down, "%s/down", t->folder);
    local(t, "down/x");
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "up/%s", names[i]);
        make_file(local(t, path), (int64_t)size_of(i), (unsigned)i);
        bytes += (int64_t)size_of(i);
    }
    told.files = &files;
    double start = now_s();
    OK(err, t->ops->put_files(t->s, at(t, "tree/"), &files, no_call(), &err));
    double stored = now_s();
    assert_int_equal(told.n, n);
    assert_int_equal(told.bytes, bytes);
    OK(err, see(t, at(t, ""), SQ_LIST_RECURSIVE, &seen, &err));
    double listed = now_s();
    size_t n_files = 0;
    for (size_t i = 0; i < seen.n; i++)
        n_files += seen.entries[i].kind == SQ_ENTRY_FILE;
    assert_int_equal(n_files, n);
    memset(told.seen, 0, n);
    told.n = 0;
    told.bytes = 0;
    files.dir = down;
    double before = now_s();
    OK(err, t->ops->get_files(t->s, at(t, "tree/"), &files, no_call(), &err));
    print_message(
        "# %zu files: stored in %.1f s, listed in %.1f s, fetched in %.1f s\n", n,
        stored - start, listed - stored, now_s() - before);
    assert_int_equal(told.n, n);
    assert_int_equal(told.bytes, bytes);
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "tree/%s", names[i]);
        assert_int_equal(seen_find(&seen, path)->size_bytes, size_of(i));
        snprintf(path, sizeof path, "down/%s", names[i]);
        check_file(local(t, path), (int64_t)size_of(i), (unsigned)i);
        free(names[i]);
    }
    seen_free(&seen);
    free(names);
    free(told.seen);
}

/* One name that is not there fails the call and names it; the others come. */
static void test_some_absent(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    static const char *const names[] = {"a", "gone\nnot", "sub/b"};
    unsigned char seen[3] = {0};
    struct told told = {.seen = seen};
    char dir[500];
    struct sq_files files = {dir, names, 3, 2, done, &told};
    snprintf(dir, sizeof dir, "%s/down", t->folder);
    local(t, "down/x");
    told.files = &files;
    store(t, "a", 10, 1);
    store(t, "sub/b", 20, 2);
    FAILS(err, SQ_ENOENT, t->ops->get_files(t->s, at(t, ""), &files, no_call(), &err));
    assert_non_null(strstr(err.text, "gone"));
    check_file(local(t, "down/a"), 10, 1);
    check_file(local(t, "down/sub/b"), 20, 2);
    assert_true(seen[0] && !seen[1] && seen[2]);
}

/* Put: a file that vanished is named, the others have their place. */
static void test_put_some(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    static const char *const names[] = {"a", "vanished", "sub/b"};
    unsigned char seen[3] = {0};
    struct told told = {.seen = seen};
    struct sq_files files = {t->folder, names, 3, 2, done, &told};
    told.files = &files;
    make_file(local(t, "a"), 10, 1);
    make_file(local(t, "sub/b"), 20, 2);
    FAILS(err, SQ_ENOENT,
          t->ops->put_files(t->s, at(t, "p/"), &files, no_call(), &err));
    assert_non_null(strstr(err.text, "vanished"));
    assert_true(seen[0] && !seen[1] && seen[2]);
    OK(err, t->ops->info(t->s, at(t, "p/sub/b"), 0, no_call(), &entry, &err));
    assert_int_equal(entry.size_bytes, 20);
}

/* Put: a folder that has the place of a file is not stored and not told as done, also
 * where what came is renamed at the end.  So many that rclone lists them: of fewer it
 * would store none. */
static void test_put_no_file(void **state)
{
    enum { N = 60 };
    struct target *t = *state;
    struct sq_err err = {0};
    char text[N][8];
    const char *names[N];
    unsigned char seen[N] = {0};
    struct told told = {.seen = seen};
    struct sq_files files = {t->folder, names, N, 4, done, &told};
    told.files = &files;
    for (int i = 0; i < N; i++) {
        snprintf(text[i], sizeof text[i], i ? "f%d" : "z/x", i);
        names[i] = i ? text[i] : "z";
        make_file(local(t, text[i]), 10, 1);
    }
    FAILS(err, SQ_ENOENT,
          t->ops->put_files(t->s, at(t, "q/"), &files, no_call(), &err));
    assert_non_null(strstr(err.text, "there is no z"));
    assert_true(!seen[0] && told.n == N - 1);
}

int main(void)
{
    setenv("SCITQ_TEST_DIR_CACHE", "10m", 1); /* tests/servers/servers.py */
    static const struct storage_test tests[] = {
        {"a large file", test_large, CAN_WRITE},
        {"many files", test_many, CAN_WRITE | CAN_LIST | HAS_BATCH},
        {"some are absent", test_some_absent, HAS_BATCH},
        {"some vanished", test_put_some, CAN_WRITE | HAS_BATCH},
        {"one is no file", test_put_no_file, CAN_WRITE | HAS_BATCH},
    };
    return storage_main(tests, SQ_LEN(tests));
}
