/* The process tree from /proc/PID/stat (parent, group, session, start time) and
 * /proc/PID/environ (our marks).
 *
 * A snapshot is old the moment it is taken: numbers may be used again, processes fork.
 * So a process is signalled through a pidfd taken first and compared by start time
 * second, and the snapshot is repeated until it shows nobody new. */
#include "worker/supervisor/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/clock.h"

enum {
    ROUNDS = 10,           /* of looking again for what forked meanwhile */
    ENVIRON_MAX = 4 << 20, /* above what Linux lets a program start with */
    SWEEP_MS = 3000
};

struct process {
    pid_t pid, parent, group, session;
    char state;
    uint64_t start;
    bool inside;    /* belongs to the tree looked for */
    bool signalled; /* in this or an earlier round */
};

struct snapshot {
    struct process *at; /* by ascending pid */
    size_t n, cap;
};

static void snapshot_fini(struct snapshot *s)
{
    free(s->at);
    *s = (struct snapshot){0};
}

static bool read_process(pid_t pid, struct process *ret)
{
    char name[32], text[1024];
    snprintf(name, sizeof name, "/proc/%d/stat", pid);
    SQ_CLEANUP(sq_closep) int fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n <= 0)
        return false;
    text[n] = 0;
    const char *after_name = strrchr(text, ')');
    *ret = (struct process){.pid = pid};
    return after_name &&
           sscanf(after_name,
                  ") %c %d %d %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                  "%*s %*s %" SCNu64,
                  &ret->state, &ret->parent, &ret->group, &ret->session,
                  &ret->start) == 5;
}

static bool add_process(struct snapshot *s, pid_t pid)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 128;
        struct process *at = realloc(s->at, cap * sizeof *at);
        if (!at)
            return false;
        s->at = at;
        s->cap = cap;
    }
    if (read_process(pid, &s->at[s->n]))
        s->n++;
    return true;
}

static int by_pid(const void *a, const void *b)
{
    const struct process *x = a, *y = b;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

static struct process *find(const struct snapshot *s, pid_t pid)
{
    struct process key = {.pid = pid};
    return s->n ? bsearch(&key, s->at, s->n, sizeof key, by_pid) : NULL;
}

/* All processes; what does not fit in memory is not seen. */
static void take_snapshot(struct snapshot *s)
{
    struct dirent *entry;
    s->n = 0;
    DIR *proc = opendir("/proc");
    while (proc && (entry = readdir(proc)))
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            !add_process(s, atoi(entry->d_name)))
            break;
    if (proc)
        closedir(proc);
    if (s->n)
        qsort(s->at, s->n, sizeof *s->at, by_pid);
}

static bool is_dead(const struct process *p)
{
    return p->state == 'Z' || p->state == 'X';
}

/* Signal this very process, not a later one of the same number. */
static bool signal_process(const struct process *p, int signal)
{
    struct process now;
    SQ_CLEANUP(sq_closep) int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    if (fd < 0 || !read_process(p->pid, &now) || now.start != p->start)
        return false;
    return syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) == 0;
}

static size_t read_environ(pid_t pid, char *text)
{
    char name[32];
    size_t len = 0;
    ssize_t n = 1;
    snprintf(name, sizeof name, "/proc/%d/environ", pid);
    SQ_CLEANUP(sq_closep) int fd = open(name, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && n > 0 && len < ENVIRON_MAX) {
        n = read(fd, text + len, ENVIRON_MAX - len);
        len += n > 0 ? (size_t)n : 0;
    }
    text[len] = 0;
    return len;
}

static const char *value_of(const char *entry, const char *name)
{
    size_t len = strlen(name);
    return strncmp(entry, name, len) == 0 && entry[len] == '=' ? entry + len + 1 : NULL;
}

/* Whether the process carries the mark of this supervisor, and of which execution. */
static bool is_marked(pid_t pid, const char *state_dir, int64_t *ret_id)
{
    bool ours = false;
    *ret_id = -1;
    /* Reserved, hardly ever touched: environments are small. */
    SQ_CLEANUP(sq_freep) char *text = malloc(ENVIRON_MAX + 1);
    size_t len = text ? read_environ(pid, text) : 0;
    for (size_t at = 0; at < len; at += strlen(text + at) + 1) {
        const char *dir = value_of(text + at, SQ_MARK_SUPERVISED);
        const char *id = value_of(text + at, SQ_MARK_EXECUTION);
        if (dir && strcmp(dir, state_dir) == 0)
            ours = true;
        if (id)
            *ret_id = strtoll(id, NULL, 10);
    }
    return ours;
}

