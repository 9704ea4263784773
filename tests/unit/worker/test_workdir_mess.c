/* Working directories are clean whatever a task did to them, and what it hides in them
 * of others is left alone. */
#include "tests/unit/worker/workdir_world.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lacking.h"

static bool own_mounts; /* what is mounted here is seen by this program alone */

static void mess_many(struct sq_workdir *d)
{
    char name[40];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "tmp/%d", i);
        put(d, name);
    }
}

static void mess_link(struct sq_workdir *d)
{
    assert_int_equal(rmdir(in(d, "output")), 0);
    assert_int_equal(symlink("/tmp", in(d, "output")), 0);
}

static void mess_file(struct sq_workdir *d)
{
    assert_int_equal(rmdir(in(d, "tmp")), 0);
    put(d, "tmp");
}

static void mess_gone(struct sq_workdir *d)
{
    assert_int_equal(rmdir(in(d, "input")), 0);
}

static void mess_mode(struct sq_workdir *d)
{
    assert_int_equal(chmod(in(d, "resource"), 0500), 0);
}

static void mess_hidden(struct sq_workdir *d)
{
    unlink(in(d, ".stdout"));
    assert_int_equal(mkdir(in(d, ".stdout"), 0700), 0);
    put(d, ".stdout/x");
}

static void mess_record(struct sq_workdir *d)
{
    assert_int_equal(unlink(in(d, ".execution")), 0);
}

static void test_clean_whatever_was_done(void **state)
{
    static void (*const messes[])(struct sq_workdir * d) = {
        mess_tree, mess_many, mess_link,   mess_file,   mess_gone,
        mess_mode, mess_pipe, mess_hidden, mess_record,
    };
    struct sq_workdirs w;
    open_with(&w, "node", "/state");
    for (size_t i = 0; i < SQ_LEN(messes); i++) {
        struct sq_workdir *d = take(&w);
        save(d, SQ_DIR_STARTED, 5, "command");
        messes[i](d);
        sq_workdir_release(&w, d, false);
        settle(&w);
        assert_ptr_equal(take(&w), d);
        assert_pristine(d);
        sq_workdir_release(&w, d, false);
    }
    assert_int_equal(watcher.dirs.len, SQ_WATCHES);
    sq_workdirs_close(&w);
}

/* A command moves its directory away and puts a link in its place: what the link points
 * at is not ours to empty. */
static void test_a_link_in_its_place(void **state)
{
    struct sq_workdirs w;
    char victim[100], file[120], moved[320];
    snprintf(victim, sizeof victim, "%s/victim", base);
    snprintf(file, sizeof file, "%s/input", victim);
    assert_int_equal(mkdir(victim, 0700), 0);
    for (int keep = 0; keep < 2; keep++) {
        open_with(&w, "node", "/state");
        struct sq_workdir *d = take(&w);
        save(d, SQ_DIR_STARTED, 5, "command");
        put(d, "output/mine");
        close(open(file, O_WRONLY | O_CREAT, 0600));
        snprintf(moved, sizeof moved, "%s.moved%d", d->path, keep);
        assert_int_equal(rename(d->path, moved), 0);
        assert_int_equal(symlink(victim, d->path), 0);
        sq_workdir_release(&w, d, keep);
        sq_workdirs_clean(&w);
        settle(&w);
        assert_int_equal(access(file, F_OK), 0);
        assert_int_equal(count(&w.free) + count(&w.kept), 0);
        sq_workdirs_close(&w);
    }
}

/* Nor is what a command mounted below it, even on one of the folders. */
static void test_a_mount_inside(void **state)
{
    static const char *const places[] = {"input", "tmp/deep", "output"};
    struct sq_workdirs w;
    char victim[100], file[120];
    if (!own_mounts)
        lacking("the right to mount");
    snprintf(victim, sizeof victim, "%s/victim", base);
    snprintf(file, sizeof file, "%s/file", victim);
    assert_int_equal(mkdir(victim, 0700), 0);
    close(open(file, O_WRONLY | O_CREAT, 0600));
    for (size_t i = 0; i < SQ_LEN(places); i++) {
        open_with(&w, "node", "/state");
        struct sq_workdir *d = take(&w);
        sq_watcher_look(&watcher);
        char *path_of = strdup(in(d, places[i]));
        mkdir(path_of, 0700);
        assert_int_equal(mount(victim, path_of, NULL, MS_BIND, NULL), 0);
        sq_workdir_release(&w, d, false);
        settle(&w);
        assert_int_equal(access(file, F_OK), 0);
        struct sq_workdir *f; /* not given to anybody any more */
        TAILQ_FOREACH(f, &w.free, link)
        assert_memory_not_equal(f->path, path_of, strlen(f->path));
        sq_workdirs_close(&w);
        umount2(path_of, MNT_DETACH);
        free(path_of);
    }
}

