/* Our worker registers (doc/sync.md): its row is taken back or made, and it is told
 * what it needs to know. */
#include "core/http/sync_impl.h"

#include <math.h>
#include <string.h>

#include "core/store/list.h"
#include "lib/clock.h"

/* A name of SQ_NAME_MAX bytes, each written as an escape. */
enum { WAIT_MAX_S = 60, POLL_S = 10, STATS_S = 4, FACTS_BYTES = 8192 };

struct registration {
    char *name, *hostname, *batch, *flavor, *default_flavor, *spool, *database;
    char *launch_token;
    int64_t concurrency;
    int status, permanent;
    const char *facts; /* read apart: an object in the object */
};
static const struct sq_field registration_fields[] = {
    SQ_FIELD(struct registration, name, SQ_K_TEXT, SQ_F_REQUIRED | SQ_F_NAME),
    SQ_FIELD(struct registration, hostname, SQ_K_TEXT, SQ_F_REQUIRED),
    SQ_FIELD(struct registration, concurrency, SQ_K_INT, SQ_F_REQUIRED),
    SQ_FIELD(struct registration, spool, SQ_K_TEXT, SQ_F_REQUIRED),
    SQ_FIELD(struct registration, database, SQ_K_TEXT, 0),
    SQ_FIELD(struct registration, launch_token, SQ_K_TEXT, 0),
    SQ_FIELD(struct registration, batch, SQ_K_TEXT, SQ_F_NAME),
    SQ_FIELD(struct registration, flavor, SQ_K_TEXT, 0),
    SQ_FIELD(struct registration, default_flavor, SQ_K_TEXT, 0),
    {"status", SQ_K_ENUM, offsetof(struct registration, status), 0,
     &sq_worker_statuses},
    SQ_FIELD(struct registration, permanent, SQ_K_BOOL, 0),
};
static const struct sq_type registration_type = {.name = "A registration",
                                                 .fields = registration_fields,
                                                 .n_fields =
                                                     SQ_LEN(registration_fields),
                                                 .size = sizeof(struct registration)};

/* What a machine has; null where the worker cannot know. */
struct facts {
    int64_t cores, memory_bytes, disk_bytes;
    char *gpu; /* models, separated by commas; "" where there is none */
};
static const struct sq_field facts_fields[] = {
    SQ_FIELD(struct facts, cores, SQ_K_INT, 0),
    SQ_FIELD(struct facts, memory_bytes, SQ_K_INT, 0),
    SQ_FIELD(struct facts, disk_bytes, SQ_K_INT, 0),
    SQ_FIELD(struct facts, gpu, SQ_K_TEXT, SQ_F_NAME),
};
static const struct sq_type facts_type = {.name = "facts",
                                          .fields = facts_fields,
                                          .n_fields = SQ_LEN(facts_fields),
                                          .size = sizeof(struct facts)};

struct registered {
    struct sq_worker worker;
    int64_t acked;
    bool made;
};

int sq_sync_check_database(struct sq_request *r, const char *named, struct sq_err *err)
{
    const char *id = r->server->conf.database_id;
    if (!named || strcmp(named, id) == 0)
        return 0;
    r->refused = 421; /* Misdirected Request, RFC 9110 15.5.20 */
    return sq_fail(err, SQ_EINVAL,
                   "this server's database is %s, and the worker's is %.100s: one of "
                   "both has the wrong one",
                   id, named);
}

/* Kept as JSON, each member there, in our order.  *ret NULL: nothing is said. */
static int take_facts(struct sq_request *r, const json_t *v, const char **ret,
                      struct sq_err *err)
{
    struct facts f;
    uint64_t mask;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    struct sq_jw w;
    sq_buf_init(&text, FACTS_BYTES);
    if (!v || json_is_null(v))
        return 0;
    if (!json_is_object(v))
        return sq_fail(err, SQ_EINVAL, "facts must be an object");
    int code = sq_record_from_json(&facts_type, v, SQ_READ_CREATE | SQ_READ_WIDE,
                                   &r->arena, &f, &mask, err);
    if (code != 0)
        return sq_prefix(err, "facts: ");
    const int64_t numbers[] = {f.cores, f.memory_bytes, f.disk_bytes};
    for (size_t i = 0; i < SQ_LEN(numbers); i++)
        if (numbers[i] != SQ_NULL && numbers[i] < 0)
            return sq_fail(err, SQ_EINVAL, "facts: %s cannot be negative",
                           facts_fields[i].name);
    sq_jw_init(&w, &text);
    sq_record_to_json(&w, &facts_type, sq_record_visible(&facts_type), &f);
    *ret = sq_buf_ok(&text) ? sq_arena_strdup(&r->arena, text.data) : NULL;
    return *ret ? 0 : sq_fail(err, SQ_ENOMEM, "out of memory");
}

int sq_register_prepare(struct sq_request *r, struct sq_err *err)
{
    const json_t *body;
    uint64_t mask;
    int code = sq_request_alloc(r, sizeof(struct registration), &r->values, err);
    if (code == 0)
        code = sq_request_alloc(r, sizeof(struct registered), &r->data, err);
    if (code == 0)
        code = sq_request_object(r, &body, err);
    if (code != 0)
        return code;
    struct registration *in = r->values;
    const char *facts = NULL;
    code = take_facts(r, json_object_get(body, "facts"), &facts, err);
    if (code != 0)
        return code;
    json_object_del(r->json, "facts");
    code = sq_record_from_json(&registration_type, r->json ? r->json : json_null(),
                               SQ_READ_CREATE, &r->arena, r->values, &mask, err);
    in->facts = facts;
    return code != 0 ? code : sq_sync_check_database(r, in->database, err);
}

