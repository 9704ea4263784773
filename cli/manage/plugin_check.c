/* scitq-manage plugin check FILE: is this module right?
 *
 * It is loaded and opened as its program would, tried as far as that needs no storage
 * (plugin_alone.c) or no machine (plugin_provider.c), and, with --uri, on a folder of a
 * storage (plugin_trial.c); what was not tried is said.  All that happens in a child
 * process, since a wrong module may crash: that is then the answer. */
#include "cli/manage/commands.h"
#include "cli/manage/plugin.h"
#include "cli/manage/plugin_alone.h"
#include "cli/manage/plugin_trial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/host.h"

static const struct sq_opt options[] = {
    SQ_OPT_PLUGIN_CONFIG,
    {.name = "uri",
     .letter = 'u',
     .kind = SQ_OPT_TEXT,
     .value = "URI",
     .help = "try its operations: in a new folder below this one (ending in /), or, "
             "where nothing can be stored, on this file"},
    {0},
};

static void tell_rest(struct sq_cli *cli, const char *uri)
{
    fprintf(cli->out, uri ? "not tried: large files and thousands of them, connections "
                            "that break, full disks, refused credentials\n"
                          : "not tried, since that takes a place: that the same bytes "
                            "come back, odd names, lists, replacing, removing, being "
                            "canceled half-way; -u URI does (a folder, in which a new "
                            "one is made and removed)\n");
}

static int try_provider(struct sq_cli *cli, const struct sq_plugin *p,
                        struct sq_host *host, const char *uri, struct sq_err *err)
{
    if (uri)
        return sq_fail(err, SQ_EINVAL, "--uri is for storages, and %s is a provider",
                       p->name);
    int rc = sq_plugin_provider_check(cli->out, p, host, err);
    if (rc == 0)
        fprintf(cli->out, "not tried, since that takes machines: launching, finding "
                          "and destroying them (tests/contract/provider in scitq's "
                          "source does)\n");
    sq_host_redact(host, err->text);
    return rc;
}

static int try_on(struct sq_cli *cli, const struct sq_plugin *p, struct sq_host *host,
                  const char *uri, struct sq_err *err)
{
    struct sq_storage *s = NULL;
    int rc = sq_plugin_alone(cli->out, p, host, err);
    if (rc == 0 && uri)
        rc = p->storage->open(host, &s, err);
    if (rc == 0 && uri)
        rc = sq_plugin_trial(cli->out, p, s, uri, err);
    if (s)
        p->storage->close(s);
    if (rc == 0)
        tell_rest(cli, uri);
    sq_host_redact(host, err->text);
    return rc;
}

static int try_module(struct sq_cli *cli, const char *settings, const char *uri,
                      const struct sq_plugin *p, struct sq_err *err)
{
    struct sq_host *host;
    char dir[] = "/tmp/scitq-check-XXXXXX";
    struct sq_host_conf conf = {.settings = settings,
                                .folder = p->provider ? mkdtemp(dir) : NULL};
    fprintf(cli->out,
            "ok: a shared object for this machine, ABI %#x, tables in order\n"
            "ok: %s plugin %s, serves %s\n",
            p->storage ? p->storage->abi : p->provider->abi,
            p->storage ? "storage" : "provider", p->name, sq_plugin_serves(cli, p));
    int rc = sq_host_new(p, &conf, &host, err);
    if (rc == 0) {
        rc = p->storage ? try_on(cli, p, host, uri, err)
                        : try_provider(cli, p, host, uri, err);
        sq_host_free(host);
    }
    if (conf.folder)
        sq_dir_remove(conf.folder, NULL);
    return rc;
}

/* In the child. */
static int examine(struct sq_cli *cli, const char *settings, const char *uri,
                   struct sq_err *err)
{
    struct sq_plugins *ps;
    const struct sq_plugin *p = NULL;
    /* Alone: beside the installed one it would be its double. */
    int rc = sq_plugins_load("/dev/null", &ps, err);
    if (rc)
        return rc;
    rc = sq_plugins_add(ps, cli->word, &p, err);
    if (rc == 0 && p->problem)
        rc = sq_fail(err, SQ_EINVAL, "%s: %s", p->path, p->problem);
    if (rc == 0)
        rc = try_module(cli, settings, uri, p, err);
    sq_plugins_free(ps);
    return rc;
}

/* Of the child: 0, or its sentence through the pipe. */
static int read_verdict(int fd, pid_t pid, const char *file, struct sq_err *err)
{
    int status;
    struct sq_err said;
    ssize_t n;
    do
        n = read(fd, &said, sizeof said);
    while (n < 0 && errno == EINTR);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return sq_fail(err, SQ_EIO, "cannot wait: %s", strerror(errno));
    if (WIFSIGNALED(status))
        return sq_fail(err, SQ_EINVAL, "%s crashed: %s", file,
                       strsignal(WTERMSIG(status)));
    if (n == sizeof said && said.code)
        return sq_fail(err, said.code, "%s", said.text);
    return n == sizeof said && WEXITSTATUS(status) == 0
               ? 0
               : sq_fail(err, SQ_EINVAL, "%s ended the program with exit code %d", file,
                         WEXITSTATUS(status));
}

static int run(struct sq_cli *cli, struct sq_err *err)
{
    const char *uri = sq_args_text(&cli->args, "uri");
    SQ_CLEANUP(sq_freep) char *settings = sq_plugin_settings(cli);
    int pair[2];
    fflush(cli->out);
    if (pipe(pair))
        return sq_fail(err, SQ_EIO, "cannot make a pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        struct sq_err said = {0};
        close(pair[0]);
        said.code = examine(cli, settings, uri, &said);
        fflush(cli->out);
        _exit(write(pair[1], &said, sizeof said) == sizeof said ? 0 : 1);
    }
    close(pair[1]);
    int rc = pid < 0
                 ? sq_fail(err, SQ_EIO, "cannot start a process: %s", strerror(errno))
                 : read_verdict(pair[0], pid, cli->word, err);
    close(pair[0]);
    return rc;
}

const struct sq_verb sq_verb_plugin_check = {
    .name = "check",
    .help = "load a plugin and, with --uri, try what it promises",
    .options = options,
    .run = run,
    .word = "FILE",
    .lines = true,
};
