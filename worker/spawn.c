/* Starting a command: its words, its environment, the request to the supervisor. */
#include "worker/tasks_impl.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/words.h"
#include "worker/memo.h"

extern char **environ;

static const char normal_path[] =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* Of this process and no task's business: our settings may hold secrets, and the rest
 * is what a service manager tells its services. */
static bool is_private(const char *variable)
{
    static const char *const names[] = {
        "SCITQ_",  "NOTIFY_SOCKET=", "JOURNAL_STREAM=",  "INVOCATION_ID=",
        "LISTEN_", "WATCHDOG_",      "SYSTEMD_EXEC_PID="};
    static const char *const ours[] = {
        "INPUT=", "OUTPUT=", "RESOURCE=", "TEMP=", "CPU="};
    for (size_t i = 0; i < SQ_LEN(names); i++)
        if (strncmp(variable, names[i], strlen(names[i])) == 0)
            return true;
    for (size_t i = 0; i < SQ_LEN(ours); i++)
        if (strncmp(variable, ours[i], strlen(ours[i])) == 0)
            return true;
    return false;
}

static bool add(struct sq_tasks *t, const char *text)
{
    char *copy = strdup(text);
    t->base_env[t->n_base_env] = copy;
    t->n_base_env += copy != NULL;
    return copy != NULL;
}

static bool add_home(struct sq_tasks *t)
{
    char text[4200];
    const struct passwd *user = getpwuid(getuid());
    snprintf(text, sizeof text, "HOME=%s",
             user && user->pw_dir[0] ? user->pw_dir : "/");
    return add(t, text);
}

int sq_spawn_init(struct sq_tasks *t, struct sq_err *err)
{
    size_t n = 0;
    while (environ[n])
        n++;
    t->base_env = calloc(n + 3, sizeof *t->base_env);
    bool ok = t->base_env != NULL;
    for (size_t i = 0; ok && i < n; i++)
        if (!is_private(environ[i]))
            ok = add(t, environ[i]);
    if (ok && !getenv("PATH"))
        ok = add(t, normal_path);
    if (ok && !getenv("HOME"))
        ok = add_home(t);
    return ok ? 0 : sq_fail(err, SQ_ENOMEM, "no memory for the environment");
}

void sq_spawn_fini(struct sq_tasks *t)
{
    for (size_t i = 0; i < t->n_base_env; i++)
        free(t->base_env[i]);
    free(t->base_env);
}

int64_t sq_spawn_cpu(const struct sq_tasks *t)
{
    int64_t share = t->concurrency > 0 ? t->cores / t->concurrency : t->cores;
    return share > 0 ? share : 1;
}

static char **environment(struct sq_tasks *t, const struct sq_workdir *d)
{
    static const char *const folders[][2] = {{"INPUT", "input"},
                                             {"OUTPUT", "output"},
                                             {"RESOURCE", "resource"},
                                             {"TEMP", "tmp"}};
    size_t n = t->n_base_env;
    char **env = sq_arena_array(&t->arena, n + SQ_LEN(folders) + 2, sizeof *env);
    if (!env)
        return NULL;
    memcpy(env, t->base_env, n * sizeof *env);
    for (size_t i = 0; i < SQ_LEN(folders); i++)
        env[n++] = sq_arena_printf(&t->arena, "%s=%s/%s", folders[i][0], d->path,
                                   folders[i][1]);
    env[n++] = sq_arena_printf(&t->arena, "CPU=%lld", (long long)sq_spawn_cpu(t));
    for (size_t i = t->n_base_env; i < n; i++)
        if (!env[i])
            return NULL;
    return env;
}

int sq_spawn_save(struct sq_execution *e, struct sq_err *err)
{
    enum { MEMO_MAX = 16 << 20 };
    const struct sq_container *c = e->container;
    struct sq_buf text SQ_CLEANUP(sq_buf_fini);
    sq_buf_init(&text, MEMO_MAX);
    if (!e->command)
        return sq_workdir_save(e->dir, NULL, err);
    sq_memo_write(
        &(struct sq_memo){.command = e->command,
                          .container = c ? c->image : NULL,
                          .container_options = c ? c->options : NULL,
                          .runtime = c && c->id ? sq_runtime_name(c->runtime) : NULL,
                          .container_id = c ? c->id : NULL,
                          .input = e->input,
                          .resource = e->resource,
                          .output = e->output},
        &text);
    if (!sq_buf_ok(&text))
        return sq_fail(err, SQ_ENOMEM, "the command is too long to be written down");
    return sq_workdir_save(e->dir, text.data ? text.data : "", err);
}

int sq_spawn_ask(struct sq_tasks *t, struct sq_execution *e, char *const *words,
                 bool own, struct sq_err *err)
{
    static const char nowhere[] = "/dev/null";
    const struct sq_spawn req = {
        .id = e->id,
        .argv = words,
        .envp = environment(t, e->dir),
        .workdir = e->dir->path,
        .stdout_path =
            own ? sq_arena_printf(&t->arena, "%s/.stdout", e->dir->path) : nowhere,
        .stderr_path =
            own ? sq_arena_printf(&t->arena, "%s/.stderr", e->dir->path) : nowhere,
    };
    if (!req.envp || !req.stdout_path || !req.stderr_path)
        return sq_fail(err, SQ_ENOMEM, "no memory to start the command");
    /* Said before it is done: whoever finds this must ask the supervisor. */
    snprintf(e->dir->header.instance, sizeof e->dir->header.instance, "%s",
             t->sup_instance);
    e->dir->header.stage = SQ_DIR_STARTED;
    int rc = sq_spawn_save(e, err);
    if (!rc)
        rc = sq_sup_spawn(t->sup, &req, err);
    e->spawned = rc == 0;
    return rc;
}

int sq_spawn_start(struct sq_tasks *t, struct sq_execution *e, struct sq_err *err)
{
    char **words;
    size_t n;
    sq_arena_reset(&t->arena);
    int rc = sq_words_split(e->command, &t->arena, &words, &n, err);
    if (rc)
        return rc;
    if (n == 0)
        return sq_fail(err, SQ_EINVAL, "the command is empty");
    rc = sq_spawn_ask(t, e, words, true, err);
    sq_supervision_flush(t);
    return rc;
}
