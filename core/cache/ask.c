/* The list as JSON to the child's standard input, its lines back into the questions. */
#include "core/cache/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/jsonio.h"
#include "lib/run.h"

/* A task's row is 4 MiB at most, and some tens of them are asked for together. */
enum { LIST_BYTES = 256 * 1024 * 1024 };

struct asking {
    struct sq_call call; /* first: how `canceled` finds the rest */
    struct sq_asker *asker;
    struct sq_question *questions;
    size_t n;
    char words[200]; /* the last line of its standard error */
};

int sq_asker_init(struct sq_asker *a, const char *settings,
                  const struct sq_tuned *tuned, struct sq_err *err)
{
    const char *told = getenv("SCITQ_FETCH");
    *a = (struct sq_asker){.settings = settings, .tuned = tuned};
    a->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    a->program = strdup(told && *told ? told : SQ_BINDIR "/scitq-fetch");
    if (a->stop_fd >= 0 && a->program)
        return 0;
    sq_asker_fini(a);
    return sq_fail(err, SQ_ENOMEM, "cannot prepare to run scitq-fetch: %s",
                   strerror(errno));
}

void sq_asker_fini(struct sq_asker *a)
{
    sq_closep(&a->stop_fd);
    a->stop_fd = -1;
    sq_freep(&a->program);
    a->program = NULL;
}

void sq_asker_stop(struct sq_asker *a)
{
    const uint64_t one = 1;
    atomic_store(&a->stopping, true);
    if (write(a->stop_fd, &one, sizeof one) < 0)
        atomic_store(&a->stopping, true); /* it is readable already */
}

static int canceled(const struct sq_call *call)
{
    return atomic_load(&((const struct asking *)call)->asker->stopping);
}

static void progress(struct sq_call *call, int64_t done_bytes, int64_t total_bytes)
{
    (void)call, (void)done_bytes, (void)total_bytes;
}

static void take_text(const json_t *answer, const char *key, char *to, size_t size)
{
    const char *text = json_string_value(json_object_get(answer, key));
    snprintf(to, size, "%s", text ? text : "");
}

static void take_answer(struct asking *a, const json_t *answer)
{
    json_int_t id = json_integer_value(json_object_get(answer, "id"));
    const char *event = json_string_value(json_object_get(answer, "event"));
    if (!event || id < 1 || (size_t)id > a->n || strcmp(event, "progress") == 0)
        return;
    struct sq_question *q = &a->questions[id - 1];
    take_text(answer, "content", q->content, sizeof q->content);
    take_text(answer, "state", q->state, sizeof q->state);
    take_text(answer, "message", q->why, sizeof q->why);
    q->here = json_is_true(json_object_get(answer, "here"));
    q->done = strcmp(event, "done") == 0 &&
              (strcmp(q->op, "hash") != 0 || (q->content[0] && q->state[0]));
}

static int take_line(void *arg, int stream, const char *line, size_t len)
{
    struct asking *a = arg;
    json_t *answer;
    if (stream != 1) {
        snprintf(a->words, sizeof a->words, "%.*s", (int)len, line);
        return 0;
    }
    if (sq_json_parse(line, len, &answer, NULL) != 0)
        return 0; /* its question stays open */
    take_answer(a, answer);
    json_decref(answer);
    return 0;
}

static void add_text(struct sq_jw *w, const char *key, const char *value)
{
    if (!value)
        return;
    sq_jw_key(w, key);
    sq_jw_text(w, value);
}

static void write_list(struct sq_buf *out, const struct sq_question *q, size_t n,
                       int limit_s)
{
    struct sq_jw w;
    sq_jw_init(&w, out);
    sq_jw_open(&w, '{');
    sq_jw_key(&w, "jobs");
    sq_jw_open(&w, '[');
    for (size_t i = 0; i < n; i++) {
        sq_jw_open(&w, '{');
        sq_jw_key(&w, "id");
        sq_jw_int(&w, (int64_t)i + 1);
        add_text(&w, "op", q[i].op);
        add_text(&w, "uri", q[i].uri);
        add_text(&w, "names", q[i].names);
        add_text(&w, "to", q[i].to);
        sq_jw_close(&w);
    }
    sq_jw_close(&w);
    sq_jw_key(&w, "timeout_s");
    sq_jw_int(&w, limit_s);
    sq_jw_close(&w);
}

static int run(struct asking *a, const struct sq_buf *list, struct sq_err *err)
{
    char conf[4200] = "RCLONE_CONFIG";
    const char *settings = a->asker->settings;
    const char *rclone_conf = sq_tuning(a->asker->tuned)->rclone_conf;
    const char *const argv[] = {a->asker->program, "--worker", settings ? "-c" : NULL,
                                settings, NULL};
    const char *const env[] = {conf, NULL};
    int status = 0;
    if (rclone_conf)
        snprintf(conf, sizeof conf, "RCLONE_CONFIG=%.4000s", rclone_conf);
    const struct sq_run run = {.argv = argv,
                               .env = env,
                               .input = list->data,
                               .input_len = list->len,
                               .line = take_line,
                               .arg = a};
    int rc = sq_run_program(&a->call, &run, &status, err);
    if (rc == 0 && status != 0)
        rc = sq_fail(err, SQ_EIO, "%s ended with %d%s%s", a->asker->program, status,
                     a->words[0] ? ": " : "", a->words);
    return rc;
}

int sq_asker_ask(struct sq_asker *asker, struct sq_question *questions, size_t n,
                 int limit_s, struct sq_err *err)
{
    struct asking a = {.call = {.canceled = canceled,
                                .cancel_fd = asker->stop_fd,
                                .progress = progress},
                       .asker = asker,
                       .questions = questions,
                       .n = n};
    SQ_CLEANUP(sq_buf_fini) struct sq_buf list;
    sq_buf_init(&list, LIST_BYTES);
    if (n == 0)
        return 0;
    write_list(&list, questions, n, limit_s);
    return sq_buf_ok(&list) ? run(&a, &list, err)
                            : sq_fail(err, SQ_ETOOBIG, "too much to ask scitq-fetch");
}
