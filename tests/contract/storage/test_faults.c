/* Storages and transfers that go wrong: connections cut or silent, a disk that is full,
 * bytes changed on the way, calls that are canceled, remotes that are not what their
 * configuration says. */
#include "tests/contract/storage/storage.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "tests/lacking.h"

enum { SIZE = 8 << 20 };

/* Half a file is never taken for a whole one, and later it comes. */
static void test_get_cut(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    store(t, "f", SIZE, 1);
    gate(t, "cut:1000000");
    int rc = t->ops->get(t->s, gated(t, "f"), local(t, "got"), no_call(), &entry, &err);
    assert_int_not_equal(rc, 0);
    if (!sq_code_retryable(rc))
        fail_msg("%s: %s", sq_code_name(rc), err.text);
    gate(t, "pass");
    OK(err, t->ops->get(t->s, gated(t, "f"), local(t, "got"), no_call(), &entry, &err));
    check_file(local(t, "got"), SIZE, 1);
}

/* What was there stays there until all of the new has come. */
static void test_put_cut(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    struct seen seen;
    store(t, "f", 1000, 1);
    make_file(local(t, "new"), SIZE, 2);
    for (int fresh = 0; fresh < 2; fresh++) {
        gate(t, "up:1000000");
        int rc = t->ops->put(t->s, local(t, "new"), gated(t, fresh ? "g" : "f"),
                             no_call(), &entry, &err);
        assert_int_not_equal(rc, 0);
        if (!sq_code_retryable(rc))
            fail_msg("%s: %s", sq_code_name(rc), err.text);
    }
    OK(err, t->ops->get(t->s, at(t, "f"), local(t, "got"), no_call(), &entry, &err));
    check_file(local(t, "got"), 1000, 1);
    FAILS(err, SQ_ENOENT, t->ops->info(t->s, at(t, "g"), 0, no_call(), &entry, &err));
    gate(t, "pass");
    OK(err, t->ops->put(t->s, local(t, "new"), gated(t, "f"), no_call(), &entry, &err));
    OK(err, t->ops->get(t->s, at(t, "f"), local(t, "got"), no_call(), &entry, &err));
    check_file(local(t, "got"), SIZE, 2);
    OK(err, see(t, at(t, ""), SQ_LIST_RECURSIVE, &seen, &err));
    assert_non_null(seen_find(&seen, "f"));
    seen_free(&seen);
}

/* Until the gate has told once more than `before` times that it did this; at most a
 * minute. */
static void wait_for_gate(struct target *t, const char *word, int before)
{
    const struct timespec moment = {0, 20000000};
    for (int i = 0; i < 3000 && log_lines(t, true, word, "") == before; i++)
        nanosleep(&moment, NULL);
}

struct opener {
    struct target *t;
    int before; /* how often the gate did it */
};

