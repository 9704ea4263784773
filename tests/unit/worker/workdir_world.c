/* Working directories of a test; see workdir_world.h. */
#include "tests/unit/worker/workdir_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"

char base[64];
static char path[300];
struct sq_loop loop;
struct sq_watcher watcher;
int written;

static void on_written(void *arg, struct sq_workdir *d)
{
    written++;
}

int make_base(void **state)
{
    strcpy(base, "/tmp/scitq-workdir-XXXXXX");
    if (!mkdtemp(base) || sq_loop_init(&loop, NULL) != 0)
        return -1;
    sq_watcher_init(&watcher, &loop, on_written, NULL);
    return 0;
}

int remove_base(void **state)
{
    sq_watcher_fini(&watcher);
    sq_loop_fini(&loop);
    return sq_dir_remove(base, NULL);
}

void open_with(struct sq_workdirs *w, const char *worker, const char *state_dir)
{
    struct sq_err err;
    const struct sq_workdirs_conf conf = {.base = base,
                                          .worker = worker,
                                          .state_dir = state_dir,
                                          .autoclean = 100,
                                          .watcher = &watcher};
    OK(err, sq_workdirs_open(w, &conf, &loop, &err));
}

struct sq_workdir *take(struct sq_workdirs *w)
{
    struct sq_err err;
    struct sq_workdir *d;
    OK(err, sq_workdir_take(w, &d, &err));
    return d;
}

void save(struct sq_workdir *d, int stage, int64_t id, const char *command)
{
    struct sq_err err;
    d->header = (struct sq_workdir_header){.stage = (enum sq_workdir_stage)stage,
                                           .execution_id = id,
                                           .task_id = id + 1,
                                           .instance = "12.34"};
    OK(err, sq_workdir_save(d, command, &err));
}

const char *in(const struct sq_workdir *d, const char *name)
{
    snprintf(path, sizeof path, "%s/%s", d->path, name);
    return path;
}

void put(const struct sq_workdir *d, const char *name)
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
    if (!w->cleaner.aside.first) {
        sq_loop_stop(&loop);
        return;
    }
    again = (struct sq_timer){.fn = until_clean, .arg = w};
    sq_timer_set(&loop, &again, 1000);
}

void settle(struct sq_workdirs *w)
{
    struct sq_err err;
    loop.stopped = false;
    until_clean(w);
    OK(err, sq_loop_run(&loop, &err));
}

size_t count(const struct sq_workdir_list *list)
{
    size_t n = 0;
    const struct sq_workdir *d;
    TAILQ_FOREACH(d, list, link)
    n++;
    return n;
}

void assert_pristine(const struct sq_workdir *d)
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

void mess_tree(struct sq_workdir *d)
{
    assert_int_equal(mkdir(in(d, "output/deep"), 0700), 0);
    put(d, "output/deep/file");
}

void mess_pipe(struct sq_workdir *d)
{
    assert_int_equal(mkfifo(in(d, "output/pipe"), 0600), 0);
}
