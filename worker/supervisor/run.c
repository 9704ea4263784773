/* The life of the commands.
 *
 * A command ends in this order: it is a zombie, so that its number is still its own,
 * and its process group is killed; it is reaped; what is left in its group is killed
 * and awaited (draining); the exit goes to the journal, then to the client.  Without
 * control groups what left the process group is found by a look through /proc a moment
 * after the exit, and the exit does not wait for it. */
#include "worker/supervisor/run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "worker/supervisor/spawn.h"
#include "worker/supervisor/tree.h"

enum {
    DRAIN_US = 5000000, /* for a killed process to leave the kernel */
    SCAN_US = 500000,   /* gathers the exits of a burst into one scan */
    RESCAN_US = 20000,
    OOM_FRESH_US = 1000000,
    TEXTS_MAX = 1 << 20 /* words and variables of one command */
};

void sq_run_say(struct sq_supervisor *s, enum sq_frame_kind kind,
                const struct sq_frame_event *event, const char *text)
{
    if (s->client_fd < 0)
        return;
    s->urgent |= kind != SQ_FRAME_STARTED;
    if (!s->out.len)
        s->out_since = sq_monotonic();
    sq_frame_add(&s->out, kind, event, sizeof *event, text ? text : "");
}

static void say_pid(struct sq_supervisor *s, enum sq_frame_kind kind,
                    const struct sq_run *r)
{
    struct sq_frame_event e = {.id = r->id, .pid = r->pid};
    sq_run_say(s, kind, &e, NULL);
}

static struct sq_run **bucket(struct sq_supervisor *s, int64_t id)
{
    return &s->ended[(uint64_t)id % SQ_RUN_BUCKETS];
}

/* Where the pointer to the run of this id is, or to NULL. */
static struct sq_run **find(struct sq_run **at, int64_t id)
{
    while (*at && (*at)->id != id)
        at = &(*at)->next;
    return at;
}

static void move_to_ended(struct sq_supervisor *s, struct sq_run *r)
{
    *find(&s->live, r->id) = r->next;
    r->next = *bucket(s, r->id);
    *bucket(s, r->id) = r;
    r->state = SQ_RUN_ENDED;
}

/* The machine's count of out-of-memory kills: for commands without a group that counts.
 * Reading it takes the kernel a while, so a fresh one will do for a start. */
static int64_t machine_oom_kills(struct sq_supervisor *s, bool fresh_enough)
{
    char text[16384];
    int64_t now = sq_monotonic(), count;
    if (fresh_enough && s->oom_read_at && now - s->oom_read_at < OOM_FRESH_US)
        return s->oom_kills;
    SQ_CLEANUP(sq_closep) int fd = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    const char *at = strstr(text, "\noom_kill ");
    if (at && sscanf(at, " oom_kill %" SCNd64, &count) == 1)
        s->oom_kills = count;
    s->oom_read_at = now;
    return s->oom_kills;
}

static bool counts_oom(const struct sq_run *r)
{
    return r->group && r->group->oom_fd >= 0;
}

/* Whether the out-of-memory killer took the command, or a child whose death it reports
 * as a shell does. */
