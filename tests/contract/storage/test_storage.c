/* What every storage must do with single files, names, folders and dates. */
#include "tests/contract/storage/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_get(void **state)
{
    static const int64_t sizes[] = {0, 1, 65537, 5 << 20};
    struct target *t = *state;
    struct sq_err err = {0};
    for (size_t i = 0; i < SQ_LEN(sizes); i++) {
        struct sq_entry entry = {0};
        struct watched w;
        char name[20];
        snprintf(name, sizeof name, "f%zu", i);
        store(t, name, sizes[i], (unsigned)i);
        watched_init(&w, -1);
        OK(err, t->ops->get(t->s, at(t, name), local(t, "got"), &w.call, &entry, &err));
        check_file(local(t, "got"), sizes[i], (unsigned)i);
        assert_int_equal(entry.kind, SQ_ENTRY_FILE);
        assert_int_equal(entry.size_bytes, sizes[i]);
        assert_int_equal(w.done, sizes[i]);
        assert_false(w.went_back);
        watched_fini(&w);
        OK(err, t->ops->info(t->s, at(t, name), 0, no_call(), &entry, &err));
        assert_int_equal(entry.kind, SQ_ENTRY_FILE);
        assert_int_equal(entry.size_bytes, sizes[i]);
        assert_null(entry.name);
    }
}

/* What is there is replaced, even by a file of the same size and date. */
static void test_replace(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    const struct timespec date[2] = {{1600000000, 0}, {1600000000, 0}};
    for (unsigned seed = 1; seed <= 2; seed++) {
        make_file(local(t, "f"), 1000, seed);
        assert_int_equal(utimensat(AT_FDCWD, local(t, "f"), date, 0), 0);
        OK(err, t->ops->put(t->s, local(t, "f"), at(t, "f"), no_call(), &entry, &err));
        assert_int_equal(entry.size_bytes, 1000);
        OK(err,
           t->ops->get(t->s, at(t, "f"), local(t, "got"), no_call(), &entry, &err));
        check_file(local(t, "got"), 1000, seed);
    }
    /* And on what an earlier try left at the destination. */
    make_file(local(t, "got"), 5000, 3);
    OK(err, t->ops->get(t->s, at(t, "f"), local(t, "got"), no_call(), &entry, &err));
    check_file(local(t, "got"), 1000, 2);
}

static const char *const names[] = {
    "a b",
    " leading",
    "trailing ",
    "it's",
    "say \"hi\"",
    "back\\slash",
    "$(touch x)`id`;&|",
    "*?[a]{b}",
    "-rf",
    "--help",
    "%20 %2F 100%",
    "#hash?query=1&b+c",
    "c:colon,comma=equals",
    "\xc3\xa9 composed",
    "e\xcc\x81 decomposed",
    "\xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\xa7\xac",
    "new\nline",
    "tab\tbed",
    "\xe2\x90\x8a picture of a newline",
    ".hidden",
    "dots..",
    "a folder/b c/d'e",
    "x/.y/z",
    "long-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-"
    "0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789"};

static bool possible(const struct target *t, const char *name)
{
    for (const char *const *part = t->impossible; *part; part++)
        if (strstr(name, *part))
            return false;
    return true;
}

static void test_names(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    struct seen seen;
    for (unsigned i = 0; i < SQ_LEN(names); i++)
        if (possible(t, names[i]))
            store(t, names[i], 100 + i, i);
    OK(err, see(t, at(t, ""), SQ_LIST_RECURSIVE, &seen, &err));
    size_t files = 0;
    for (size_t i = 0; i < seen.n; i++)
        files += seen.entries[i].kind == SQ_ENTRY_FILE;
    for (unsigned i = 0; i < SQ_LEN(names); i++) {
        if (!possible(t, names[i]))
            continue;
        const struct sq_entry *e = seen_find(&seen, names[i]);
        if (!e)
            fail_msg("\"%s\" is not listed", names[i]);
        assert_int_equal(e->size_bytes, 100 + i);
        OK(err, t->ops->get(t->s, at(t, names[i]), local(t, "got"), no_call(), &entry,
                            &err));
        check_file(local(t, "got"), 100 + i, i);
        OK(err, t->ops->info(t->s, at(t, names[i]), 0, no_call(), &entry, &err));
        assert_int_equal(entry.size_bytes, 100 + i);
        files--;
    }
    assert_int_equal(files, 0);
    seen_free(&seen);
}

