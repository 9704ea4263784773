/* ncdu: the tree in the format that `ncdu -f -` reads (ncdu's export format, major
 * version 1, https://dev.yorhel.nl/ncdu/jsonfmt), piped into it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/fetch/tree.h"
#include "cli/fetch/verbs.h"
#include "config.h"
#include "lib/file.h"
#include "lib/jsonio.h"

enum { PIECE_BYTES = 256 * 1024, PAGE_BYTES = 1024 * 1024, SHELL_NOT_FOUND = 127 };

struct page {
    int fd;
    struct sq_buf text;
    struct sq_err *err;
    int rc;
};

static void flush_page(struct page *p, size_t from)
{
    if (p->rc == 0 && !sq_buf_ok(&p->text))
        p->rc = sq_fail(p->err, SQ_ENOMEM, "out of memory");
    if (p->rc == 0 && p->text.len > from) {
        p->rc = sq_write_all(p->fd, p->text.data, p->text.len, p->err);
        sq_buf_clear(&p->text);
    }
}

static void add_string(struct page *p, const char *name, size_t len)
{
    sq_buf_addc(&p->text, '"');
    sq_json_escape(name, len, &p->text);
    sq_buf_addc(&p->text, '"');
}

/* Open the folders on the way to `name` that are not open yet, close those that it is
 * not in; `open` is the path of the deepest one open, without final slash. */
static void move_to(struct page *p, struct sq_buf *open, const char *name)
{
    size_t same = 0;
    for (size_t i = 0; i <= open->len; i++) {
        bool ends_open = i == open->len, ends_name = name[i] == '/';
        if ((ends_open || open->data[i] == '/') && ends_name)
            same = i;
        if (ends_open || open->data[i] != name[i])
            break;
    }
    for (size_t i = same; i < open->len; i++)
        if (i == 0 || open->data[i] == '/')
            sq_buf_addc(&p->text, ']');
    open->len = same;
    const char *slash;
    while ((slash = strchr(name + open->len + (open->len > 0), '/'))) {
        const char *step = name + open->len + (open->len > 0);
        sq_buf_adds(&p->text, ",\n[{\"name\":");
        add_string(p, step, (size_t)(slash - step));
        sq_buf_addc(&p->text, '}');
        sq_buf_clear(open);
        sq_buf_add(open, name, (size_t)(slash - name));
    }
}

static void add_entry(struct page *p, struct sq_buf *open, const struct sq_entry *e)
{
    const char *slash = strrchr(e->name, '/');
    const char *last = slash ? slash + 1 : e->name;
    int64_t size = e->size_bytes > 0 ? e->size_bytes : 0;
    move_to(p, open, e->name);
    sq_buf_adds(&p->text, ",\n{\"name\":");
    add_string(p, last, strlen(last));
    sq_buf_addf(&p->text, ",\"asize\":%lld,\"dsize\":%lld}", (long long)size,
                (long long)size);
    flush_page(p, PIECE_BYTES);
}

static int write_export(const struct sq_place *at, const struct sq_tree *t, int fd,
                        struct sq_err *err)
{
    struct page p = {.fd = fd, .err = err};
    struct sq_buf open;
    sq_buf_init(&p.text, PAGE_BYTES);
    sq_buf_init(&open, PAGE_BYTES);
    sq_buf_add(&open, "", 0);
    sq_buf_addf(&p.text,
                "[1,0,{\"progname\":\"scitq-fetch\",\"progver\":\"%s\","
                "\"timestamp\":%lld},\n[{\"name\":",
                PACKAGE_VERSION, (long long)time(NULL));
    add_string(&p, at->text, strlen(at->text));
    sq_buf_addc(&p.text, '}');
    for (size_t i = 0; p.rc == 0 && i < t->n; i++)
        add_entry(&p, &open, &t->entries[i]);
    move_to(&p, &open, "");
    sq_buf_adds(&p.text, "]]\n");
    flush_page(&p, 0);
    sq_buf_fini(&open);
    sq_buf_fini(&p.text);
    return p.rc;
}

/* Folders first among equals is not needed; that what is in one comes together is:
 * "a/b" before "a.b", which plain order has the other way round. */
static int by_step(const void *a, const void *b)
{
    const unsigned char *x = (const void *)((const struct sq_entry *)a)->name;
    const unsigned char *y = (const void *)((const struct sq_entry *)b)->name;
    while (*x && *x == *y)
        x++, y++;
    int u = *x == '/' ? 1 : *x, v = *y == '/' ? 1 : *y;
    return u - v;
}

static pid_t start_ncdu(int *ret_fd, struct sq_err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return sq_fail(err, SQ_EIO, "cannot make a pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        dup2(ends[0], STDIN_FILENO);
        execlp("ncdu", "ncdu", "-f", "-", (char *)NULL);
        _exit(SHELL_NOT_FOUND);
    }
    close(ends[0]);
    *ret_fd = ends[1];
    if (pid < 0) {
        close(ends[1]);
        return sq_fail(err, SQ_EIO, "cannot start ncdu: %s", strerror(errno));
    }
    return pid;
}

static int show(const struct sq_place *at, const struct sq_tree *t, struct sq_err *err)
{
    int fd = -1, status = 0;
    struct sq_err why = {0};
    pid_t pid = start_ncdu(&fd, err);
    if (pid < 0)
        return (int)pid;
    int rc = write_export(at, t, fd, &why);
    close(fd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == SHELL_NOT_FOUND)
        return sq_fail(
            err, SQ_ENOENT,
            "there is no ncdu: install it, or give --only-file and read what "
            "it prints with ncdu -f elsewhere");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return sq_fail(err, SQ_EIO, "ncdu failed");
    return rc ? sq_fail(err, rc, "%s", why.text) : 0;
}

int sq_fetch_ncdu(struct sq_fetch_line *line, struct sq_err *err)
{
    struct sq_place at;
    struct sq_tree t;
    int rc = sq_fetch_folder(line, 0, &at, err);
    if (rc)
        return rc;
    sq_tree_init(&t);
    rc = sq_tree_list(&line->job, &at, SQ_LIST_RECURSIVE, &t, err);
    if (rc == 0) {
        sq_tree_keep_files(&t, NULL, 0);
        qsort(t.entries, t.n, t.n ? sizeof *t.entries : 1, by_step);
        rc = sq_args_has(&line->cli->args, "only-file")
                 ? write_export(&at, &t, STDOUT_FILENO, err)
                 : show(&at, &t, err);
    }
    sq_tree_fini(&t);
    return rc;
}
