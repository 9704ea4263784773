/* Messages.  Fields that we do not know are passed over: a newer server may say
 * more.  Every answer is checked before any of it is acted upon. */
#include "worker/message.h"

#include <string.h>

#include "lib/jsonio.h"
#include "worker/facts.h"

/* Where NVIDIA's driver tells of its devices. */
#define GPUS "/proc/driver/nvidia/gpus"
#define SEQ_MAX (INT64_C(1) << 53) /* as the server's */

/* An integer that may be absent or null. */
static int get_int(const json_t *object, const char *key, int64_t *ret,
                   struct sq_err *err)
{
    const json_t *v = json_object_get(object, key);
    *ret = SQ_NULL;
    return !v || json_is_null(v) ? 0 : sq_json_to_int(v, key, ret, err);
}

static int need_int(const json_t *object, const char *key, int64_t *ret,
                    struct sq_err *err)
{
    int rc = get_int(object, key, ret, err);
    if (rc == 0 && *ret == SQ_NULL)
        return sq_fail(err, SQ_EINVAL, "%s is missing", key);
    return rc;
}

static int get_text(const json_t *object, const char *key, struct sq_arena *arena,
                    const char **ret, struct sq_err *err)
{
    const json_t *v = json_object_get(object, key);
    char *text = NULL;
    int rc = !v || json_is_null(v) ? 0 : sq_json_to_text(v, key, arena, &text, err);
    *ret = text && *text ? text : NULL;
    return rc;
}

static int parse_execution(const json_t *v, struct sq_arena *arena,
                           struct sq_assignment *a, struct sq_err *err)
{
    const json_t *task = json_object_get(v, "task");
    int rc = need_int(v, "execution_id", &a->execution_id, err);
    if (!rc)
        rc = need_int(task, "task_id", &a->task_id, err);
    const struct {
        const char *key;
        const char **to;
    } texts[] = {{"command", &a->command},
                 {"container", &a->container},
                 {"container_options", &a->container_options},
                 {"input", &a->input},
                 {"output", &a->output},
                 {"resource", &a->resource},
                 {"batch", &a->batch}};
    for (size_t i = 0; !rc && i < SQ_LEN(texts); i++)
        rc = get_text(task, texts[i].key, arena, texts[i].to, err);
    a->use_cache = json_is_true(json_object_get(task, "use_cache"));
    if (!rc && a->execution_id <= 0)
        return sq_fail(err, SQ_EINVAL, "execution_id is not positive");
    return rc;
}

static int parse_signal(const json_t *v, struct sq_order *o, struct sq_err *err)
{
    int rc = need_int(v, "signal_id", &o->signal_id, err);
    if (!rc)
        rc = get_int(v, "execution_id", &o->execution_id, err);
    return rc ? rc : need_int(v, "signal", &o->signal, err);
}

/* An array that may be absent: its length and room for as many elements. */
static int array_of(const json_t *root, const char *key, size_t size,
                    struct sq_arena *arena, void *ret_items, size_t *ret_n,
                    struct sq_err *err)
{
    const json_t *v = json_object_get(root, key);
    *ret_n = 0;
    if (!v || json_is_null(v))
        return 0;
    if (!json_is_array(v))
        return sq_fail(err, SQ_EINVAL, "%s is not an array", key);
    size_t n = json_array_size(v);
    void *items = n ? sq_arena_array(arena, n, size) : NULL;
    if (n && !items)
        return sq_fail(err, SQ_ETOOBIG, "the answer is too large");
    memcpy(ret_items, &items, sizeof items);
    *ret_n = n;
    return 0;
}

static int parse_lists(const json_t *root, struct sq_arena *arena, struct sq_answer *a,
                       struct sq_err *err)
{
    int rc = array_of(root, "executions", sizeof *a->executions, arena, &a->executions,
                      &a->n_executions, err);
    for (size_t i = 0; !rc && i < a->n_executions; i++)
        rc = parse_execution(json_array_get(json_object_get(root, "executions"), i),
                             arena, &a->executions[i], err);
    if (!rc)
        rc = array_of(root, "signals", sizeof *a->signals, arena, &a->signals,
                      &a->n_signals, err);
    for (size_t i = 0; !rc && i < a->n_signals; i++)
        rc = parse_signal(json_array_get(json_object_get(root, "signals"), i),
                          &a->signals[i], err);
    if (!rc)
        rc = array_of(root, "withdrawn", sizeof *a->withdrawn, arena, &a->withdrawn,
                      &a->n_withdrawn, err);
    for (size_t i = 0; !rc && i < a->n_withdrawn; i++)
        rc = sq_json_to_int(json_array_get(json_object_get(root, "withdrawn"), i),
                            "withdrawn", &a->withdrawn[i], err);
    return rc;
}