/* How long the workers of this name and hostname were not heard: the shortest. */
static int silence_of(struct sq_request *r, struct sq_tx *tx,
                      const struct registration *in, int64_t *ret, struct sq_err *err)
{
    char *name[] = {in->name}, *hostname[] = {in->hostname};
    struct sq_filter filters[] = {{SQ_WORKER_F_NAME, name, 1},
                                  {SQ_WORKER_F_HOSTNAME, hostname, 1}};
    struct sq_page page = {.filters = filters,
                           .n_filters = SQ_LEN(filters),
                           .after = SQ_NULL,
                           .limit = 100};
    struct sq_worker *rows;
    size_t n;
    *ret = SQ_NULL;
    int code = sq_list_page(tx->db, &sq_worker_type, &page, tx->arena, (void **)&rows,
                            &n, err);
    for (size_t i = 0; code == 0 && i < n; i++) {
        int64_t silence =
            sq_liveness_silence(r->server->conf.liveness, rows[i].worker_id);
        if (silence != SQ_NULL && (*ret == SQ_NULL || silence < *ret))
            *ret = silence;
    }
    return code;
}

int sq_register_write(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    const struct registration *in = r->values;
    struct registered *out = r->data;
    struct sq_registration reg = {.name = in->name,
                                  .hostname = in->hostname,
                                  .batch = in->batch,
                                  .flavor = in->flavor,
                                  .default_flavor = in->default_flavor,
                                  .spool = in->spool,
                                  .token = in->launch_token,
                                  .facts = in->facts,
                                  .concurrency = in->concurrency,
                                  .status = in->status,
                                  .permanent = in->permanent < 0 ? 1 : in->permanent,
                                  .others = r->server->conf.others,
                                  .live_us =
                                      sq_tuning(r->server->conf.tuned)->offline_us};
    int code = silence_of(r, tx, in, &reg.silence_us, err);
    if (code == 0)
        code = sq_worker_register(tx, &reg, &out->worker, &out->acked, err);
    if (code == SQ_ENOENT)
        r->refused = 410; /* Gone, RFC 9110 15.5.11: not to be tried again */
    if (code == 0)
        code = sq_access_register(&r->caller, out->worker.worker_id, in->name, err);
    out->made = code == 0 && out->worker.creation_date == tx->now;
    return code;
}

int64_t sq_sync_wait_max_s(const struct sq_tuning *t)
{
    int64_t most = t->offline_us / 1000000 * 2 / 3;
    return most > WAIT_MAX_S ? WAIT_MAX_S : most < 1 ? 1 : most;
}

void sq_sync_write_settings(struct sq_jw *w, const struct sq_http_conf *conf,
                            const struct sq_worker *worker)
{
    const struct sq_tuning *t = sq_tuning(conf->tuned);
    int64_t poll_s = sq_sync_wait_max_s(t) < POLL_S ? sq_sync_wait_max_s(t) : POLL_S;
    const struct {
        const char *name;
        int64_t value;
    } settings[] = {{"offline_delay_s", t->offline_us / 1000000},
                    {"idle_delay_s", t->idle_s},
                    {"first_task_delay_s", t->first_task_s},
                    {"poll_s", poll_s},
                    {"stats_s", STATS_S}};
    sq_jw_key(w, "settings");
    sq_jw_open(w, '{');
    for (size_t i = 0; i < SQ_LEN(settings); i++) {
        sq_jw_key(w, settings[i].name);
        sq_jw_int(w, settings[i].value);
    }
    const char *watch =
        worker->provider ? conf->watcher(conf->providers, worker->provider) : NULL;
    if (watch) {
        sq_jw_key(w, "watch");
        sq_jw_text(w, watch);
    }
    sq_jw_close(w);
}

void sq_sync_write_database(struct sq_jw *w, const struct sq_http_conf *conf)
{
    sq_jw_key(w, "database");
    sq_jw_text(w, conf->database_id);
}

void sq_sync_write_worker(struct sq_request *r, struct sq_jw *w,
                          struct sq_worker *worker, struct sq_arena *arena)
{
    sq_liveness_overlay(r->server->conf.liveness, worker, arena);
    sq_jw_key(w, "worker");
    sq_record_to_json(w, &sq_worker_type, sq_record_visible(&sq_worker_type), worker);
}

int sq_register_answer(struct sq_request *r, struct sq_err *err)
{
    struct registered *out = r->data;
    struct sq_jw w;
    (void)err;
    sq_liveness_returned(r->server->conf.liveness, out->worker.worker_id);
    sq_liveness_contact(r->server->conf.liveness, out->worker.worker_id, sq_now(), NULL,
                        NAN, NULL);
    r->status = out->made ? 201 : 200;
    sq_jw_init(&w, &r->out);
    sq_jw_open(&w, '{');
    sq_sync_write_worker(r, &w, &out->worker, &r->arena);
    sq_jw_key(&w, "acked");
    sq_jw_int(&w, out->acked);
    sq_sync_write_database(&w, &r->server->conf);
    sq_sync_write_settings(&w, &r->server->conf, &out->worker);
    sq_jw_close(&w);
    sq_buf_addc(&r->out, '\n');
    return 0;
}
