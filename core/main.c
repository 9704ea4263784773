/* scitq-server: serves the API, writes the database and schedules; or one of the first
 * and the last, beside others on the same database (--role, product.md section 2).
 *
 * Threads, all of them: this one (signals), the HTTP room's pools and watch, the
 * writer (store), the scheduler's timer, the cache's few, the fleet's two and one a
 * job; and while it stops, the one that gives up a database that does not answer.  They
 * meet in the writer: every change is an operation in its queue, the scheduler settles
 * each transaction, and what was committed is told to the cache and to the HTTP room's
 * waiters. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/cache/cache.h"
#include "core/database.h"
#include "core/deadline.h"
#include "core/fleet/fleet.h"
#include "core/guard.h"
#include "core/http/server.h"
#include "core/living.h"
#include "core/options.h"
#include "core/sched/sched.h"
#include "core/settings.h"
#include "core/signals.h"
#include "core/store/pool.h"
#include "core/store/writer.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/own.h"
#include "lib/ready.h"
#include "lib/slice.h"

enum {
#ifdef __SANITIZE_THREAD__
    STACK_BYTES = 8 << 20, /* ThreadSanitizer keeps its own state there */
#else
    STACK_BYTES = 512 * 1024, /* no deep recursion, no large locals anywhere */
#endif
    SWEEP_US = 2000000,
    SECOND_US = 1000000
};

struct server {
    struct sq_options options;
    struct sq_settings settings; /* it was started with */
    struct sq_living living;     /* those that count */
    struct sq_known_database database;
    struct sq_guard guard;
    struct sq_lease *lease;
    struct sq_peers *peers; /* NULL: this process is alone */
    struct sq_liveness *liveness;
    struct sq_sched *sched;
    struct sq_writer *writer;
    struct sq_pool *pool;
    struct sq_cache *_Atomic cache; /* read by the writer's thread, all three */
    struct sq_fleet *_Atomic fleet;
    struct sq_http_server *_Atomic http;
    struct sq_deadline *deadline; /* of the stop */
    pthread_t main_thread;
    bool told_ready;
    atomic_bool dispossessed; /* and then, why */
    struct sq_err why;
};

/* Ten thousand connections must not mean an arena a thread of free memory kept. */
static void limit_memory(void)
{
    mallopt(M_ARENA_MAX, 2);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    pthread_setattr_default_np(&attr);
    pthread_attr_destroy(&attr);
}

