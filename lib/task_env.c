/* The environment of commands, and the folders they work in. */
#include "lib/task_env.h"

#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "lib/util.h"

extern char **environ;

static const char normal_path[] =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const char *const sq_task_folders[] = {"input", "output", "resource", "tmp", NULL};
/* The variables that name them, in the same order. */
static const char *const folder_names[] = {"INPUT", "OUTPUT", "RESOURCE", "TEMP"};

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

static bool add(struct sq_task_env *e, const char *text)
{
    char *copy = strdup(text);
    e->base[e->n] = copy;
    e->n += copy != NULL;
    return copy != NULL;
}

static bool add_home(struct sq_task_env *e)
{
    char text[4200];
    const struct passwd *user = getpwuid(getuid());
    snprintf(text, sizeof text, "HOME=%s",
             user && user->pw_dir[0] ? user->pw_dir : "/");
    return add(e, text);
}

int sq_task_env_init(struct sq_task_env *e, struct sq_err *err)
{
    size_t n = 0;
    while (environ[n])
        n++;
    *e = (struct sq_task_env){.base = calloc(n + 3, sizeof *e->base)};
    bool ok = e->base != NULL;
    for (size_t i = 0; ok && i < n; i++)
        if (!is_private(environ[i]))
            ok = add(e, environ[i]);
    if (ok && !getenv("PATH"))
        ok = add(e, normal_path);
    if (ok && !getenv("HOME"))
        ok = add_home(e);
    return ok ? 0 : sq_fail(err, SQ_ENOMEM, "no memory for the environment");
}

void sq_task_env_fini(struct sq_task_env *e)
{
    for (size_t i = 0; i < e->n; i++)
        free(e->base[i]);
    free(e->base);
    *e = (struct sq_task_env){0};
}

const char *sq_task_env_path(const struct sq_task_env *e)
{
    for (size_t i = 0; i < e->n; i++)
        if (strncmp(e->base[i], "PATH=", 5) == 0)
            return e->base[i] + 5;
    return "";
}

char **sq_task_env_make(const struct sq_task_env *e, const char *dir, int64_t cpu,
                        struct sq_arena *arena)
{
    size_t n = e->n;
    char **env = sq_arena_array(arena, n + SQ_LEN(folder_names) + 2, sizeof *env);
    if (!env)
        return NULL;
    memcpy(env, e->base, n * sizeof *env);
    for (size_t i = 0; i < SQ_LEN(folder_names); i++)
        env[n++] = sq_arena_printf(arena, "%s=%s/%s", folder_names[i], dir,
                                   sq_task_folders[i]);
    env[n++] = sq_arena_printf(arena, "CPU=%lld", (long long)cpu);
    for (size_t i = e->n; i < n; i++)
        if (!env[i])
            return NULL;
    return env;
}

char *sq_task_base(const char *told, const char *state)
{
    struct stat st;
    char *path;
    if (!told && stat("/scratch", &st) == 0 && S_ISDIR(st.st_mode))
        told = "/scratch";
    if (told)
        return strdup(told);
    return asprintf(&path, "%s/work", state) < 0 ? NULL : path;
}

int sq_task_cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : get_nprocs();
}

const char *sq_task_fetch_program(void)
{
    const char *told = getenv("SCITQ_FETCH");
    return told && *told ? told : SQ_BINDIR "/scitq-fetch";
}