static bool is_oom(struct sq_supervisor *s, struct sq_run *r)
{
    int status = (int)r->exit.status;
    if (counts_oom(r)) /* ask in any case: the next command counts from here */
        return sq_group_oom_kills(r->group) > 0 && status != 0 && !r->killed;
    bool by_kill = (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
                   (WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGKILL);
    return by_kill && !r->killed && machine_oom_kills(s, false) > r->oom_base;
}

/* With what is still in the pipes.  0, or errno of what could not be written. */
static int close_outputs(struct sq_supervisor *s, struct sq_run *r)
{
    int error = 0;
    for (size_t i = 0; i < SQ_LEN(r->outputs); i++) {
        int mine = r->outputs[i] ? sq_output_close(&s->outputs, r->outputs[i]) : 0;
        error = error ? error : mine;
        r->outputs[i] = NULL;
    }
    return error;
}

/* Everything of it is gone, or the rest is left to sq_run_scan: record and tell. */
static void finish(struct sq_supervisor *s, struct sq_run *r, bool empty)
{
    struct sq_err err;
    r->exit.oom = is_oom(s, r);
    r->exit.unwritten = close_outputs(s, r);
    if (sq_journal_append(&s->journal, &r->exit, &r->record, &err) < 0) {
        fprintf(stderr, "%s\n", err.text); /* it is still told, and kept in memory */
        r->record = -1;
    }
    sq_run_say(s, SQ_FRAME_EXITED, &r->exit, NULL);
    if (r->group && empty)
        sq_groups_give(&s->groups, r->group);
    else if (r->group)
        sq_group_abandon(r->group);
    /* What left even its cgroup (a login) is looked for when it cannot be another's. */
    s->may_scan |= !r->group || s->live->next == NULL;
    r->group = NULL;
    move_to_ended(s, r);
}

static void drain(struct sq_supervisor *s, struct sq_run *r)
{
    struct epoll_event watch = {.events = EPOLLPRI, .data.u64 = SQ_SUP_TAG_DRAIN};
    sq_group_kill(r->group);
    r->state = SQ_RUN_DRAINING;
    r->drain_until = sq_monotonic() + DRAIN_US;
    if (r->group->events_fd >= 0)
        epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, r->group->events_fd, &watch);
}

static void undrain(struct sq_supervisor *s, struct sq_run *r, bool empty)
{
    if (r->group->events_fd >= 0)
        epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, r->group->events_fd, NULL);
    finish(s, r, empty);
}

/* The next zombie among our children; 0: none now, -1: we have no child at all. */
static pid_t next_zombie(void)
{
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
        return info.si_pid;
    return -1;
}

/* Look for strays soon, if what ended may have left some and we have children at all.
 */
static void arm_scan(struct sq_supervisor *s, pid_t zombie)
{
    if (zombie >= 0 && s->may_scan && !s->scan_at)
        s->scan_at = sq_monotonic() + SCAN_US;
    s->may_scan = false;
}

void sq_run_drain(struct sq_supervisor *s)
{
    struct sq_run *next;
    int64_t now = sq_monotonic();
    for (struct sq_run *r = s->live; r; r = next) {
        next = r->next;
        if (r->state != SQ_RUN_DRAINING)
            continue;
        bool empty = !sq_group_populated(r->group);
        if (empty || now >= r->drain_until)
            undrain(s, r, empty);
        else if (r->group->v1) /* killed one by one: some may have forked */
            sq_group_kill(r->group);
    }
    arm_scan(s, s->may_scan ? next_zombie() : -1);
}

int64_t sq_run_drain_time(const struct sq_supervisor *s)
{
    int64_t at = 0;
    for (const struct sq_run *r = s->live; r; r = r->next) {
        if (r->state != SQ_RUN_DRAINING)
            continue;
        int64_t mine = r->group->v1 ? sq_monotonic() + RESCAN_US : r->drain_until;
        if (!at || mine < at)
            at = mine;
    }
    return at;
}

