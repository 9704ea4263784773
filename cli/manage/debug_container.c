/* The command in a container: made, started in the foreground, asked what became of it,
 * removed; by the same command lines as a worker's (lib/container.h), but for its
 * standard input, which is ours. */
#include "cli/manage/debug.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/container.h"
#include "lib/run.h"

enum { LINE_BYTES = 64 << 20, ANSWER_BYTES = 1 << 20 };

struct engine {
    struct sq_debug *d;
    struct sq_arena arena;
    enum sq_runtime runtime;
    const char *program;
    char id[SQ_CT_ID];
    struct sq_buf said[2]; /* by the call under way: its two streams */
};

static int on_line(void *arg, int stream, const char *line, size_t len)
{
    struct engine *e = arg;
    struct sq_buf *said = &e->said[stream - 1];
    if (said->len + len + 2 <= ANSWER_BYTES) {
        sq_buf_add(said, line, len);
        sq_buf_addc(said, '\n');
    }
    /* An image may have to come first, which takes its time. */
    if (stream == 2 && isatty(STDERR_FILENO))
        fprintf(stderr, "%s\n", line);
    return 0;
}

/* What a stream said, as a text. */
static const char *words_of(struct sq_buf *said)
{
    sq_buf_addc(said, 0);
    return sq_buf_ok(said) ? said->data : "";
}

/* A call that is answered; *ret is its exit code. */
static int call(struct engine *e, char *const *line, int *ret, struct sq_err *err)
{
    struct sq_run run = {.argv = (const char *const *)line, .line = on_line, .arg = e};
    for (int i = 0; i < 2; i++)
        sq_buf_clear(&e->said[i]);
    return sq_run_program(NULL, &run, ret, err);
}

static char **line_of(struct engine *e, enum sq_container_verb verb)
{
    struct sq_container_call c = {
        .runtime = e->runtime, .program = e->program, .verb = verb, .id = e->id};
    return sq_container_line(&c, &e->arena);
}

/* The engine's complaint as our error. */
static int explain(struct engine *e, const char *complaint, struct sq_err *err)
{
    char text[400];
    sq_container_explain(e->runtime, e->d->container, complaint, text, sizeof text);
    return sq_fail(err, SQ_EIO, "%s", text);
}

static int create_line(struct engine *e, char ***ret, struct sq_err *err)
{
    const struct sq_debug *d = e->d;
    struct sq_container_spec s = {
        .runtime = e->runtime,
        .program = e->program,
        .image = d->container,
        .options = d->container_options,
        .command = d->command ? d->command : "",
        .dir = d->folder,
        .name = sq_arena_printf(&e->arena, "scitq-debug-%lld-%d", (long long)d->task_id,
                                (int)getpid()),
        .worker = "debug", /* no worker's: none sweeps it away */
        .task_id = d->task_id,
        .cpu = sq_task_cores(),
        .init = sq_runtime_has_init(e->runtime),
        .data = sq_container_has_data("/"),
        .talks = true,
        .terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
    };
    return s.name ? sq_container_create(&s, &e->arena, ret, err)
                  : sq_fail(err, SQ_ENOMEM, "out of memory");
}

static int create(struct engine *e, struct sq_err *err)
{
    char **line;
    int code = 0;
    int rc = create_line(e, &line, err);
    if (rc == 0)
        rc = call(e, line, &code, err);
    if (rc == 0 && (code != 0 || !sq_container_parse_id(words_of(&e->said[0]), e->id)))
        rc = explain(e, words_of(&e->said[1]), err);
    return rc;
}

/* The client's exit code is not always the command's: the engine knows. */
static int ask(struct engine *e, int *ret_code, struct sq_err *err)
{
    struct sq_container_state state;
    char **line = line_of(e, SQ_CT_ASK);
    int code = 0;
    int rc =
        line ? call(e, line, &code, err) : sq_fail(err, SQ_ENOMEM, "out of memory");
    if (rc)
        return rc;
    if (code != 0 || !sq_container_parse(words_of(&e->said[0]), &state))
        return explain(e, words_of(&e->said[1]), err);
    if (state.error[0])
        return explain(e, state.error, err);
    if (state.phase != SQ_CT_ENDED)
        return sq_fail(err, SQ_EIO, "%s left the container before it ended",
                       sq_runtime_name(e->runtime));
    if (state.oom)
        sq_cli_note(e->d->cli, "the container was killed: out of memory");
    *ret_code = state.exit_code;
    return 0;
}

static void remove_it(struct engine *e)
{
    struct sq_err err = {0};
    int code = 0;
    char **line = line_of(e, SQ_CT_REMOVE);
    int rc = line ? call(e, line, &code, &err) : SQ_ENOMEM;
    if (rc || code)
        sq_cli_note(e->d->cli, "the container %.12s stays: %.300s", e->id,
                    rc ? err.text : words_of(&e->said[1]));
}

static int run_it(struct engine *e, int *ret_code, struct sq_err *err)
{
    int status = 0;
    char **line = line_of(e, SQ_CT_TALK);
    int rc = line ? sq_debug_program(e->d, line, e->d->env.base, &status, err)
                  : sq_fail(err, SQ_ENOMEM, "out of memory");
    return rc ? rc : ask(e, ret_code, err);
}

static int choose(struct engine *e, struct sq_err *err)
{
    const char *told = sq_conf_text(e->d->conf, "SCITQ_CONTAINER_RUNTIME");
    const char *path = sq_task_env_path(&e->d->env);
    enum sq_runtime r = SQ_DOCKER;
    if (told && *told && !sq_runtime_parse(told, &r))
        return sq_fail(err, SQ_EINVAL,
                       "SCITQ_CONTAINER_RUNTIME=%.50s is neither docker nor podman",
                       told);
    int rc = sq_runtime_choose(told && *told ? (int)r : -1, path, &e->arena,
                               &e->runtime, err);
    return rc ? rc : sq_runtime_find(e->runtime, path, &e->arena, &e->program, err);
}

int sq_debug_container(struct sq_debug *d, int *ret_code, struct sq_err *err)
{
    struct engine e = {.d = d};
    sq_arena_init(&e.arena, LINE_BYTES);
    for (int i = 0; i < 2; i++)
        sq_buf_init(&e.said[i], ANSWER_BYTES + 2);
    int rc = choose(&e, err);
    if (rc == 0)
        rc = create(&e, err);
    if (rc == 0) {
        rc = run_it(&e, ret_code, err);
        remove_it(&e);
    }
    for (int i = 0; i < 2; i++)
        sq_buf_fini(&e.said[i]);
    sq_arena_fini(&e.arena);
    return rc;
}
