/* What an exit means: success or failure, the return code, and the line that is added
 * to the error stream when the command did not simply end. */
#include "worker/tasks_impl.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/utf8.h"

enum { NOT_STORED = -1000 }; /* scitq's code for results that could not be kept */

const char *sq_verdict_signal(int signal)
{
    static char text[64];
    const char *name = sigabbrev_np(signal);
    if (name)
        snprintf(text, sizeof text, "signal %d (SIG%s)", signal, name);
    else
        snprintf(text, sizeof text, "signal %d", signal);
    return text;
}

static void set_note(struct sq_execution *e, const char *fmt, va_list args)
{
    char text[1200];
    size_t len = (size_t)snprintf(text, sizeof text, "scitq: ");
    vsnprintf(text + len, sizeof text - len, fmt, args);
    for (char *p = text; *p; p++) /* one line, of text: a line of the spool holds it */
        if (*p == '\n' || *p == '\r')
            *p = ' ';
    if (!sq_utf8_valid(text, strlen(text)))
        for (char *p = text; *p; p++)
            if ((unsigned char)*p >= 0x80)
                *p = '?';
    free(e->note);
    e->note = strdup(text);
}

void sq_verdict_note(struct sq_execution *e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    set_note(e, fmt, args);
    va_end(args);
}

void sq_verdict_add(struct sq_execution *e, const char *words)
{
    if (e->note) /* "scitq: " is written again */
        sq_verdict_note(e, "%s; %s", e->note + strlen("scitq: "), words);
    else
        sq_verdict_note(e, "%s", words);
}

void sq_verdict_missing(struct sq_execution *e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    set_note(e, fmt, args);
    va_end(args);
    if (e->succeeded)
        e->return_code = NOT_STORED;
    e->succeeded = false;
}

void sq_verdict(struct sq_execution *e, const struct sq_exit *exit)
{
    double gib = (double)exit->peak_bytes / (1 << 30);
    e->succeeded = WIFEXITED(exit->status) && WEXITSTATUS(exit->status) == 0;
    e->return_code =
        WIFSIGNALED(exit->status) ? -WTERMSIG(exit->status) : WEXITSTATUS(exit->status);
    if (exit->oom)
        sq_verdict_note(e,
                        "out of memory: the kernel killed %s of this task, whose "
                        "largest process had %.2f GiB",
                        WIFSIGNALED(exit->status) ? "the command" : "a process", gib);
    else if (WIFSIGNALED(exit->status))
        sq_verdict_note(e, "killed by %s", sq_verdict_signal(WTERMSIG(exit->status)));
    /* A command that writes on gets SIGPIPE: this says more than that does. */
    if (exit->unwritten)
        sq_verdict_missing(e, "output is missing here: the worker cannot write it: %s",
                           strerror(exit->unwritten));
}