static void command_ended(struct sq_supervisor *s, struct sq_run *r, int status,
                          const struct rusage *used)
{
    r->exit.end = sq_now();
    r->exit.status = status;
    r->exit.cpu_us = (used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1000000 +
                     used->ru_utime.tv_usec + used->ru_stime.tv_usec;
    r->exit.peak_bytes = used->ru_maxrss * 1024;
    if (r->group && sq_group_populated(r->group))
        drain(s, r);
    else
        finish(s, r, true);
}

void sq_run_reap(struct sq_supervisor *s)
{
    struct rusage used;
    int status;
    pid_t pid;
    while ((pid = next_zombie()) > 0) {
        struct sq_run *r = s->live;
        while (r && (r->pid != pid || r->state != SQ_RUN_LIVE))
            r = r->next;
        if (r && !r->group) /* not reaped: the number is still the process group's */
            kill(-pid, SIGKILL);
        if (wait4(pid, &status, WNOHANG, &used) == pid && r)
            command_ended(s, r, status, &used);
    }
    arm_scan(s, pid);
}

void sq_run_scan(struct sq_supervisor *s)
{
    size_t n = 0;
    for (struct sq_run *r = s->live; r; r = r->next)
        n++;
    struct sq_live *live = calloc(n + 1, sizeof *live);
    s->scan_at = 0;
    if (!live)
        return; /* the next exit brings us here again */
    n = 0;
    for (struct sq_run *r = s->live; r; r = r->next)
        live[n++] = (struct sq_live){r->id, r->pid};
    if (sq_tree_kill_strays(s->state_dir, live, n))
        s->scan_at = sq_monotonic() + RESCAN_US;
    free(live);
}

/* The texts of a spawn, cut out of its frame. */
struct texts {
    const char **at;
    size_t n;
};

static bool cut_texts(const struct sq_frame *f, struct texts *t, size_t want)
{
    const char *p = f->data + sizeof(struct sq_frame_spawn), *end = f->data + f->len;
    while (t->n < want && p < end) {
        const char *zero = memchr(p, 0, (size_t)(end - p));
        if (!zero)
            return false;
        t->at[t->n++] = p;
        p = zero + 1;
    }
    return t->n == want && p == end;
}

static bool is_mark(const char *entry)
{
    return strncmp(entry, SQ_MARK_SUPERVISED "=", sizeof SQ_MARK_SUPERVISED) == 0 ||
           strncmp(entry, SQ_MARK_EXECUTION "=", sizeof SQ_MARK_EXECUTION) == 0;
}

/* argv and envp as execve wants them, our marks first, in one allocation. */
static const char **make_vectors(char *const marks[2],
                                 const struct sq_frame_spawn *head, const char **texts)
{
    const char **v = calloc((size_t)head->argc + head->envc + 4, sizeof *v);
    size_t n = 0;
    if (!v)
        return NULL;
    for (uint32_t i = 0; i < head->argc; i++)
        v[n++] = texts[i];
    v[n++] = NULL;
    v[n++] = marks[0];
    v[n++] = marks[1];
    for (uint32_t i = 0; i < head->envc; i++)
        if (!is_mark(texts[head->argc + i]))
            v[n++] = texts[head->argc + i];
    return v;
}

/* Into a group if there are any.  *ret_gone: the group vanished meanwhile. */
static int start_in_group(struct sq_supervisor *s, struct sq_run *r,
                          struct sq_start *start, bool *ret_gone, struct sq_err *err)
{
    *ret_gone = false;
    r->group = sq_groups_take(&s->groups);
    if (r->group) {
        start->group_fd = r->group->v1 ? -1 : r->group->dir_fd;
        start->join_fd = r->group->join_fd;
    }
    int code = sq_start_command(start, &r->pid, err);
    if (code < 0 && r->group) {
        *ret_gone = !sq_group_is_there(r->group);
        sq_groups_give(&s->groups, r->group);
        r->group = NULL;
    }
    return code;
}

/* Managers remove groups that look empty, as one does until its command is in it: then
 * once more, in another.  A machine that has groups but refuses to start in them is
 * from then on treated as one that has none. */
static int start_somewhere(struct sq_supervisor *s, struct sq_run *r,
                           struct sq_start *start, struct sq_err *err)
{
    bool gone;
    int code = start_in_group(s, r, start, &gone, err);
    if (code == SQ_EUNSUPPORTED && gone)
        code = start_in_group(s, r, start, &gone, err);
    if (code != SQ_EUNSUPPORTED)
        return code;
    fprintf(stderr, "%s: commands run without one\n", err->text);
    s->groups.base[0] = 0;
    start->group_fd = start->join_fd = -1;
    return sq_start_command(start, &r->pid, err);
}

static int start(struct sq_supervisor *s, struct sq_run *r,
                 const struct sq_frame_spawn *head, const char **texts,
                 struct sq_err *err)
{
    char supervised[PATH_MAX + sizeof SQ_MARK_SUPERVISED + 1];
    char execution[sizeof SQ_MARK_EXECUTION + 24];
    snprintf(supervised, sizeof supervised, "%s=%s", SQ_MARK_SUPERVISED, s->state_dir);
    snprintf(execution, sizeof execution, "%s=%" PRId64, SQ_MARK_EXECUTION, r->id);
    const char **v =
        make_vectors((char *const[]){supervised, execution}, head, texts + 3);
    if (!v)
        return sq_fail(err, SQ_ENOMEM, "out of memory starting %s", texts[3]);
    struct sq_start req = {.argv = (char *const *)v,
                           .envp = (char *const *)v + head->argc + 1,
                           .workdir = texts[0],
                           .stdout_fd = r->outputs[0]->write_fd,
                           .stderr_fd = r->outputs[1]->write_fd,
                           .group_fd = -1,
                           .join_fd = -1,
                           .reset_oom_score = s->reset_oom_score,
                           .files = &s->files};
    int code = start_somewhere(s, r, &req, err);
    free(v);
    return code;
}

static int spawn_texts(struct sq_supervisor *s, const struct sq_frame_spawn *head,
                       const char **texts, struct sq_err *err)
{
    struct sq_run *r = calloc(1, sizeof *r);
    if (!r)
        return sq_fail(err, SQ_ENOMEM, "out of memory starting %s", texts[3]);
    r->id = head->id;
    r->record = -1;
    r->exit.start = sq_now();
    int code = 0;
    for (size_t i = 0; i < SQ_LEN(r->outputs) && code == 0; i++)
        code =
            sq_output_open(&s->outputs, s->epoll_fd, texts[1 + i], &r->outputs[i], err);
    if (code == 0)
        code = start(s, r, head, texts, err);
    if (code < 0) {
        close_outputs(s, r);
        free(r);
        return code;
    }
    r->exit.id = r->id;
    r->exit.pid = r->pid;
    if (!counts_oom(r))
        r->oom_base = machine_oom_kills(s, true);
    r->next = s->live;
    s->live = r;
    say_pid(s, SQ_FRAME_STARTED, r);
    return 0;
}

static int spawn(struct sq_supervisor *s, const struct sq_frame *f,
                 struct sq_frame_spawn *head, struct sq_err *err)
{
    if (!sq_frame_fixed(f, head, sizeof *head) || head->argc < 1 ||
        head->argc > TEXTS_MAX || head->envc > TEXTS_MAX)
        return sq_fail(err, SQ_EPROTO, "a malformed request to start a command");
    if (s->kill_at)
        return sq_fail(err, SQ_ECANCELED, "the supervisor was told to stop");
    size_t want = 3 + (size_t)head->argc + head->envc;
    struct texts t = {.at = calloc(want, sizeof *t.at)};
    int code;
    if (!t.at)
        code = sq_fail(err, SQ_ENOMEM, "out of memory starting a command");
    else if (!cut_texts(f, &t, want))
        code = sq_fail(err, SQ_EPROTO, "a malformed request to start a command");
    else
        code = spawn_texts(s, head, t.at, err);
    free(t.at);
    return code;
}

void sq_run_spawn(struct sq_supervisor *s, const struct sq_frame *f)
{
    struct sq_frame_spawn head = {0};
    struct sq_err err;
    struct sq_run *r;
    s->quitting = false;
    /* Asked twice (the worker does not know that its first request arrived): once. */
    if (sq_frame_fixed(f, &head, sizeof head) && (r = *find(&s->live, head.id)))
        say_pid(s, SQ_FRAME_STARTED, r);
    else if ((r = *find(bucket(s, head.id), head.id)))
        sq_run_say(s, SQ_FRAME_EXITED, &r->exit, NULL);
    else if (spawn(s, f, &head, &err) < 0)
        sq_run_say(s, SQ_FRAME_FAILED, &(struct sq_frame_event){.id = head.id},
                   err.text);
}

/* Who left the group (systemd-run --scope, a login, cgexec) is found as its relations.
 * To be killed the command comes first, so that it sees nobody else's end; what is told
 * otherwise is told once. */
static void signal_tree(struct sq_supervisor *s, struct sq_run *r, int signal)
{
    struct sq_live command = {r->id, r->pid};
    bool kills = signal == SIGKILL;
    if (r->group && !kills)
        sq_group_signal(r->group, signal);
    sq_tree_signal(s->state_dir, &command, kills ? NULL : r->group, signal);
    if (r->group && kills)
        sq_group_kill(r->group);
}

static void signal_run(struct sq_supervisor *s, struct sq_run *r, int signal)
{
    if (r->state != SQ_RUN_LIVE)
        return;
    r->killed |= signal == SIGKILL;
    signal_tree(s, r, signal == SIGTSTP ? SIGSTOP : signal);
    /* A paused process would keep the request to end until it is resumed. */
    if (signal == SIGTERM || signal == SIGQUIT || signal == SIGINT || signal == SIGHUP)
        signal_tree(s, r, SIGCONT);
}

void sq_run_signal(struct sq_supervisor *s, int64_t id, int signal)
{
    struct sq_run *r = *find(&s->live, id);
    if (r)
        signal_run(s, r, signal);
}

void sq_run_signal_all(struct sq_supervisor *s, int signal)
{
    for (struct sq_run *r = s->live; r; r = r->next)
        signal_run(s, r, signal);
}

/* After compaction: the run is known, its line is elsewhere. */
static void move_record(void *supervisor, const struct sq_frame_event *exit, off_t at)
{
    struct sq_supervisor *s = supervisor;
    struct sq_run *r = *find(bucket(s, exit->id), exit->id);
    if (r)
        r->record = at;
}

void sq_run_forget(struct sq_supervisor *s, int64_t id)
{
    struct sq_err err;
    struct sq_run **at = find(bucket(s, id), id), *r = *at;
    if (!r)
        return;
    *at = r->next;
    if (r->record >= 0)
        sq_journal_forget(&s->journal, r->record);
    free(r);
    if (sq_journal_compact(&s->journal, s->dir_fd, SQ_SUP_JOURNAL, move_record, s,
                           &err) < 0)
        fprintf(stderr, "%s\n", err.text);
}

void sq_run_restore(void *supervisor, const struct sq_frame_event *exit, off_t record)
{
    struct sq_supervisor *s = supervisor;
    struct sq_run *r = calloc(1, sizeof *r);
    if (!r)
        return;
    *r = (struct sq_run){.next = *bucket(s, exit->id),
                         .id = exit->id,
                         .pid = (pid_t)exit->pid,
                         .state = SQ_RUN_ENDED,
                         .exit = *exit,
                         .record = record};
    *bucket(s, exit->id) = r;
}

void sq_run_tell_all(struct sq_supervisor *s)
{
    for (int i = 0; i < SQ_RUN_BUCKETS; i++)
        for (struct sq_run *r = s->ended[i]; r; r = r->next)
            sq_run_say(s, SQ_FRAME_EXITED, &r->exit, NULL);
    for (struct sq_run *r = s->live; r; r = r->next)
        say_pid(s, SQ_FRAME_RUNNING, r);
    sq_run_say(s, SQ_FRAME_READY, &(struct sq_frame_event){0}, NULL);
}

void sq_run_free_all(struct sq_supervisor *s)
{
    for (int i = 0; i < SQ_RUN_BUCKETS; i++)
        while (s->ended[i]) {
            struct sq_run *r = s->ended[i];
            s->ended[i] = r->next;
            free(r);
        }
}
