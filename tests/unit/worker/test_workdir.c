/* Working directories: recycled clean whatever a task did to them, found again, kept
 * after a failure. */
#include "tests/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/file.h"
#include "tests/lacking.h"
#include "worker/workdir.h"

static char base[64], path[300];
static struct sq_loop loop;
static struct sq_watcher watcher;
static int written;
static bool own_mounts; /* what is mounted here is seen by this program alone */

static void on_written(void *arg, struct sq_workdir *d)
{
    written++;
}

static int make_base(void **state)
{
    strcpy(base, "/tmp/scitq-workdir-XXXXXX");
    if (!mkdtemp(base) || sq_loop_init(&loop, NULL) != 0)
        return -1;
    sq_watcher_init(&watcher, &loop, on_written, NULL);
    return 0;
}

static int remove_base(void **state)
{
    sq_watcher_fini(&watcher);
    sq_loop_fini(&loop);
    return sq_dir_remove(base, NULL);
}

static void open_with(struct sq_workdirs *w, const char *worker, const char *state_dir)
{
    struct sq_err err;
    const struct sq_workdirs_conf conf = {.base = base,
                                          .worker = worker,
                                          .state_dir = state_dir,
                                          .autoclean = 100,
                                          .watcher = &watcher};
    OK(err, sq_workdirs_open(w, &conf, &loop, &err));
}

static struct sq_workdir *take(struct sq_workdirs *w)
{
    struct sq_err err;
    struct sq_workdir *d;
    OK(err, sq_workdir_take(w, &d, &err));
    return d;
}

static void save(struct sq_workdir *d, int stage, int64_t id, const char *command)
{
    struct sq_err err;
    d->header = (struct sq_workdir_header){.stage = (enum sq_workdir_stage)stage,
                                           .execution_id = id,
                                           .task_id = id + 1,
                                           .instance = "12.34"};
    OK(err, sq_workdir_save(d, command, &err));
}

static const char *in(const struct sq_workdir *d, const char *name)
{
    snprintf(path, sizeof path, "%s/%s", d->path, name);
    return path;
}