/* A local name is no less odd, and nothing of it is taken for an option. */
static void test_local_names(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    for (unsigned i = 0; i < SQ_LEN(names); i++) {
        make_file(local(t, names[i]), 10, i);
        OK(err,
           t->ops->put(t->s, local(t, names[i]), at(t, "f"), no_call(), &entry, &err));
        OK(err,
           t->ops->get(t->s, at(t, "f"), local(t, names[i]), no_call(), &entry, &err));
        check_file(local(t, names[i]), 10, i);
    }
}

static void test_list(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct seen seen;
    store(t, "d/a", 1, 1);
    store(t, "d/sub/b", 2, 2);
    store(t, "d/sub/deep/c", 3, 3);
    store(t, "dd", 4, 4);
    OK(err, see(t, at(t, "d/"), SQ_LIST_RECURSIVE, &seen, &err));
    assert_int_equal(seen_find(&seen, "a")->size_bytes, 1);
    assert_int_equal(seen_find(&seen, "sub/b")->size_bytes, 2);
    assert_int_equal(seen_find(&seen, "sub/deep/c")->size_bytes, 3);
    for (size_t i = 0; i < seen.n; i++) {
        const char *name = seen.entries[i].name;
        assert_true(seen.entries[i].kind == SQ_ENTRY_FILE || strcmp(name, "sub") == 0 ||
                    strcmp(name, "sub/deep") == 0);
    }
    seen_free(&seen);
    OK(err, see(t, at(t, "d/"), 0, &seen, &err));
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen_find(&seen, "a")->kind, SQ_ENTRY_FILE);
    assert_int_equal(seen_find(&seen, "sub")->kind, SQ_ENTRY_FOLDER);
    seen_free(&seen);
    OK(err, see(t, at(t, "d"), 0, &seen, &err)); /* without the final slash too */
    assert_int_equal(seen.n, 2);
    seen_free(&seen);
    OK(err, see(t, at(t, "d/sub/b"), 0, &seen, &err)); /* a file */
    assert_int_equal(seen.n, 1);
    assert_string_equal(seen.entries[0].name, "b");
    assert_int_equal(seen.entries[0].size_bytes, 2);
    seen_free(&seen);
}

static int refuse(void *arg, const struct sq_entry *entry)
{
    ++*(int *)arg;
    return SQ_ETOOBIG;
}

/* The code of the one who is told ends the listing. */
static void test_list_stopped(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    int count = 0;
    store(t, "a", 1, 1);
    store(t, "b", 1, 1);
    assert_int_equal(t->ops->list(t->s, at(t, ""), 0, refuse, &count, no_call(), &err),
                     SQ_ETOOBIG);
    assert_int_equal(count, 1);
}

static void test_absent(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    struct seen seen;
    static const char *const absent[] = {"none", "none/", "none/of/these", "there/x"};
    store(t, "there", 10, 1);
    for (size_t i = 0; i < SQ_LEN(absent); i++) {
        FAILS(err, SQ_ENOENT,
              t->ops->info(t->s, at(t, absent[i]), 0, no_call(), &entry, &err));
        assert_non_null(strstr(err.text, i < 3 ? "none" : "there/x"));
        FAILS(err, SQ_ENOENT,
              t->ops->get(t->s, at(t, absent[i]), local(t, "got"), no_call(), &entry,
                          &err));
        assert_non_null(strstr(err.text, i < 3 ? "none" : "there/x"));
        if (t->has & CAN_LIST)
            FAILS(err, SQ_ENOENT, see(t, at(t, absent[i]), 0, &seen, &err));
        if (t->has & CAN_WRITE)
            FAILS(err, SQ_ENOENT,
                  t->ops->remove(t->s, at(t, absent[i]), no_call(), &err));
    }
    assert_int_not_equal(access(local(t, "got"), F_OK), 0);
}