/* Something left running writes into a directory that is free. */
static void test_touched_while_free(void **state)
{
    struct sq_workdirs w;
    open_with(&w, "node", "/state");
    struct sq_workdir *d = take(&w);
    sq_workdir_release(&w, d, false);
    put(d, "output/late");
    sq_watcher_look(&watcher);
    assert_ptr_equal(take(&w), d);
    assert_pristine(d);
    sq_workdir_release(&w, d, false);
    mess_tree(d);
    sq_watcher_look(&watcher);
    struct sq_workdir *other = take(&w);
    assert_ptr_not_equal(other, d);
    settle(&w);
    assert_ptr_equal(take(&w), d);
    assert_pristine(d);
    sq_workdir_release(&w, d, false);
    sq_workdir_release(&w, other, false);
    sq_workdirs_close(&w);
}

/* What the watcher sees, and what it must not take for a task's doing. */
static void test_touched(void **state)
{
    struct sq_workdirs w;
    open_with(&w, "node", "/state");
    struct sq_workdir *d = take(&w);
    written = 0;
    save(d, SQ_DIR_STARTED, 5, "command");
    put(d, ".stdout"); /* as the supervisor does */
    put(d, ".stdout");
    sq_watcher_look(&watcher);
    assert_int_equal(d->touched, 0);
    assert_true(written > 0);
    sq_workdir_release(&w, d, false);

    static void (*const messes[])(struct sq_workdir * d) = {
        mess_tree, mess_many, mess_link,   mess_file,   mess_gone,
        mess_mode, mess_pipe, mess_hidden, mess_record,
    };
    for (size_t i = 0; i < SQ_LEN(messes); i++) {
        d = take(&w);
        if (messes[i] == mess_hidden)
            unlink(in(d, ".stdout"));
        sq_watcher_look(&watcher);
        d->touched = 0;
        messes[i](d);
        sq_watcher_look(&watcher);
        assert_int_not_equal(d->touched, 0);
        sq_workdir_release(&w, d, false);
        settle(&w);
        assert_int_equal(d->touched, 0);
    }
    d = take(&w);
    mess_many(d); /* a folder's watch fires once */
    sq_watcher_look(&watcher);
    assert_int_equal(watcher.dirs.len, SQ_WATCHES - 1);
    sq_workdir_release(&w, d, false);
    settle(&w);
    assert_int_equal(watcher.dirs.len, SQ_WATCHES);
    sq_workdirs_close(&w);
    assert_int_equal(watcher.dirs.len, 0);
}

static void test_without_watches_all_is_touched(void **state)
{
    struct sq_workdirs w;
    int fd = watcher.watch.fd;
    sq_loop_unwatch(&loop, &watcher.watch);
    close(fd);
    open_with(&w, "node", "/state");
    struct sq_workdir *d = take(&w);
    assert_int_equal(watcher.unwatched, 1);
    put(d, "output/file");
    sq_workdir_release(&w, d, false);
    assert_ptr_equal(take(&w), d);
    assert_pristine(d);
    sq_workdir_release(&w, d, false);
    sq_workdirs_close(&w);
    assert_int_equal(watcher.unwatched, 0);
}

int main(void)
{
    own_mounts = unshare(CLONE_NEWNS) == 0 &&
                 mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    const struct CMUnitTest tests[] = {
        ONE(test_clean_whatever_was_done),
        ONE(test_a_link_in_its_place),
        ONE(test_a_mount_inside),
        ONE(test_touched_while_free),
        ONE(test_touched),
        ONE(test_without_watches_all_is_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
