/* Starting a command: its words, the request to the supervisor. */
#include "worker/tasks_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/words.h"
#include "worker/memo.h"

int64_t sq_spawn_cpu(const struct sq_tasks *t)
{
    int64_t share = t->concurrency > 0 ? t->cores / t->concurrency : t->cores;
    return share > 0 ? share : 1;
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
        .envp = sq_task_env_make(&t->env, e->dir->path, sq_spawn_cpu(t), &t->arena),
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