/* Mark what belongs to the tree of `root`: see the header. */
static void mark_tree(struct snapshot *s, const char *state_dir, int64_t id, pid_t root)
{
    int64_t whose;
    for (size_t i = 0; i < s->n; i++) {
        struct process *p = &s->at[i];
        p->inside = p->pid == root || p->group == root || p->session == root ||
                    (p->parent == getpid() && !is_dead(p) &&
                     is_marked(p->pid, state_dir, &whose) && whose == id);
    }
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < s->n; i++) {
            struct process *p = &s->at[i], *parent = find(s, p->parent);
            if (!p->inside && parent && parent->inside)
                p->inside = more = true;
        }
    }
}

/* Signal those inside that no earlier round did; how many there were. */
static int signal_new(struct snapshot *now, const struct snapshot *before,
                      const struct sq_group *except, int signal)
{
    int sent = 0;
    for (size_t i = 0; i < now->n; i++) {
        struct process *p = &now->at[i], *old = find(before, p->pid);
        if (!p->inside || is_dead(p) || (except && sq_group_holds(except, p->pid)))
            continue;
        p->signalled = old && old->start == p->start && old->signalled;
        if (!p->signalled && signal_process(p, signal))
            sent++;
        p->signalled = true;
    }
    return sent;
}

void sq_tree_signal(const char *state_dir, const struct sq_live *command,
                    const struct sq_group *except, int signal)
{
    struct snapshot now = {0}, before = {0};
    int sent = 1;
    for (int round = 0; sent && round < ROUNDS; round++) {
        take_snapshot(&now);
        mark_tree(&now, state_dir, command->id, command->pid);
        sent = signal_new(&now, &before, except, signal);
        struct snapshot spare = before;
        before = now;
        now = spare;
    }
    snapshot_fini(&now);
    snapshot_fini(&before);
}

static bool is_live_pid(pid_t pid, const struct sq_live *live, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (live[i].pid == pid)
            return true;
    return false;
}

static bool is_live_id(int64_t id, const struct sq_live *live, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (live[i].id == id)
            return true;
    return false;
}

/* When the oldest live command started. */
static uint64_t oldest_start(const struct snapshot *s, const struct sq_live *live,
                             size_t n)
{
    uint64_t oldest = UINT64_MAX;
    for (size_t i = 0; i < n; i++) {
        const struct process *p = find(s, live[i].pid);
        if (p && p->start < oldest)
            oldest = p->start;
    }
    return oldest;
}

/* An orphan that left its session and carries no mark (it got a new environment) may be
 * any live command's: it is spared until all those are younger than it. */
static bool is_stray(const struct process *p, const char *state_dir,
                     const struct sq_live *live, size_t n, uint64_t oldest)
{
    int64_t whose;
    if (p->parent != getpid() || is_dead(p) || is_live_pid(p->pid, live, n) ||
        is_live_pid(p->session, live, n))
        return false;
    if (is_marked(p->pid, state_dir, &whose))
        return !is_live_id(whose, live, n);
    return p->start < oldest;
}

bool sq_tree_kill_strays(const char *state_dir, const struct sq_live *live, size_t n)
{
    struct snapshot s = {0};
    bool found = false;
    take_snapshot(&s);
    uint64_t oldest = oldest_start(&s, live, n);
    for (size_t i = 0; i < s.n; i++)
        if (is_stray(&s.at[i], state_dir, live, n, oldest))
            found |= signal_process(&s.at[i], SIGKILL);
    snapshot_fini(&s);
    return found;
}

/* Kill one marked process and wait for its end. */
static bool kill_marked(pid_t pid, const char *state_dir, int64_t until)
{
    int64_t whose, left;
    if (!is_marked(pid, state_dir, &whose))
        return false;
    SQ_CLEANUP(sq_closep) int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0 || !is_marked(pid, state_dir, &whose) ||
        syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0)
        return true;
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    while ((left = until - sq_monotonic()) > 0 &&
           poll(&ended, 1, (int)(left / 1000) + 1) < 0 && errno == EINTR)
        ;
    return true;
}

void sq_tree_sweep(const char *state_dir)
{
    struct snapshot s = {0};
    int64_t until = sq_monotonic() + SWEEP_MS * 1000;
    bool found = true;
    while (found && sq_monotonic() < until) {
        found = false;
        take_snapshot(&s);
        for (size_t i = 0; i < s.n; i++)
            if (s.at[i].pid != getpid() && !is_dead(&s.at[i]))
                found |= kill_marked(s.at[i].pid, state_dir, until);
    }
    snapshot_fini(&s);
}