static void test_kinds(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    struct seen seen;
    store(t, "d/f", 10, 1);
    OK(err, t->ops->info(t->s, at(t, "d"), 0, no_call(), &entry, &err));
    assert_int_equal(entry.kind, SQ_ENTRY_FOLDER);
    OK(err, t->ops->info(t->s, at(t, "d/"), 0, no_call(), &entry, &err));
    assert_int_equal(entry.kind, SQ_ENTRY_FOLDER);
    FAILS(err, SQ_ENOENT,
          t->ops->get(t->s, at(t, "d"), local(t, "got"), no_call(), &entry, &err));
    FAILS(err, SQ_ENOENT,
          t->ops->get(t->s, at(t, "d/f/"), local(t, "got"), no_call(), &entry, &err));
    FAILS(err, SQ_ENOENT,
          t->ops->info(t->s, at(t, "d/f/"), 0, no_call(), &entry, &err));
    FAILS(err, SQ_ENOENT, see(t, at(t, "d/f/"), 0, &seen, &err));
    assert_int_not_equal(access(local(t, "got"), F_OK), 0);
}

static void test_dates(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    struct seen seen;
    const int64_t want = INT64_C(1577934245678901234); /* 2020-01-02T03:04:05.678… */
    const struct timespec date[2] = {{want / 1000000000, want % 1000000000},
                                     {want / 1000000000, want % 1000000000}};
    make_file(local(t, "f"), 10, 1);
    assert_int_equal(utimensat(AT_FDCWD, local(t, "f"), date, 0), 0);
    OK(err, t->ops->put(t->s, local(t, "f"), at(t, "f"), no_call(), &entry, &err));
    OK(err, t->ops->info(t->s, at(t, "f"), SQ_WANT_DATE, no_call(), &entry, &err));
    assert_true(llabs(entry.date_ns - want) <= entry.date_precision_ns);
    assert_true(entry.date_precision_ns <= 1000000000);
    OK(err, see(t, at(t, ""), SQ_WANT_DATE, &seen, &err));
    assert_true(llabs(seen_find(&seen, "f")->date_ns - want) <=
                entry.date_precision_ns);
    seen_free(&seen);
    OK(err, t->ops->get(t->s, at(t, "f"), local(t, "got"), no_call(), &entry, &err));
    assert_true(llabs(entry.date_ns - want) <= entry.date_precision_ns);
}

static void test_md5(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    struct seen seen;
    store(t, "empty", 0, 1);
    OK(err, t->ops->info(t->s, at(t, "empty"), SQ_WANT_MD5, no_call(), &entry, &err));
    assert_string_equal(entry.md5, "d41d8cd98f00b204e9800998ecf8427e");
    OK(err, see(t, at(t, ""), SQ_WANT_MD5, &seen, &err));
    assert_string_equal(seen_find(&seen, "empty")->md5,
                        "d41d8cd98f00b204e9800998ecf8427e");
    seen_free(&seen);
}

