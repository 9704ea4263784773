/* What the end of a container means: success or failure, the return code, and the line
 * that is added to the error stream.  The engine's own 125, 126 and 127 are told from
 * the command's by what the engine, or the init in the container, said. */
#include "worker/containers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/oom.h"
#include "worker/tasks_impl.h"

enum { ENGINE_FAILED = 125, NOT_RUNNABLE = 126, NOT_FOUND = 127, BY_SIGNAL = 128 };
enum { SIGNAL_MAX = 64 };

void sq_container_stderr_end(const struct sq_container *c, char text[SQ_CT_END])
{
    const struct sq_execution *e = c->e;
    int64_t size = sq_workdir_output_size(e->dir, SQ_STDERR);
    int64_t from = size > SQ_CT_END - 1 ? size - (SQ_CT_END - 1) : 0;
    int fd SQ_CLEANUP(sq_closep) = sq_workdir_open_output(e->dir, SQ_STDERR, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : pread(fd, text, SQ_CT_END - 1, from);
    text[n > 0 ? n : 0] = 0;
}

enum oom { NO_OOM, OOM_LIKELY, OOM };

/* docker tells; podman does not always: then the kernel's log does, and where that may
 * not be read all that is known is that somebody on this machine was killed so. */
static enum oom find_oom(const struct sq_container *c,
                         const struct sq_container_state *s)
{
    if (s->oom)
        return s->exit_code != 0 ? OOM : NO_OOM;
    if (s->exit_code != BY_SIGNAL + SIGKILL || c->deadly)
        return NO_OOM;
    bool is_counted = c->oom_base >= 0;
    if (is_counted && sq_oom_kills() <= c->oom_base)
        return NO_OOM;
    int logged = sq_oom_logged(c->id);
    if (logged >= 0)
        return logged ? OOM : NO_OOM;
    return is_counted ? OOM_LIKELY : NO_OOM;
}

/* SIGQUIT too is sent as the engine stops a container: SIGTERM, then SIGKILL. */
static bool is_end_of(int signal, int sent)
{
    return signal == sent || signal == SIGKILL ||
           (signal == SIGTERM && sent == SIGQUIT);
}

static void explain_code(struct sq_container *c, const struct sq_container_state *s)
{
    struct sq_execution *e = c->e;
    char end[SQ_CT_END], why[400];
    int code = s->exit_code, signal = code - BY_SIGNAL;
    sq_container_stderr_end(c, end);
    enum oom oom = find_oom(c, s);
    int failed = code ? sq_container_init_failed(end, why, sizeof why) : 0;
    if (failed) {
        e->return_code = failed;
        sq_verdict_note(e, "the command cannot be run in the image %s: %s", c->image,
                        why);
    } else if (oom == OOM) {
        sq_verdict_note(e, "out of memory: the kernel killed a process of this task's "
                           "container");
    } else if (oom == OOM_LIKELY) {
        sq_verdict_note(e, "out of memory, it seems: the command was killed by SIGKILL "
                           "while the kernel killed processes of this machine for lack "
                           "of memory");
    } else if (c->deadly && is_end_of(signal, c->deadly)) {
        e->return_code = -c->deadly;
        sq_verdict_note(e, "killed by %s", sq_verdict_signal(c->deadly));
    } else if (signal > 0 && signal <= SIGNAL_MAX) {
        sq_verdict_note(e,
                        "%d is what a container ends with when its command is "
                        "killed by %s",
                        code, sq_verdict_signal(signal));
    } else if (code && s->error[0]) {
        sq_verdict_note(e, "%s says of the container: %s", sq_runtime_name(c->runtime),
                        s->error);
    }
}

void sq_container_judge(struct sq_container *c, const struct sq_container_state *s)
{
    struct sq_execution *e = c->e;
    e->succeeded = s->exit_code == 0;
    e->return_code = s->exit_code;
    explain_code(c, s);
    if (c->blind)
        sq_verdict_missing(e, "output is missing here: the container was left alone "
                              "for a while, and its log driver is not ours");
    if (c->unwritten)
        sq_verdict_missing(e, "output is missing here: the worker cannot write it: %s",
                           strerror(c->unwritten));
    sq_tasks_step(c->t, e, SQ_EV_EXITED);
}

void sq_container_judge_unstarted(struct sq_container *c,
                                  const struct sq_container_state *s)
{
    struct sq_execution *e = c->e;
    char end[SQ_CT_END], why[800];
    sq_container_stderr_end(c, end);
    const char *error = s->error[0] ? s->error : end;
    sq_container_explain(c->runtime, c->image, error, why, sizeof why);
    e->succeeded = false;
    e->return_code = ENGINE_FAILED;
    if (sq_container_complaint(error) == SQ_CT_COMMAND)
        e->return_code = strcasestr(error, "denied") ? NOT_RUNNABLE : NOT_FOUND;
    sq_verdict_note(e, "%s", why);
    sq_tasks_step(c->t, e, SQ_EV_EXITED);
}

void sq_container_judge_absent(struct sq_container *c)
{
    struct sq_execution *e = c->e;
    int status = c->exit.status;
    if (!c->exited || c->verb != SQ_CT_START || !WIFEXITED(status)) {
        sq_tasks_refuse(c->t, e, -SIGKILL, SQ_EV_LOST,
                        "the container is gone: somebody else removed it");
        return;
    }
    e->succeeded = WEXITSTATUS(status) == 0;
    e->return_code = WEXITSTATUS(status);
    if (!e->succeeded)
        sq_verdict_note(e, "the container is gone: somebody else removed it");
    sq_tasks_step(c->t, e, SQ_EV_EXITED);
}