static void put(const struct sq_workdir *d, const char *name)
{
    int fd = open(in(d, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
}

/* Run the loop until the cleaner has given everything back. */
static void until_clean(void *arg)
{
    struct sq_workdirs *w = arg;
    static struct sq_timer again;
    if (!w->cleaner.first) {
        sq_loop_stop(&loop);
        return;
    }
    again = (struct sq_timer){.fn = until_clean, .arg = w};
    sq_timer_set(&loop, &again, 1000);
}

static void settle(struct sq_workdirs *w)
{
    struct sq_err err;
    loop.stopped = false;
    until_clean(w);
    OK(err, sq_loop_run(&loop, &err));
}

static size_t count(const struct sq_workdir_list *list)
{
    size_t n = 0;
    const struct sq_workdir *d;
    TAILQ_FOREACH(d, list, link)
    n++;
    return n;
}

static void assert_pristine(const struct sq_workdir *d)
{
    static const char *const names[] = {"input", "output", "tmp", "resource"};
    struct stat st;
    char command[400], answer[64] = "";
    assert_int_equal(lstat(d->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0777);
    for (size_t i = 0; i < SQ_LEN(names); i++) {
        assert_int_equal(lstat(in(d, names[i]), &st), 0);
        assert_true(S_ISDIR(st.st_mode));
        assert_int_equal(st.st_mode & 07777, 0777);
    }
    snprintf(command, sizeof command,
             "cd %s && find . -mindepth 1 ! -name .stdout ! -name .stderr "
             "! -name .execution | sort | tr '\\n' ' '",
             d->path);
    FILE *f = popen(command, "r");
    if (!fgets(answer, sizeof answer, f))
        answer[0] = 0;
    pclose(f);
    assert_string_equal(answer, "./input ./output ./resource ./tmp ");
}

static void test_made_once_and_recycled(void **state)
{
    struct sq_workdirs w;
    umask(077);
    open_with(&w, "node", "/state");
    struct sq_workdir *a = take(&w), *b = take(&w);
    assert_pristine(a);
    assert_string_not_equal(a->path, b->path);
    assert_non_null(strstr(a->path, "/node-0"));
    assert_int_equal(watcher.dirs.len, 2 * SQ_WATCHES);
    put(a, "output/file");
    put(a, "beside");
    sq_workdir_release(&w, a, false);
    assert_ptr_equal(take(&w), a);
    assert_pristine(a);
    assert_int_equal(watcher.dirs.len, 2 * SQ_WATCHES);
    sq_workdir_release(&w, a, false);
    sq_workdir_release(&w, b, false);
    sq_workdirs_close(&w);
}

static size_t count_directories(void)
{
    size_t n = 0;
    struct dirent *e;
    DIR *all = opendir(base);
    assert_non_null(all);
    while ((e = readdir(all)))
        n += e->d_name[0] != '.';
    closedir(all);
    return n;
}

static void test_a_stock(void **state)
{
    struct sq_workdirs w;
    struct sq_workdir *taken[3];
    open_with(&w, "node", "/state");
    assert_true(sq_workdirs_stock(&w, 2));
    assert_int_equal(count_directories(), 1);
    assert_false(sq_workdirs_stock(&w, 2));
    assert_false(sq_workdirs_stock(&w, 2));
    assert_int_equal(count_directories(), 2);
    assert_false(sq_workdirs_stock(&w, 3));
    assert_int_equal(count_directories(), 3);
    for (size_t i = 0; i < SQ_LEN(taken); i++) {
        taken[i] = take(&w);
        assert_pristine(taken[i]);
        assert_int_equal(access(in(taken[i], ".stdout"), F_OK), 0);
    }
    assert_int_equal(count_directories(), 3);
    for (size_t i = 0; i < SQ_LEN(taken); i++)
        sq_workdir_release(&w, taken[i], false);
    sq_workdirs_close(&w);
}

static void mess_tree(struct sq_workdir *d)
{
    assert_int_equal(mkdir(in(d, "output/deep"), 0700), 0);
    put(d, "output/deep/file");
}

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

static void mess_pipe(struct sq_workdir *d)
{
    assert_int_equal(mkfifo(in(d, "output/pipe"), 0600), 0);
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

static void test_found_again(void **state)
{
    struct sq_workdirs w;
    open_with(&w, "node", "/state");
    struct sq_workdir *held = take(&w), *started = take(&w), *kept = take(&w);
    struct sq_workdir *used = take(&w);
    save(held, SQ_DIR_HELD, 11, "sh -c 'a\nb'");
    save(started, SQ_DIR_STARTED, 12, "");
    save(kept, SQ_DIR_STARTED, 13, "false");
    sq_workdir_release(&w, kept, true);
    sq_workdir_release(&w, used, false);
    TAILQ_INSERT_TAIL(&w.found, held, link);
    TAILQ_INSERT_TAIL(&w.found, started, link);
    sq_workdirs_close(&w);

    open_with(&w, "node", "/state");
    assert_int_equal(count(&w.found), 2);
    assert_int_equal(count(&w.kept), 1);
    assert_int_equal(count(&w.free), 1);
    struct sq_workdir *d;
    TAILQ_FOREACH(d, &w.found, link)
    {
        bool first = d->header.execution_id == 11;
        assert_int_equal(d->header.execution_id, first ? 11 : 12);
        assert_int_equal(d->header.task_id, first ? 12 : 13);
        assert_int_equal(d->header.stage, first ? SQ_DIR_HELD : SQ_DIR_STARTED);
        assert_string_equal(d->header.instance, "12.34");
        assert_string_equal(d->command, first ? "sh -c 'a\nb'" : "");
    }
    sq_workdirs_close(&w);
}

static void test_others_are_left_alone(void **state)
{
    struct sq_workdirs w;
    open_with(&w, "node", "/state");
    struct sq_workdir *d = take(&w);
    save(d, SQ_DIR_HELD, 11, "true");
    TAILQ_INSERT_TAIL(&w.found, d, link);
    sq_workdirs_close(&w);
    open_with(&w, "node", "/another/state"); /* same name, another installation */
    assert_int_equal(count(&w.found) + count(&w.free) + count(&w.kept), 0);
    d = take(&w);
    assert_non_null(strstr(d->path, "/node-1"));
    sq_workdir_release(&w, d, false);
    sq_workdirs_close(&w);
    open_with(&w, "nod", "/state");
    assert_int_equal(count(&w.found) + count(&w.free) + count(&w.kept), 0);
    sq_workdirs_close(&w);
}

static void test_a_damaged_record_is_not_taken_up(void **state)
{
    struct sq_workdirs w;
    open_with(&w, "node", "/state");
    struct sq_workdir *d = take(&w);
    save(d, SQ_DIR_HELD, 11, "true");
    assert_int_equal(pwrite(d->file, "9", 1, 20), 1);
    TAILQ_INSERT_TAIL(&w.found, d, link);
    sq_workdirs_close(&w);
    open_with(&w, "node", "/state");
    assert_int_equal(count(&w.found) + count(&w.free), 0);
    d = take(&w);
    assert_non_null(strstr(d->path, "/node-1"));
    sq_workdir_release(&w, d, false);
    sq_workdirs_close(&w);
}

static void test_kept_until_the_disk_is_full(void **state)
{
    struct sq_workdirs w;
    open_with(&w, "node", "/state");
    struct sq_workdir *a = take(&w), *b = take(&w);
    mess_tree(a);
    char first[300];
    strcpy(first, a->path);
    sq_workdir_release(&w, a, true);
    sq_workdir_release(&w, b, true);
    sq_workdirs_autoclean(&w); /* the disk is never over 100% */
    settle(&w);
    assert_int_equal(count(&w.kept), 2);
    assert_int_equal(access(first, F_OK), 0);
    w.autoclean = 0; /* always over: all go, one after the other, oldest first */
    sq_workdirs_autoclean(&w);
    assert_int_equal(count(&w.kept), 1);
    settle(&w);
    assert_int_equal(count(&w.kept), 0);
    assert_int_equal(access(first, F_OK), -1);
    sq_workdirs_close(&w);
}

static void test_clean_on_request(void **state)
{
    struct sq_workdirs w;
    open_with(&w, "node", "/state");
    struct sq_workdir *a = take(&w), *b = take(&w), *c = take(&w);
    sq_workdir_release(&w, a, true);
    sq_workdir_release(&w, b, true);
    sq_workdirs_clean(&w);
    settle(&w);
    assert_int_equal(count(&w.kept), 0);
    assert_int_equal(access(c->path, F_OK), 0);
    sq_workdir_release(&w, c, false);
    sq_workdirs_close(&w);
}

static void test_outputs(void **state)
{
    struct sq_workdirs w;
    struct sq_buf out SQ_CLEANUP(sq_buf_fini);
    open_with(&w, "node", "/state");
    struct sq_workdir *d = take(&w);
    sq_buf_init(&out, 1000);
    sq_watcher_look(&watcher);
    assert_int_equal(d->touched, 0);
    assert_true(sq_workdir_outputs(d, &out));
    assert_int_equal(out.len, 0);
    put(d, "output/z");
    put(d, "output/a b");
    put(d, "output/100%");
    put(d, "output/n\nl");
    put(d, "output/\xff\xfe");
    put(d, "output/é");
    assert_int_equal(mkdir(in(d, "output/d"), 0700), 0);
    assert_int_equal(mkdir(in(d, "output/d/e"), 0700), 0);
    put(d, "output/d/e/f");
    assert_int_equal(mkdir(in(d, "output/empty"), 0700), 0);
    assert_int_equal(symlink("z", in(d, "output/link")), 0);
    mess_pipe(d);
    sq_watcher_look(&watcher);
    assert_true(sq_workdir_outputs(d, &out));
    assert_string_equal(out.data, "100%25 a%20b d/e/f n%0Al z é %FF%FE");
    sq_workdir_release(&w, d, false);
    settle(&w);
    sq_workdirs_close(&w);
}

static void test_too_many_outputs(void **state)
{
    struct sq_workdirs w;
    struct sq_buf out SQ_CLEANUP(sq_buf_fini);
    open_with(&w, "node", "/state");
    struct sq_workdir *d = take(&w);
    put(d, "output/first");
    put(d, "output/second");
    sq_buf_init(&out, 10);
    sq_watcher_look(&watcher);
    assert_false(sq_workdir_outputs(d, &out));
    assert_true(sq_buf_ok(&out));
    assert_string_equal(out.data, "first");
    sq_workdir_release(&w, d, false);
    sq_workdirs_close(&w);
}

/* What is not listed is looked at all the same. */
static void test_too_many_pipes(void **state)
{
    enum { MANY = 100000 };
    struct sq_workdirs w;
    struct sq_buf out SQ_CLEANUP(sq_buf_fini);
    char name[32];
    open_with(&w, "node", "/state");
    struct sq_workdir *d = take(&w);
    sq_buf_init(&out, 1000);
    put(d, "output/first");
    for (int i = 1; i <= MANY; i++) {
        snprintf(name, sizeof name, "output/p%d", i);
        assert_int_equal(mkfifo(in(d, name), 0600), 0);
        if (i < MANY - 1)
            continue;
        sq_watcher_look(&watcher);
        sq_buf_clear(&out);
        assert_int_equal(sq_workdir_outputs(d, &out), i < MANY);
    }
    sq_workdir_release(&w, d, false);
    settle(&w);
    sq_workdirs_close(&w);
}

static void test_no_base(void **state)
{
    struct sq_workdirs w;
    struct sq_err err;
    char none[100];
    snprintf(none, sizeof none, "%s/file", base);
    write_file(none, "x", 1);
    const struct sq_workdirs_conf conf = {.base = none,
                                          .worker = "w",
                                          .state_dir = "/s",
                                          .autoclean = 90,
                                          .watcher = &watcher};
    assert_true(sq_workdirs_open(&w, &conf, &loop, &err) < 0);
    assert_non_null(strstr(err.text, none));
    sq_workdirs_close(&w);
}

int main(void)
{
    own_mounts = unshare(CLONE_NEWNS) == 0 &&
                 mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
#define ONE(test) cmocka_unit_test_setup_teardown(test, make_base, remove_base)
    const struct CMUnitTest tests[] = {
        ONE(test_made_once_and_recycled),
        ONE(test_a_stock),
        ONE(test_clean_whatever_was_done),
        ONE(test_a_link_in_its_place),
        ONE(test_a_mount_inside),
        ONE(test_touched_while_free),
        ONE(test_touched),
        ONE(test_without_watches_all_is_touched),
        ONE(test_found_again),
        ONE(test_others_are_left_alone),
        ONE(test_a_damaged_record_is_not_taken_up),
        ONE(test_kept_until_the_disk_is_full),
        ONE(test_clean_on_request),
        ONE(test_outputs),
        ONE(test_too_many_outputs),
        ONE(test_too_many_pipes),
        ONE(test_no_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