static int parse_worker(const json_t *root, struct sq_arena *arena, struct sq_answer *a,
                        struct sq_err *err)
{
    const json_t *worker = json_object_get(root, "worker");
    const json_t *settings = json_object_get(root, "settings");
    const struct {
        const json_t *object;
        const char *key;
        int64_t *to;
    } ints[] = {{root, "acked", &a->acked},
                {worker, "worker_id", &a->worker_id},
                {worker, "concurrency", &a->concurrency},
                {worker, "prefetch", &a->prefetch},
                {settings, "idle_delay_s", &a->idle_delay_s},
                {settings, "first_task_delay_s", &a->first_task_delay_s},
                {settings, "poll_s", &a->poll_s},
                {settings, "stats_s", &a->stats_s}};
    int rc = 0;
    for (size_t i = 0; !rc && i < SQ_LEN(ints); i++)
        rc = get_int(ints[i].object, ints[i].key, ints[i].to, err);
    if (!rc)
        rc = get_text(worker, "modification_date", arena, &a->row_date, err);
    if (!rc)
        rc = get_text(settings, "watch", arena, &a->watch, err);
    if (!rc)
        rc = get_text(worker, "task_properties", arena, &a->weights, err);
    if (!rc)
        rc = get_text(root, "database", arena, &a->database, err);
    if (!rc && a->acked != SQ_NULL && (a->acked < 0 || a->acked > SEQ_MAX))
        rc = sq_fail(err, SQ_EINVAL, "acked is out of range");
    const json_t *permanent = json_object_get(worker, "permanent");
    a->permanent = -1;
    if (!rc && permanent && !json_is_null(permanent))
        rc = sq_json_to_bool(permanent, "permanent", &a->permanent, err);
    return rc;
}

int sq_answer_parse(const char *text, size_t len, struct sq_arena *arena,
                    struct sq_answer *ret, struct sq_err *err)
{
    json_t *root = NULL;
    memset(ret, 0, sizeof *ret);
    int rc = sq_json_parse(text, len, &root, err);
    if (!rc && !json_is_object(root))
        rc = sq_fail(err, SQ_EINVAL, "it is not an object");
    if (!rc)
        rc = parse_worker(root, arena, ret, err);
    if (!rc)
        rc = parse_lists(root, arena, ret, err);
    json_decref(root);
    return rc ? sq_prefix(err, "the server's answer: ") : 0;
}

const char *sq_answer_message(const char *text, size_t len, struct sq_arena *arena)
{
    json_t *root = NULL;
    char *message = NULL;
    if (len && sq_json_parse(text, len, &root, NULL) == 0) {
        const json_t *v = json_object_get(root, "message");
        if (json_is_string(v))
            message = sq_arena_strdup(arena, json_string_value(v));
    }
    json_decref(root);
    return message ? message : "";
}

void sq_message_register(const struct sq_registration *r, struct sq_buf *out)
{
    struct sq_jw w;
    sq_jw_init(&w, out);
    sq_jw_open(&w, '{');
    const struct {
        const char *key, *value;
    } texts[] = {{"name", r->name},
                 {"hostname", r->hostname},
                 {"batch", r->batch},
                 {"flavor", r->flavor},
                 {"default_flavor", r->default_flavor},
                 {"status", r->status},
                 {"spool", r->spool},
                 {"database", r->database},
                 {"launch_token", r->launch_token}};
    for (size_t i = 0; i < SQ_LEN(texts); i++)
        if (texts[i].value) {
            sq_jw_key(&w, texts[i].key);
            sq_jw_text(&w, texts[i].value);
        }
    sq_jw_key(&w, "concurrency");
    sq_jw_int(&w, r->concurrency);
    sq_jw_key(&w, "permanent");
    sq_jw_bool(&w, r->permanent);
    sq_facts_write(&w, r->base_workdir, GPUS);
    sq_jw_close(&w);
}