/* Another byte into the file once its transfer stalls, which then goes on. */
static void *change_when_stalled(void *arg)
{
    struct opener *o = arg;
    wait_for_gate(o->t, "stalled", o->before);
    int fd = open(local(o->t, "new"), O_WRONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : pwrite(fd, "?", 1, 0);
    if (fd >= 0)
        close(fd);
    gate(o->t, "pass");
    return n == 1 ? o : NULL;
}

/* What is written to while it is stored is not said to be stored: rclone reads far
 * ahead of what it sends, and sees only what happens until then. */
static void test_put_of_what_changes(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    struct opener opener = {t, log_lines(t, true, "stalled", "")};
    pthread_t thread;
    void *changed;
    make_file(local(t, "new"), SIZE / 4, 2);
    gate(t, "stall:1500000");
    assert_int_equal(pthread_create(&thread, NULL, change_when_stalled, &opener), 0);
    int rc = t->ops->put(t->s, local(t, "new"), gated(t, "f"), no_call(), &entry, &err);
    pthread_join(thread, &changed);
    assert_non_null(changed);
    assert_int_not_equal(rc, 0);
    if (!sq_code_retryable(rc))
        fail_msg("%s: %s", sq_code_name(rc), err.text);
}

/* Lets everything through again once the gate has cut a connection. */
static void *open_after_cut(void *arg)
{
    const struct opener *o = arg;
    wait_for_gate(o->t, "cut", o->before);
    gate(o->t, "pass");
    return NULL;
}

/* A connection is cut in the middle of a put and the next ones are not: storages whose
 * client tries again by itself (Azure's, S3's) end with the whole file, others say that
 * it may pass.  Of one cut for ever see test_put_cut, which leaves out Azure, whose
 * client would go on for minutes, and s3rver: it keeps what came before a connection
 * broke, as no real S3 does, so that it cannot show that nothing is left. */
static void test_put_cut_once(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    struct opener opener = {t, log_lines(t, true, "cut", "")};
    pthread_t thread;
    make_file(local(t, "new"), SIZE, 2);
    gate(t, "up:1000000");
    assert_int_equal(pthread_create(&thread, NULL, open_after_cut, &opener), 0);
    int rc = t->ops->put(t->s, local(t, "new"), gated(t, "f"), no_call(), &entry, &err);
    pthread_join(thread, NULL);
    print_message("# %s\n", rc ? err.text : "stored after all");
    if (rc && !sq_code_retryable(rc))
        fail_msg("%s: %s", sq_code_name(rc), err.text);
    if (rc && t->has & HIDES_PARTS)
        FAILS(err, SQ_ENOENT,
              t->ops->info(t->s, at(t, "f"), 0, no_call(), &entry, &err));
    if (rc)
        OK(err,
           t->ops->put(t->s, local(t, "new"), gated(t, "f"), no_call(), &entry, &err));
    OK(err, t->ops->get(t->s, at(t, "f"), local(t, "got"), no_call(), &entry, &err));
    check_file(local(t, "got"), SIZE, 2);
}

/* A storage that does not show at once what it took: that may pass. */
static void test_put_unseen(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    int before = log_lines(t, true, "unseen", "");
    make_file(local(t, "new"), 1000, 2);
    gate(t, "unseen");
    FAILS(err, SQ_EIO,
          t->ops->put(t->s, local(t, "new"), gated(t, "f"), no_call(), &entry, &err));
    assert_true(log_lines(t, true, "unseen", "") > before);
    gate(t, "pass");
    OK(err, t->ops->put(t->s, local(t, "new"), gated(t, "f"), no_call(), &entry, &err));
}

static void test_flipped(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    store(t, "f", SIZE, 1);
    gate(t, "flip:1000000");
    int rc = t->ops->get(t->s, gated(t, "f"), local(t, "got"), no_call(), &entry, &err);
    assert_int_not_equal(rc, 0);
    if (!sq_code_retryable(rc))
        fail_msg("%s: %s", sq_code_name(rc), err.text);
}

/* ---- cancellation */

/* Children of this process, and theirs, that run a program of this name. */
static int running(const char *name)
{
    DIR *proc = opendir("/proc");
    int count = 0;
    char path[300], text[300];
    assert_non_null(proc);
    for (struct dirent *e; (e = readdir(proc));) {
        snprintf(path, sizeof path, "/proc/%.20s/stat", e->d_name);
        FILE *f = e->d_name[0] >= '1' && e->d_name[0] <= '9' ? fopen(path, "r") : NULL;
        int parent = 0;
        char what[64] = "", letter = 0;
        if (f && fgets(text, sizeof text, f) &&
            sscanf(text, "%*d (%63[^)]) %c %d", what, &letter, &parent) == 3)
            count += parent == getpid() && letter != 'Z' && strcmp(what, name) == 0;
        if (f)
            fclose(f);
    }
    closedir(proc);
    return count;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct canceler {
    struct target *t;
    struct watched *w;
    int stalls; /* before */
    double at_s;
};

/* The transfer hangs: the gate lets nothing more through. */
static void *cancel_stalled(void *arg)
{
    struct canceler *c = arg;
    wait_for_gate(c->t, "stalled", c->stalls);
    c->at_s = now_s();
    watched_cancel(c->w);
    return NULL;
}

/* A silent server would hold the transfer for ever: only the cancellation ends it. */
static void canceled(struct target *t, bool put)
{
    struct sq_err err = {0};
    struct sq_entry entry;
    struct watched w;
    struct canceler c = {t, &w, log_lines(t, true, "stalled", ""), 0};
    pthread_t thread;
    int rc;
    watched_init(&w, -1);
    assert_int_equal(pthread_create(&thread, NULL, cancel_stalled, &c), 0);
    if (put)
        rc = t->ops->put(t->s, local(t, "new"), gated(t, "g"), &w.call, &entry, &err);
    else
        rc = t->ops->get(t->s, gated(t, "f"), local(t, "got"), &w.call, &entry, &err);
    pthread_join(thread, NULL);
    print_message("# canceled: %.0f ms\n", (now_s() - c.at_s) * 1000);
    assert_int_equal(rc, SQ_ECANCELED);
    assert_int_equal(running(t->plugin), 0);
    watched_fini(&w);
}

static void test_cancel(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    store(t, "f", SIZE, 1);
    make_file(local(t, "new"), SIZE, 2);
    gate(t, "stall:1000000");
    canceled(t, false);
    if (t->has & CAN_WRITE) {
        canceled(t, true);
        if (t->has & HIDES_PARTS)
            FAILS(err, SQ_ENOENT,
                  t->ops->info(t->s, at(t, "g"), 0, no_call(), &entry, &err));
    }
}

/* A file sent in parts, given up half-way: nothing has its name, and the storage is
 * asked to forget the parts, for which one pays as for files.  rclone has 0.3 s to ask;
 * on a busy machine that may not do, so that one of ten has to.  s3rver knows no such
 * request and keeps the parts: that they are gone cannot be seen there. */
static void test_parts_given_up(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    setenv("RCLONE_S3_UPLOAD_CUTOFF", "5M", 1);
    setenv("RCLONE_S3_CHUNK_SIZE", "5M", 1);
    make_file(local(t, "new"), 3 * SIZE, 2);
    gate(t, "stall:7000000");
    int before = log_lines(t, false, "DELETE", "uploadId="), after = before;
    for (int i = 0; i < 10 && after == before; i++) {
        canceled(t, true);
        after = log_lines(t, false, "DELETE", "uploadId=");
    }
    unsetenv("RCLONE_S3_UPLOAD_CUTOFF");
    unsetenv("RCLONE_S3_CHUNK_SIZE");
    assert_true(after > before);
    FAILS(err, SQ_ENOENT, t->ops->info(t->s, at(t, "g"), 0, no_call(), &entry, &err));
}

/* A call that is canceled before it begins does nothing. */
static void test_canceled_before(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    struct seen seen = {0};
    struct watched w;
    store(t, "f", 1000, 1);
    watched_init(&w, -1);
    watched_cancel(&w);
    assert_int_equal(
        t->ops->get(t->s, at(t, "f"), local(t, "got"), &w.call, &entry, &err),
        SQ_ECANCELED);
    assert_int_equal(t->ops->info(t->s, at(t, "f"), 0, &w.call, &entry, &err),
                     SQ_ECANCELED);
    watched_fini(&w);
    seen_free(&seen);
}

/* ---- a full disk */

/* Ours alone: mounts of this process are its own from here on. */
static bool small_disk(struct target *t, const char *size)
{
    static bool own;
    char options[40];
    snprintf(options, sizeof options, "size=%s", size);
    if (!own && (unshare(CLONE_NEWNS) != 0 ||
                 mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0))
        return false;
    own = true;
    local(t, "disk/x");
    char path[420];
    snprintf(path, sizeof path, "%s/disk", t->folder);
    return mount("scitq-test", path, "tmpfs", 0, options) == 0;
}

static void test_full_disk(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    char disk[420];
    snprintf(disk, sizeof disk, "%s/disk", t->folder);
    store(t, "f", SIZE, 1);
    if (!small_disk(t, "2m")) {
        lacking("the right to mount");
    }
    FAILS(err, SQ_ENOSPC,
          t->ops->get(t->s, at(t, "f"), local(t, "disk/got"), no_call(), &entry, &err));
    assert_int_equal(mount("scitq-test", disk, "tmpfs", MS_REMOUNT, "size=20m"), 0);
    OK(err,
       t->ops->get(t->s, at(t, "f"), local(t, "disk/got"), no_call(), &entry, &err));
    check_file(local(t, "disk/got"), SIZE, 1);
    assert_int_equal(umount(disk), 0);
}

/* ---- remotes that are not what they should be */

static void test_remotes(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    static const struct {
        const char *proto, *path;
        int code;
        const char *word; /* that helps whoever reads it */
    } rows[] = {
        /* Only these are known before anything is stored. */
        {"nobody", "lab/f", SQ_EINVAL, "no remote \"nobody\""},
        {"-rf", "lab/f", SQ_EINVAL, "-rf"},
        {":local", "/etc/hostname", SQ_EINVAL, ":local"},
        {"s3,endpoint=http", "lab/f", SQ_EINVAL, "s3,endpoint"},
        {"s3", "lab/../lab/f", SQ_EINVAL, "\"..\""},
        {"s3", "lab//f", SQ_EINVAL, "step"},
        {"s3", "lab/\xff", SQ_EINVAL, "UTF-8"},
        {"gone", "lab/f", SQ_EIO, "[gone]"},
        {"denied", "lab/f", SQ_EAUTH, "[denied]"},
        {"azure_denied", "lab/f", SQ_EAUTH, "[azure_denied]"},
        {"azure_denied", "lab/f", SQ_EAUTH, "AuthorizationFailure"},
        {"azure_nobody", "lab/f", SQ_ENOENT, "the host of [azure_nobody]"},
        {"s3", "nobucket/f", SQ_ENOENT, "nobucket/f"},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        const struct sq_location *where = at_path(rows[i].proto, rows[i].path);
        make_file(local(t, "new"), 10, 1);
        for (int op = 0; op < 4; op++) {
            int rc =
                op == 0 ? t->ops->info(t->s, where, 0, no_call(), &entry, &err)
                : op == 1
                    ? t->ops->get(t->s, where, local(t, "got"), no_call(), &entry, &err)
                : op == 2
                    ? t->ops->put(t->s, local(t, "new"), where, no_call(), &entry, &err)
                    : t->ops->can_put(t->s, where, no_call(), &err);
            if (op == 2 && strcmp(rows[i].path, "nobucket/f") == 0)
                continue; /* rclone makes the bucket */
            if (op == 3 && rows[i].code != SQ_EINVAL)
                assert_int_equal(rc, 0);
            else if (rc != rows[i].code || !strstr(err.text, rows[i].word))
                fail_msg("%s://%s, operation %d: %s: %s", rows[i].proto, rows[i].path,
                         op, sq_code_name(rc), err.text);
        }
    }
    const char *const option[] = {"fast"};
    struct sq_location with = *at(t, "f");
    with.options = option;
    with.n_options = 1;
    FAILS(err, SQ_EINVAL, t->ops->info(t->s, &with, 0, no_call(), &entry, &err));
    assert_non_null(strstr(err.text, "fast"));
}

/* Every connection is closed before a byte: each call says so after a few tries, also
 * where the storage's own client would go on for minutes without a word (Azure's). */
static void test_nobody_answers(void **state)
{
    struct target *t = *state;
    const int tries_max = strcmp(t->label, "azure") == 0 ? 3 : 40;
    struct sq_err err = {0};
    struct sq_entry entry;
    struct seen seen = {0};
    make_file(local(t, "new"), 10, 1);
    gate(t, "refuse");
    for (int op = 0; op < 4; op++) {
        int before = log_lines(t, true, "refused", "");
        const struct sq_location *where = gated(t, op == 2 ? "" : "f");
        int rc =
            op == 0 ? t->ops->info(t->s, where, 0, no_call(), &entry, &err)
            : op == 1
                ? t->ops->get(t->s, where, local(t, "got"), no_call(), &entry, &err)
            : op == 2
                ? see(t, where, 0, &seen, &err)
                : t->ops->put(t->s, local(t, "new"), where, no_call(), &entry, &err);
        int tries = log_lines(t, true, "refused", "") - before;
        print_message("# operation %d: %d tries: %s\n", op, tries, err.text);
        if (!sq_code_retryable(rc) || tries < 1 || tries > tries_max)
            fail_msg("operation %d: %s after %d tries: %s", op, sq_code_name(rc), tries,
                     err.text);
    }
    gate(t, "pass");
    seen_free(&seen);
}

static void test_no_rclone(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    char *path = strdup(getenv("PATH"));
    setenv("PATH", t->folder, 1);
    int rc = t->ops->get(t->s, at(t, "f"), local(t, "got"), no_call(), &entry, &err);
    assert_int_equal(t->ops->can_put(t->s, at(t, "new/"), no_call(), NULL), SQ_EINVAL);
    setenv("PATH", path, 1);
    free(path);
    assert_int_equal(rc, SQ_EINVAL); /* not SQ_ENOENT: the object may well be there */
    assert_non_null(strstr(err.text, "rclone is not installed"));
}

/* What the user's environment says to rclone by hand does not reach us. */
static void test_environment(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    static const char *const hostile[] = {"RCLONE_DRY_RUN", "RCLONE_LOG_LEVEL",
                                          "RCLONE_VERBOSE", "AWS_CA_BUNDLE"};
    static const char *const values[] = {"true", "ERROR", "2", "/etc/ssl/certs/none"};
    for (size_t i = 0; i < SQ_LEN(hostile); i++)
        setenv(hostile[i], values[i], 1);
    store(t, "f", 1000, 1);
    OK(err, t->ops->get(t->s, at(t, "f"), local(t, "got"), no_call(), &entry, &err));
    check_file(local(t, "got"), 1000, 1);
    for (size_t i = 0; i < SQ_LEN(hostile); i++)
        unsetenv(hostile[i]);
}

int main(void)
{
    static const struct storage_test tests[] = {
        {"a get that is cut", test_get_cut, HAS_GATE},
        {"a put that is cut", test_put_cut,
         HAS_GATE | CAN_WRITE | HIDES_PARTS | GIVES_UP},
        {"a put that is cut once", test_put_cut_once, HAS_GATE | CAN_WRITE},
        {"a put that is not seen", test_put_unseen, HAS_GATE | CAN_WRITE | HAS_PARTS},
        {"a byte changed on the way", test_flipped, HAS_GATE | VERIFIES},
        {"a put of what changes", test_put_of_what_changes, HAS_GATE | CAN_WRITE},
        {"cancel", test_cancel, HAS_GATE},
        {"parts that are given up", test_parts_given_up,
         HAS_GATE | CAN_WRITE | HAS_PARTS},
        {"canceled before", test_canceled_before, 0},
        {"a full disk", test_full_disk, 0},
        {"remotes that are wrong", test_remotes, HAS_GATE | ONCE},
        {"nobody answers", test_nobody_answers, HAS_GATE | CAN_WRITE},
        {"no rclone", test_no_rclone, HAS_GATE | ONCE},
        {"the environment", test_environment, HAS_GATE | CAN_WRITE | ONCE},
    };
    return storage_main(tests, SQ_LEN(tests));
}