/* Each worker holds two connections; the usual soft limit is 1024 descriptors. */
static void allow_many_connections(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Once: a standby is ready before it schedules. */
static void tell_ready(struct server *sv)
{
    if (!sv->told_ready)
        sq_ready_tell(sv->options.ready_fd);
    sv->told_ready = true;
}

/* Inside the writer's thread, after each commit. */
static void committed(void *arg, const struct sq_changes *changes)
{
    struct server *sv = arg;
    sq_sched_committed(sv->sched);
    struct sq_cache *cache = atomic_load(&sv->cache);
    struct sq_fleet *fleet = atomic_load(&sv->fleet);
    struct sq_http_server *http = atomic_load(&sv->http);
    if (fleet)
        sq_fleet_committed(fleet, changes);
    if (cache)
        sq_cache_committed(cache, changes);
    if (http)
        sq_http_server_committed(http, changes);
}

/* In the thread that listens: what other processes committed.  What the scheduler has
 * to look at becomes a change of its own; one that cannot be made starts the next with
 * a sweep (writer.c). */
struct look_op {
    struct sq_op op;
    const struct sq_changes *heard;
};

static int look(struct sq_op *op, struct sq_tx *tx, struct sq_err *err)
{
    (void)err;
    sq_changes_take(tx->changes, ((struct look_op *)op)->heard);
    return 0;
}

static void heard(void *arg, const struct sq_changes *changes)
{
    struct server *sv = arg;
    struct sq_fleet *fleet = atomic_load(&sv->fleet);
    struct sq_http_server *http = atomic_load(&sv->http);
    if (fleet)
        sq_fleet_committed(fleet, changes);
    if (http)
        sq_http_server_committed(http, changes);
    if (sv->options.role != SQ_ROLE_QUEUE)
        return;
    struct sq_err err;
    struct sq_arena arena;
    sq_arena_init(&arena, 1 << 20);
    struct look_op op = {.op = {.run = look, .arena = &arena}, .heard = changes};
    if (sq_writer_call(sv->writer, &op.op, &err) != 0)
        sq_log(SQ_LOG_WARNING, "server",
               "what other servers changed is looked at later: %s", err.text);
    sq_arena_fini(&arena);
}

static int settle(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    return sq_sched_settle(((struct server *)arg)->sched, tx, err);
}

/* Inside the writer's thread: another server schedules now, so this one ends. */
static void dispossessed(void *arg, const struct sq_err *why)
{
    struct server *sv = arg;
    sv->why = *why;
    atomic_store(&sv->dispossessed, true);
    pthread_kill(sv->main_thread, SIGTERM);
}

/* Another process schedules: wait until it does not, on its lock; or, when the database
 * does not answer, a little.  SQ_ECANCELED: asked to stop. */
static int stand_by(struct server *sv, const struct sq_writer_conf *conf,
                    const sigset_t *signals, struct sq_err *err)
{
    int rc = SQ_EEXIST;
    sq_log(SQ_LOG_INFO, "server", "standing by, database %s: %s", sv->database.words,
           err->text);
    tell_ready(sv);
    while (rc == SQ_EEXIST || rc == SQ_EIO) {
        if (sq_signals_stop(signals, &sv->living, rc == SQ_EEXIST ? 0 : SECOND_US))
            return sq_fail(err, SQ_ECANCELED, "asked to stop");
        rc = sq_writer_start(conf, &sv->writer, err);
    }
    return rc;
}

static int start_store(struct server *sv, const sigset_t *signals, struct sq_err *err)
{
    const struct sq_conf *c = sv->settings.conf;
    const bool alone = sv->options.role == SQ_ROLE_ALL;
    const bool schedules = sv->options.role != SQ_ROLE_MAIN;
    const struct sq_peers_conf peers = {.uri = sv->settings.database_uri,
                                        .role = sv->options.role,
                                        .heard = heard,
                                        .arg = sv};
    const struct sq_sched_conf sched = {
        .hears_only = !schedules, .tuned = &sv->living.tuned, .sweep_us = SWEEP_US};
    int rc = alone ? 0 : sq_peers_new(&peers, &sv->peers, err);
    const struct sq_writer_conf writer = {.uri = sv->settings.database_uri,
                                          .queue_max = 10000,
                                          .group_max = 512,
                                          .settle = schedules ? settle : NULL,
                                          .committed = committed,
                                          .lease = sv->lease,
                                          .dispossessed = dispossessed,
                                          .peers = sv->peers,
                                          .arg = sv};
    if (rc == 0)
        rc = sq_liveness_new(sq_monotonic, !alone, &sv->liveness, err);
    if (rc == 0)
        rc = sq_sched_new(&sched, sv->liveness, &sv->sched, err);
    if (rc == 0)
        rc = sq_writer_start(&writer, &sv->writer, err);
    if (rc == SQ_EEXIST && sv->options.role == SQ_ROLE_QUEUE)
        rc = stand_by(sv, &writer, signals, err);
    if (rc == 0)
        rc = sq_pool_open(sv->settings.database_uri,
                          (int)sq_conf_int(c, "SQLALCHEMY_POOL_SIZE"), &sv->pool, err);
    if (rc == 0 && sv->peers)
        rc = sq_peers_start(sv->peers, err);
    return rc ? rc : sq_sched_start(sv->sched, sv->writer, err);
}

static int start_cache(struct server *sv, struct sq_err *err)
{
    const struct sq_cache_conf cache = {.writer = sv->writer,
                                        .pool = sv->pool,
                                        .settings = sv->settings.path,
                                        .tuned = &sv->living.tuned};
    struct sq_cache *started;
    int rc = sq_cache_start(&cache, &started, err);
    if (rc == 0)
        atomic_store(&sv->cache, started);
    return rc;
}

static int start_fleet(struct server *sv, struct sq_err *err)
{
    const struct sq_fleet_setup fleet = {.knows_only = sv->options.role == SQ_ROLE_MAIN,
                                         .writer = sv->writer,
                                         .pool = sv->pool,
                                         .plugins = sv->settings.providers,
                                         .state_dir = sv->settings.state_dir,
                                         .identity = sv->database.id,
                                         .secret = sv->database.secret,
                                         .ca = sv->settings.ca,
                                         .tuned = &sv->living.tuned};
    struct sq_fleet *started;
    int rc = sq_fleet_start(&fleet, &started, err);
    if (rc == 0)
        atomic_store(&sv->fleet, started);
    return rc;
}

/* From main's thread: another set of settings counts. */
static void settings_changed(void *arg)
{
    struct sq_fleet *fleet = atomic_load(&((struct server *)arg)->fleet);
    if (fleet)
        sq_fleet_tuned(fleet);
}

static int http_threads(const struct sq_conf *c)
{
    if (sq_conf_given(c, "SCITQ_SERVER_PROCESS"))
        return (int)sq_conf_int(c, "SCITQ_SERVER_PROCESS");
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 4 ? 4 : (int)cores;
}

/* Beside this program, installed or in the build folder, or where it was to be. */
static const char *ui_folder(char beside[PATH_MAX])
{
    char own[PATH_MAX];
    sq_own_folder(own);
    int n = snprintf(beside, PATH_MAX, "%s/../share/scitq/ui", own);
    return n < PATH_MAX && access(beside, R_OK) == 0 ? beside : SQ_DATADIR "/scitq/ui";
}

static int start_http(struct server *sv, struct sq_err *err)
{
    char ui[PATH_MAX];
    sq_auth_set_key(sv->guard.auth, sv->database.secret);
    const struct sq_http_conf http = {.listen = &sv->settings.listen,
                                      .auth = sv->guard.auth,
                                      .site = sv->guard.site,
                                      .ui = ui_folder(ui),
                                      .tls = sv->guard.tls,
                                      .threads = http_threads(sv->settings.conf),
                                      .database_id = sv->database.id,
                                      .pool = sv->pool,
                                      .writer = sv->writer,
                                      .liveness = sv->liveness,
                                      .others = sv->options.role != SQ_ROLE_ALL,
                                      .watcher = sq_fleet_watcher,
                                      .knows = sq_fleet_knows,
                                      .providers = sv->fleet,
                                      .tuned = &sv->living.tuned};
    struct sq_http_server *started;
    int rc = sq_http_server_start(&http, &started, err);
    if (rc == 0)
        atomic_store(&sv->http, started);
    return rc;
}

static void say_serving(const struct server *sv)
{
    if (sv->options.role == SQ_ROLE_QUEUE) {
        sq_log(SQ_LOG_INFO, "server", "scheduling, database %s", sv->database.words);
        return;
    }
    struct sq_buf urls;
    sq_buf_init(&urls, 4096);
    for (int i = 0; i < sv->settings.listen.n; i++)
        sq_buf_addf(&urls, "%s%s://%s", i ? ", " : "", sv->guard.tls ? "https" : "http",
                    sv->settings.listen.v[i].text);
    sq_log(SQ_LOG_INFO, "server", "listening on %s, database %s",
           urls.data ? urls.data : "", sv->database.words);
    sq_buf_fini(&urls);
}

/* The ports before the database: one in use leaves no new file behind. */
static int run(struct server *sv, const sigset_t *signals, struct sq_err *err)
{
    const bool serves = sv->options.role != SQ_ROLE_QUEUE;
    const bool schedules = sv->options.role != SQ_ROLE_MAIN;
    sv->main_thread = pthread_self();
    sq_living_init(&sv->living, &sv->options, &sv->settings);
    sv->living.changed = settings_changed;
    sv->living.arg = sv;
    sv->living.guard = serves ? &sv->guard : NULL;
    int rc = sq_settings_open_log(&sv->settings, SQ_LOG_ERROR, err);
    if (rc == 0)
        rc = sq_guard_tell_ca(&sv->settings, err);
    if (rc == 0 && serves)
        rc = sq_guard_init(&sv->guard, &sv->settings, err);
    if (rc == 0 && serves)
        rc = sq_listen_open(&sv->settings.listen, err);
    if (rc == 0)
        rc = sq_database_prepare(&sv->settings, &sv->database, err);
    if (rc == 0)
        rc = sq_lease_new(sv->options.role, &sv->lease, err);
    if (rc == 0)
        rc = start_store(sv, signals, err);
    if (rc == SQ_ECANCELED)
        return 0;
    if (rc == 0 && schedules)
        rc = start_cache(sv, err);
    if (rc == 0)
        rc = start_fleet(sv, err);
    if (rc == 0 && serves)
        rc = start_http(sv, err);
    if (rc != 0)
        return rc;
    if (serves)
        sq_guard_warn(&sv->guard, &sv->settings);
    say_serving(sv);
    tell_ready(sv);
    sq_signals_serve(signals, sv->sched, &sv->living);
    if (!atomic_load(&sv->dispossessed))
        return 0;
    *err = sv->why;
    return sq_prefix(err, "stopped, since its database is not its own any more: ");
}

/* In reverse: no new work, then what is queued, then what it stood on. */
static void stop(struct server *sv)
{
    if (sv->writer)
        sv->deadline = sq_deadline_start();
    if (sv->sched)
        sq_sched_stop(sv->sched);
    sq_peers_stop(sv->peers);
    sq_http_server_stop(sv->http);
    sq_listen_close(&sv->settings.listen);
    sq_cache_stop(sv->cache);
    sq_fleet_stop(sv->fleet);
    sq_writer_stop(sv->writer); /* the last commit was told */
    sq_http_server_free(sv->http);
    sq_cache_free(sv->cache);
    sq_fleet_free(sv->fleet);
    sq_peers_free(sv->peers);
    sq_lease_free(sv->lease);
    sq_pool_close(sv->pool);
    sq_deadline_end(sv->deadline);
    sq_sched_free(sv->sched);
    sq_liveness_free(sv->liveness);
    sq_guard_fini(&sv->guard);
    sq_database_forget(&sv->database);
    sq_living_fini(&sv->living);
    sq_settings_fini(&sv->settings);
    sq_log_close();
}

/* They were read and checked; what they name is, as a start would. */
static int check_settings(const struct server *sv, struct sq_err *err)
{
    const struct sq_settings *s = &sv->settings;
    struct sq_guard_files files = {0};
    int rc = sv->options.role == SQ_ROLE_QUEUE ? 0 : sq_guard_read(s, &files, err);
    sq_guard_drop(&files);
    if (rc == 0)
        rc = sq_fleet_check_settings(
            s->providers, sq_conf_text(s->conf, "SCITQ_PROVIDERS"), s->conf, err);
    if (rc)
        return rc;
    printf("the settings are right: %s\n",
           s->path ? s->path : "no file, the environment and what holds by itself");
    return 0;
}

static int act(struct server *sv, const sigset_t *signals, struct sq_err *err)
{
    const struct sq_settings *s = &sv->settings;
    switch (sv->options.action) {
    case SQ_DB_INIT: return sq_database_init(s, err);
    case SQ_DB_CHECK: return sq_database_check(s, err);
    case SQ_DB_UPGRADE: return sq_database_upgrade(s, false, err);
    case SQ_DB_UPGRADE_OR_INIT: return sq_database_upgrade(s, true, err);
    case SQ_DB_PRUNE: return sq_database_prune(s, sv->options.days, err);
    case SQ_CHECK_SETTINGS: return check_settings(sv, err);
    case SQ_SERVE: break;
    }
    return run(sv, signals, err);
}

int main(int argc, char **argv)
{
    struct server sv = {0};
    struct sq_err err = {0};
    sigset_t signals;
    int code;

    if (sq_options_parse(argc, argv, &sv.options, &code) != 0)
        return code;
    limit_memory();
    allow_many_connections();
    sq_signals_block(&signals);
    sq_slice_shorten();

    int rc = sq_settings_load(&sv.options, &sv.settings, &err);
    if (rc == 0)
        rc = act(&sv, &signals, &err);
    stop(&sv);
    if (rc != 0) /* scitq-manage, where that was asked */
        fprintf(stderr, "%s: %s\n", program_invocation_short_name, err.text);
    return rc ? 1 : 0;
}