static void test_remove(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    struct seen seen;
    static const char *const some[] = {"a b", "sub/c", "absent"};
    const struct sq_files files = {
        .dir = "/", .names = some, .n_names = 3, .parallel = 2};
    store(t, "f", 1, 1);
    store(t, "d/a b", 1, 1);
    store(t, "d/sub/c", 1, 1);
    store(t, "d/sub/kept", 1, 1);
    store(t, "dd", 1, 1);
    OK(err, t->ops->remove(t->s, at(t, "f"), no_call(), &err));
    FAILS(err, SQ_ENOENT, t->ops->info(t->s, at(t, "f"), 0, no_call(), &entry, &err));
    if (t->ops->remove_files) {
        OK(err, t->ops->remove_files(t->s, at(t, "d/"), &files, no_call(), &err));
        OK(err, t->ops->remove_files(t->s, at(t, "absent/"), &files, no_call(), &err));
        FAILS(err, SQ_ENOENT,
              t->ops->info(t->s, at(t, "d/sub/c"), 0, no_call(), &entry, &err));
    }
    OK(err, t->ops->info(t->s, at(t, "d/sub/kept"), 0, no_call(), &entry, &err));
    OK(err, t->ops->remove(t->s, at(t, "d/"), no_call(), &err));
    OK(err, see(t, at(t, ""), SQ_LIST_RECURSIVE, &seen, &err));
    assert_int_equal(seen.n, 1);
    assert_string_equal(seen.entries[0].name, "dd");
    seen_free(&seen);
    /* A file with a final slash is not one. */
    FAILS(err, SQ_ENOENT, t->ops->remove(t->s, at(t, "dd/"), no_call(), &err));
    OK(err, t->ops->info(t->s, at(t, "dd"), 0, no_call(), &entry, &err));
}

static void test_copy(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    struct seen seen;
    assert_non_null(t->ops->copy);
    store(t, "from/a b", 100, 1);
    store(t, "from/sub/c", 200, 2);
    store(t, "one", 300, 3);
    OK(err, t->ops->copy(t->s, at(t, "from/a b"), at(t, "one"), no_call(), &err));
    OK(err, t->ops->get(t->s, at(t, "one"), local(t, "got"), no_call(), &entry, &err));
    check_file(local(t, "got"), 100, 1);
    OK(err, t->ops->copy(t->s, at(t, "from/"), at(t, "to/"), no_call(), &err));
    OK(err, see(t, at(t, "to/"), SQ_LIST_RECURSIVE, &seen, &err));
    assert_non_null(seen_find(&seen, "a b"));
    assert_int_equal(seen_find(&seen, "sub/c")->size_bytes, 200);
    assert_true(seen.n <= 3); /* the folder, but nothing half made */
    seen_free(&seen);
    FAILS(err, SQ_ENOENT, t->ops->copy(t->s, at(t, "no"), at(t, "x"), no_call(), &err));
    FAILS(err, SQ_ENOENT,
          t->ops->copy(t->s, at(t, "no/"), at(t, "x/"), no_call(), &err));
    FAILS(err, SQ_ENOENT, t->ops->info(t->s, at(t, "x"), 0, no_call(), &entry, &err));
}

static void test_empty_folder(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    struct seen seen;
    OK(err, t->ops->make_folder(t->s, at(t, "a/b/"), no_call(), &err));
    OK(err, t->ops->make_folder(t->s, at(t, "a/b/"), no_call(), &err));
    OK(err, see(t, at(t, "a/b/"), 0, &seen, &err));
    assert_int_equal(seen.n, 0);
    OK(err, t->ops->info(t->s, at(t, "a/b"), 0, no_call(), &entry, &err));
    assert_int_equal(entry.kind, SQ_ENTRY_FOLDER);
    OK(err, t->ops->remove(t->s, at(t, "a/"), no_call(), &err));
}

/* What may be put must be a file: another thing fails, and not for a time. */
static void test_put_wrong(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    struct sq_entry entry;
    FAILS(err, SQ_ENOENT,
          t->ops->put(t->s, local(t, "absent"), at(t, "f"), no_call(), &entry, &err));
    assert_int_equal(mkfifo(local(t, "pipe"), 0600), 0);
    const char *const wrong[] = {local(t, "pipe"), t->folder};
    for (size_t i = 0; i < SQ_LEN(wrong); i++) {
        int rc = t->ops->put(t->s, wrong[i], at(t, "f"), no_call(), &entry, &err);
        assert_int_not_equal(rc, 0);
        assert_false(sq_code_retryable(rc));
        assert_non_null(strstr(err.text, wrong[i]));
    }
    FAILS(err, SQ_ENOENT, t->ops->info(t->s, at(t, "f"), 0, no_call(), &entry, &err));
}

