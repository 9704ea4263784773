/* One table of tests over every storage: plugin × remote, with real servers.
 *
 *     static void test_x(void **state)
 *     {
 *         struct target *t = *state;  // an instance open, a folder of its own there
 *     …
 *     const struct storage_test tests[] = {{"x", test_x, CAN_WRITE}, …};
 *     int main(void)
 *     {
 *         return storage_main(tests, SQ_LEN(tests));
 *     }
 *
 * Each test runs once for every target that can do what the test needs, named
 * "s3: x".  The servers are tests/servers/serve.py's; they end with the program. */
#ifndef SQ_TESTS_STORAGE_H
#define SQ_TESTS_STORAGE_H

#include "tests/test.h"

#include <scitq/storage.h>

#include "lib/buf.h"

/* What a target can do, or has. */
enum {
    CAN_WRITE = 1,
    CAN_LIST = 2,
    HAS_DATES = 4,
    HAS_MD5 = 8,        /* tells the MD5 it keeps */
    HAS_GATE = 16,      /* t->gated: the same through a gate */
    VERIFIES = 32,      /* notices a byte changed on the way, by a checksum */
    HAS_FOLDERS = 64,   /* also empty ones */
    HAS_BATCH = 128,    /* get_files, put_files */
    HIDES_PARTS = 256,  /* a file appears when it is whole; s3rver keeps a piece */
    GIVES_UP = 512,     /* soon; Azure's client repeats a cut upload for minutes */
    ONCE = 1024,        /* the test is of the plugin: one of its targets will do */
    SLOW_SERVER = 2048, /* with many files */
    HAS_PARTS = 4096 /* S3: a large file is sent in parts, made one by a last request */
};

struct target {
    const char *label, *plugin;
    const char *proto, *gated; /* protocols; gated NULL: none */
    /* Its folder there, up to the final `/`; NULL: this machine's, or with a server a
     * run of an archive. */
    const char *path;
    const char *server; /* of serve.py; NULL: none */
    const char *before; /* what comes before port and path; NULL: nothing */
    int port;           /* of the server */
    unsigned has;
    const char *const *impossible; /* bytes that its names cannot hold, ended by NULL */
    const struct sq_storage_ops *ops;
    struct sq_host *host;
    struct sq_storage *s;
    char folder[400]; /* a local folder of the test's own */
    char place[600];  /* a new folder of the test's own there, with a final `/` */
};

struct storage_test {
    const char *name;
    void (*run)(void **state);
    unsigned needs;
};

int storage_main(const struct storage_test *tests, size_t n);

/* The locations of `name` below t->place, and of any path; valid until the next four.
 */
const struct sq_location *at(struct target *t, const char *name);
const struct sq_location *at_path(const char *proto, const char *path);
/* As `at`, through the gate. */
const struct sq_location *gated(struct target *t, const char *name);
/* Of the target's gate: "pass", "cut:1000"… (tests/servers/gate.py). */
void gate(struct target *t, const char *mode);

/* How many lines of a log hold both words: of the server's requests, or (`of_gate`) of
 * what its gate did. */
int log_lines(struct target *t, bool of_gate, const char *word, const char *other);

/* A call that nobody cancels. */
struct sq_call *no_call(void);
/* One that counts, and that is canceled when `cancel_at` bytes are done (-1: never). */
struct watched {
    struct sq_call call;
    int64_t cancel_at, done, total;
    int is_canceled, fds[2], went_back;
};
void watched_init(struct watched *w, int64_t cancel_at);
void watched_cancel(struct watched *w); /* from any thread */
void watched_fini(struct watched *w);

/* t->folder/name, made with its folders; `seed` decides the bytes. */
const char *local(struct target *t, const char *name);
void make_file(const char *path, int64_t size, unsigned seed);
/* Is the file this long, with these bytes? */
void check_file(const char *path, int64_t size, unsigned seed);
/* Put there by the plugin, or by hand into the server's folder where it only reads. */
void store(struct target *t, const char *name, int64_t size, unsigned seed);

/* What a listing told, sorted by name. */
struct seen {
    struct sq_entry *entries;
    size_t n;
};
int see(struct target *t, const struct sq_location *at, unsigned want, struct seen *ret,
        struct sq_err *err);
void seen_free(struct seen *seen);
/* NULL when it is not there. */
const struct sq_entry *seen_find(const struct seen *seen, const char *name);

/* Assert that a call fails with `code`, and says so in a sentence. */
#define FAILS(err, code, result)                                                       \
    do {                                                                               \
        int fails_code_ = (result);                                                    \
        if (fails_code_ != (code))                                                     \
            fail_msg("%s: %s, not %s: %s", #result, sq_code_name(fails_code_),         \
                     sq_code_name(code), fails_code_ ? (err).text : "");               \
        assert_true(strlen((err).text) > 10);                                          \
    } while (0)

#endif