/* Asked in a process that may not write everywhere, as root may. */
static int can_put_as_nobody(struct target *t, const struct sq_location *where)
{
    struct sq_err err = {0};
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
            _exit(1);
        _exit(-t->ops->can_put(t->s, where, no_call(), &err));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return -WEXITSTATUS(status);
}

/* It finds what will never do, and makes nothing. */
static void test_can_put(void **state)
{
    struct target *t = *state;
    bool looks = strcmp(t->plugin, "nfs") == 0; /* where that costs nothing */
    struct sq_err err = {0};
    struct sq_entry entry;
    static const char *const good[] = {"new/", "new", "new/deep/er/", "d/", "d/new/"};
    if (!t->ops->can_put)
        skip();
    store(t, "d/f", 10, 1);
    for (size_t i = 0; i < SQ_LEN(good); i++)
        OK(err, t->ops->can_put(t->s, at(t, good[i]), no_call(), &err));
    FAILS(err, SQ_ENOENT, t->ops->info(t->s, at(t, "new"), 0, no_call(), &entry, &err));
    static const char *const blocked[] = {"d/f/", "d/f", "d/f/below/deep/"};
    for (size_t i = 0; i < SQ_LEN(blocked) && looks; i++) {
        FAILS(err, SQ_EEXIST,
              t->ops->can_put(t->s, at(t, blocked[i]), no_call(), &err));
        assert_non_null(strstr(err.text, "/d/f is a file"));
    }
    if (!looks)
        return;
    char closed[] = "/tmp/scitq-closed-XXXXXX", below[64]; /* that others can reach */
    assert_non_null(mkdtemp(closed));
    snprintf(below, sizeof below, "%s/new/deep/", closed);
    const struct sq_location *where[] = {at_path("file", closed),
                                         at_path("file", below)};
    assert_int_equal(chmod(closed, 0555), 0);
    for (size_t i = 0; i < SQ_LEN(where); i++)
        assert_int_equal(can_put_as_nobody(t, where[i]), SQ_EAUTH);
    assert_int_equal(chmod(closed, 0777), 0);
    for (size_t i = 0; i < SQ_LEN(where); i++)
        assert_int_equal(can_put_as_nobody(t, where[i]), 0);
    assert_int_equal(rmdir(closed), 0);
}

int main(void)
{
    static const struct storage_test tests[] = {
        {"a file comes as it is", test_get, 0},
        {"a put replaces", test_replace, CAN_WRITE},
        {"odd names", test_names, CAN_WRITE | CAN_LIST},
        {"odd local names", test_local_names, CAN_WRITE | ONCE},
        {"list", test_list, CAN_LIST},
        {"a listing is stopped", test_list_stopped, CAN_LIST},
        {"what is absent", test_absent, 0},
        {"folders are no files", test_kinds, CAN_LIST},
        {"dates", test_dates, CAN_WRITE | CAN_LIST | HAS_DATES},
        {"md5", test_md5, HAS_MD5 | CAN_LIST},
        {"remove", test_remove, CAN_WRITE | CAN_LIST},
        {"copy", test_copy, CAN_WRITE | CAN_LIST},
        {"an empty folder", test_empty_folder, CAN_WRITE | CAN_LIST | HAS_FOLDERS},
        {"put what is no file", test_put_wrong, CAN_WRITE},
        {"where could be put", test_can_put, CAN_WRITE},
    };
    return storage_main(tests, SQ_LEN(tests));
}
