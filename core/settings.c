/* The server's settings: see scitq.conf(5).
 *
 * One table declares what is read.  Providers declare the keys they read; these join
 * the table.
 * 1.3's files are accepted; as 1.3 listened everywhere, such a file must say where to
 * listen. */
#include "core/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/fleet/fleet.h"
#include "core/store/db.h"
#include "core/store/offers.h"
#include "lib/host.h"
#include "lib/http.h"
#include "lib/strangers.h"
#include "lib/uri.h"

#define TEXT(name, fallback, help)                                                     \
    {                                                                                  \
        name, SQ_CONF_TEXT, fallback, help, 0, 0, false, false                         \
    }
#define INT(name, fallback, min, max, help)                                            \
    {                                                                                  \
        name, SQ_CONF_INT, fallback, help, min, max, false, false                      \
    }
#define LIST(name, fallback, help)                                                     \
    {                                                                                  \
        name, SQ_CONF_LIST, fallback, help, 0, 0, false, false                         \
    }
#define AT_START(name, kind, fallback, min, max, secret, help)                         \
    {                                                                                  \
        name, kind, fallback, help, min, max, secret, true                             \
    }
#define OLD(name)                                                                      \
    {                                                                                  \
        name, SQ_CONF_IGNORED, NULL, "of scitq 1.3", 0, 0, false, false                \
    }

enum { DAY_S = 86400, YEAR_S = 366 * DAY_S };

static const struct sq_conf_key keys[] = {
    AT_START("SCITQ_DATABASE_URI", SQ_CONF_TEXT, NULL, 0, 0, true,
             "sqlite:////path/file.db or postgresql://user@host/db"),
    AT_START("SQLALCHEMY_DATABASE_URI", SQ_CONF_TEXT, NULL, 0, 0, true,
             "the same, under 1.3's name"),
    AT_START("SQLALCHEMY_POOL_SIZE", SQ_CONF_INT, "5", 1, 100, false,
             "database connections for reading"),
    AT_START("SCITQ_LISTEN", SQ_CONF_LIST, "127.0.0.1:5000", 0, 0, false,
             "address:port to listen on"),
    {"SCITQ_INSECURE", SQ_CONF_BOOL, "0", "listen beyond this machine unprotected", 0,
     0, false, false},
    LIST("SCITQ_TRUSTED_NETWORKS", NULL, "networks that need no token"),
    TEXT("SCITQ_TOKEN_FILE", NULL, "file of tokens and their roles"),
    TEXT("SCITQ_TLS_CERT", NULL, "certificate of the server, with its chain (PEM)"),
    TEXT("SCITQ_TLS_KEY", NULL, "its key (PEM)"),
    AT_START("SCITQ_CA", SQ_CONF_TEXT, NULL, 0, 0, false,
             "authorities that deployed workers trust (PEM)"),
    AT_START("SCITQ_SERVER_PROCESS", SQ_CONF_INT, NULL, 1, 1024, false, "HTTP threads"),
    AT_START("SCITQ_STATE_DIR", SQ_CONF_TEXT, NULL, 0, 0, false,
             "directory of the embedded database"),
    TEXT("LOG_FILE", NULL, "log file; none: standard error"),
    INT("LOG_FILE_MAX_SIZE", "10000000", 1000, INT64_MAX, "bytes before rotation"),
    INT("LOG_FILE_KEEP", "10", 0, 1000, "rotated files kept"),
    TEXT("LOG_LEVEL", "info", "error, warning, info or debug"),
    TEXT("QUEUE_LOG_FILE", NULL, "log file of --role=queue; none: LOG_FILE"),
    INT("QUEUE_LOG_FILE_MAX_SIZE", NULL, 1000, INT64_MAX, "bytes before rotation"),
    INT("QUEUE_LOG_FILE_KEEP", NULL, 0, 1000, "rotated files kept"),
    INT("WORKER_OFFLINE_DELAY", "15", 1, YEAR_S, "s of silence to be offline"),
    INT("WORKER_IDLE_DELAY", "300", 1, YEAR_S, "s idle after work to be given back"),
    INT("WORKER_FIRST_TASK_DELAY", "3600", 1, YEAR_S, "the same before any work"),
    INT("WORKER_LOST_DELAY", "0", 0, YEAR_S,
        "s of silence to lose its tasks; 0: never"),
    TEXT("REMOTE_URI", NULL, "base URI of workflow scripts"),
    TEXT("RCLONE_CONFIG", "/etc/rclone.conf", "rclone's settings for workers"),
    AT_START("SCITQ_PLUGIN_PATH", SQ_CONF_TEXT, NULL, 0, 0, false,
             "folders of plugins"),
    TEXT("SCITQ_SERVER", NULL, "name, address or URL at which workers reach it"),
    TEXT("SCITQ_PROVIDERS", NULL, "name=plugin pairs; none: every name there is"),
    TEXT("PREFERRED_REGIONS", NULL, "provider:region pairs, % is any text"),
    TEXT("SCITQ_PLAYBOOKS", SQ_DATADIR "/scitq/ansible",
         "folder of Ansible's playbooks"),
    TEXT("SCITQ_INVENTORY", "/etc/ansible/inventory", "Ansible's inventory"),
    INT("WORKER_CREATE_CONCURRENCY", "10", 1, 1000, "workers made at once"),
    INT("WORKER_CREATE_RETRY", "2", 0, 100, "tries more of a failed deployment"),
    INT("JOB_MAX_LIFETIME", "600", 1, YEAR_S, "s before a job is terminated"),
    INT("JANITOR_PERIOD", "600", 0, YEAR_S,
        "s between looks for forgotten machines; 0: none"),
    TEXT("JANITOR_ACTION", NULL, "destroy forgotten machines; none: report them"),
    TEXT("EVICTION_ACTION", NULL, "delete or replace an evicted worker; none: neither"),
    INT("EVICTION_COST_MARGIN", "10", 1, 1000000,
        "how many times dearer a replacement may be"),

    OLD("PATH"),
    OLD("FLASK_APP"),
    OLD("SCITQ_PRODUCTION"),
    OLD("PYTHONPATH"),
    OLD("DEBUG"),
    OLD("WORKER_DELETE"),
    OLD("WORKER_IDLE_CALLBACK"),
    OLD("SERVER_CRASH_WORKER_RECOVERY"),
    OLD("SQLALCHEMY_BINDS"),
    OLD("SQLALCHEMY_COMMIT_ON_TEARDOWN"),
    OLD("SQLALCHEMY_ECHO"),
    OLD("SQLALCHEMY_ENGINE_OPTIONS"),
    OLD("SQLALCHEMY_MAX_OVERFLOW"),
    OLD("SQLALCHEMY_NATIVE_UNICODE"),
    OLD("SQLALCHEMY_POOL_RECYCLE"),
    OLD("SQLALCHEMY_POOL_TIMEOUT"),
    OLD("SQLALCHEMY_RECORD_QUERIES"),
    OLD("SQLALCHEMY_TRACK_MODIFICATIONS"),
    {0},
};

static void note(void *arg, const char *text, const char *stranger)
{
    if (stranger)
        sq_strangers_add(arg, stranger, text);
    else
        sq_log(SQ_LOG_WARNING, "settings", "%s", text);
}

static const char *named(const struct sq_conf *conf, const char *key)
{
    const char *path = sq_conf_text(conf, key);
    return path && *path ? path : NULL;
}

/* Who needs no token, and where tokens and certificates are. */
static int check_callers(struct sq_settings *s, struct sq_err *err)
{
    static const char name[] = "SCITQ_TRUSTED_NETWORKS";
    const char *list = sq_conf_text(s->conf, name);
    struct sq_err why;
    s->token_file = named(s->conf, "SCITQ_TOKEN_FILE");
    s->tls_cert = named(s->conf, "SCITQ_TLS_CERT");
    s->tls_key = named(s->conf, "SCITQ_TLS_KEY");
    s->ca = named(s->conf, "SCITQ_CA");
    if (!s->tls_cert != !s->tls_key)
        return sq_conf_refuse(s->conf, s->tls_cert ? "SCITQ_TLS_CERT" : "SCITQ_TLS_KEY",
                              err, "needs %s beside it",
                              s->tls_cert ? "SCITQ_TLS_KEY" : "SCITQ_TLS_CERT");
    if (s->ca && access(s->ca, R_OK) != 0)
        return sq_conf_refuse(s->conf, "SCITQ_CA", err, "names %s: %s", s->ca,
                              strerror(errno));
    if (list && sq_trust_parse(list, &s->trust, &why) != 0)
        return sq_conf_refuse(s->conf, name, err, "%s", why.text);
    if (sq_trust_is_open(&s->trust) && !sq_conf_bool(s->conf, "SCITQ_INSECURE"))
        return sq_conf_refuse(s->conf, name, err,
                              "trusts everybody, who then can run commands as root on "
                              "the workers: name the networks of your own machines, or "
                              "set SCITQ_INSECURE=1 if that is what you want");
    return 0;
}

/* Nobody opens the server to others by accident. */
static int check_open(const struct sq_settings *s, struct sq_err *err)
{
    if (s->token_file || s->trust.n || sq_conf_bool(s->conf, "SCITQ_INSECURE"))
        return 0;
    for (int i = 0; i < s->listen.n; i++)
        if (!s->listen.v[i].loopback)
            return sq_conf_refuse(
                s->conf, "SCITQ_LISTEN", err,
                "names %s: whoever reaches this address can run commands as root on "
                "the "
                "workers.  Say who may: SCITQ_TRUSTED_NETWORKS=10.0.0.0/8 names the "
                "networks of your own machines, SCITQ_TOKEN_FILE a file of tokens "
                "(scitq.conf(5)); or set SCITQ_INSECURE=1 if everybody may",
                s->listen.v[i].text);
    return 0;
}

static int check_listen(struct sq_settings *s, struct sq_err *err)
{
    const struct sq_conf *conf = s->conf;
    if (sq_conf_in_file(conf, "FLASK_APP") && !sq_conf_given(conf, "SCITQ_LISTEN"))
        return sq_fail(err, SQ_EINVAL,
                       "these are settings of scitq 1.3, which listened on every "
                       "address: to go on so, add these two lines to them "
                       "(or SCITQ_LISTEN=127.0.0.1:5000 for this machine only)\n"
                       "SCITQ_LISTEN=0.0.0.0:5000\nSCITQ_INSECURE=1");
    struct sq_err why;
    if (sq_listen_parse(sq_conf_text(conf, "SCITQ_LISTEN"), &s->listen, &why) != 0)
        return sq_conf_refuse(conf, "SCITQ_LISTEN", err, "%s", why.text);
    return check_open(s, err);
}

/* 1.3 had a file for each of its two processes. */
static void choose_queue_log(const struct sq_conf *c, struct sq_log_conf *log)
{
    if (!named(c, "QUEUE_LOG_FILE"))
        return;
    log->path = named(c, "QUEUE_LOG_FILE");
    if (sq_conf_given(c, "QUEUE_LOG_FILE_MAX_SIZE"))
        log->max_size_bytes = sq_conf_int(c, "QUEUE_LOG_FILE_MAX_SIZE");
    if (sq_conf_given(c, "QUEUE_LOG_FILE_KEEP"))
        log->keep = (int)sq_conf_int(c, "QUEUE_LOG_FILE_KEEP");
}

static int check_log(struct sq_settings *s, enum sq_role role, struct sq_err *err)
{
    const char *level = sq_conf_text(s->conf, "LOG_LEVEL");
    s->log = (struct sq_log_conf){.path = named(s->conf, "LOG_FILE"),
                                  .max_size_bytes =
                                      sq_conf_int(s->conf, "LOG_FILE_MAX_SIZE"),
                                  .keep = (int)sq_conf_int(s->conf, "LOG_FILE_KEEP")};
    if (role == SQ_ROLE_QUEUE)
        choose_queue_log(s->conf, &s->log);
    if (!sq_log_level_parse(level, &s->log.level))
        return sq_conf_refuse(s->conf, "LOG_LEVEL", err,
                              "must be error, warning, info or debug, not \"%s\"",
                              level);
    return 0;
}

/* The address that this machine itself reaches: of workers that nobody told another. */
static int own_url(const struct sq_settings *s, char **ret)
{
    const char *text = s->listen.v[0].text;
    const char *http = s->tls_cert ? "https" : "http";
    return strncmp(text, "*:", 2) == 0 || strncmp(text, "0.0.0.0:", 8) == 0
               ? asprintf(ret, "%s://127.0.0.1:%s", http, strchr(text, ':') + 1)
               : asprintf(ret, "%s://%s", http, text);
}

/* One that is named without http:// speaks what this server does. */
static int given_url(const struct sq_settings *s, const char *server, const char *url,
                     char **ret)
{
    bool secure = s->tls_cert && !strstr(server, "://");
    return secure ? asprintf(ret, "https%s", url + strlen("http"))
                  : asprintf(ret, "%s", url);
}

/* Short, as names of workers begin with it: of SCITQ_SERVER, but not of an address. */
static char *short_name(const char *server)
{
    char host[256] = "";
    if (server) {
        const char *at = strstr(server, "://");
        at = at ? at + 3 : server;
        snprintf(host, sizeof host, "%.*s", (int)strcspn(at, ".:/"), at);
        if (*at == '[' || strspn(at, "0123456789.:") == strlen(at))
            *host = 0;
    }
    if (!*host && gethostname(host, sizeof host - 1) != 0)
        strcpy(host, "scitq");
    host[strcspn(host, ".")] = 0;
    return strdup(host);
}

static int check_eviction(struct sq_settings *s, struct sq_err *err)
{
    const char *text = sq_conf_text(s->conf, "EVICTION_ACTION");
    if (!text || !*text)
        s->eviction = SQ_EVICTION_NONE;
    else if (strcmp(text, "delete") == 0)
        s->eviction = SQ_EVICTION_DELETE;
    else if (strcmp(text, "replace") == 0)
        s->eviction = SQ_EVICTION_REPLACE;
    else
        return sq_conf_refuse(s->conf, "EVICTION_ACTION", err,
                              "must be delete, replace or empty, not \"%s\"", text);
    return 0;
}

static int check_janitor(struct sq_settings *s, struct sq_err *err)
{
    const char *text = sq_conf_text(s->conf, "JANITOR_ACTION");
    s->janitor_destroys = text && strcmp(text, "destroy") == 0;
    return !text || !*text || s->janitor_destroys
               ? 0
               : sq_conf_refuse(s->conf, "JANITOR_ACTION", err,
                                "must be destroy or empty, not \"%s\"", text);
}

/* The server's own folder is no place that a path begins at. */
static int check_paths(const struct sq_settings *s, struct sq_err *err)
{
    static const char *const paths[] = {"RCLONE_CONFIG", "SCITQ_PLAYBOOKS"};
    struct sq_err why;
    for (size_t i = 0; i < SQ_LEN(paths); i++) {
        const char *path = named(s->conf, paths[i]);
        if (path && *path != '/')
            return sq_conf_refuse(s->conf, paths[i], err,
                                  "must begin with /, not be \"%s\"", path);
    }
    for (const char *p = named(s->conf, "SCITQ_PLUGIN_PATH"); p && *p;) {
        SQ_CLEANUP(sq_freep) char *dir = strndup(p, strcspn(p, ":"));
        p += strcspn(p, ":") + (p[strcspn(p, ":")] == ':');
        if (dir && *dir && access(dir, R_OK | X_OK) != 0)
            return sq_conf_refuse(s->conf, "SCITQ_PLUGIN_PATH", err, "names %s: %s",
                                  dir, strerror(errno));
    }
    const char *remote = named(s->conf, "REMOTE_URI");
    return remote && sq_uri_check_output(remote, 0, &why) != 0
               ? sq_conf_refuse(s->conf, "REMOTE_URI", err, "is no folder's URI: %s",
                                why.text)
               : 0;
}

static int check_fleet(struct sq_settings *s, struct sq_err *err)
{
    struct sq_err why;
    int rc = check_eviction(s, err);
    if (rc == 0)
        rc = check_janitor(s, err);
    if (rc)
        return rc;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf url;
    const char *server = sq_conf_text(s->conf, "SCITQ_SERVER");
    const char *preferred = sq_conf_text(s->conf, "PREFERRED_REGIONS");
    const char *names = named(s->conf, "SCITQ_PROVIDERS");
    sq_buf_init(&url, 4096);
    if (names && sq_fleet_check_names(s->providers, names, &why) != 0)
        return sq_conf_refuse(s->conf, "SCITQ_PROVIDERS", err, "%s", why.text);
    if (preferred && sq_preferred_check(preferred, &why) != 0)
        return sq_conf_refuse(s->conf, "PREFERRED_REGIONS", err, "%s", why.text);
    if (server && sq_http_base_url(server, &url, &why) != 0)
        return sq_conf_refuse(s->conf, "SCITQ_SERVER", err, "%s", why.text);
    if ((server ? given_url(s, server, url.data, &s->server) : own_url(s, &s->server)) <
        0)
        s->server = NULL;
    s->server_name = short_name(server);
    s->on_loopback = !server && s->server && sq_http_is_loopback(s->server);
    return s->server && s->server_name ? 0 : sq_fail(err, SQ_ENOMEM, "out of memory");
}

static char *duplicate(const char *text)
{
    return text ? strdup(text) : NULL;
}

static int choose_database(struct sq_settings *s, struct sq_err *err)
{
    const char *name = sq_conf_given(s->conf, "SCITQ_DATABASE_URI")
                           ? "SCITQ_DATABASE_URI"
                           : "SQLALCHEMY_DATABASE_URI";
    const char *given = sq_conf_text(s->conf, name);
    struct sq_err why;
    if (given && sq_db_uri_check(given, &why) != 0)
        return sq_conf_refuse(s->conf, name, err, "%s", why.text);
    s->state_dir = sq_conf_given(s->conf, "SCITQ_STATE_DIR")
                       ? duplicate(sq_conf_text(s->conf, "SCITQ_STATE_DIR"))
                       : sq_conf_state_dir();
    s->database_uri = duplicate(given);
    if (s->state_dir && !given &&
        asprintf(&s->database_uri, "sqlite:///%s/scitq.db", s->state_dir) < 0)
        s->database_uri = NULL;
    if (!s->state_dir || !s->database_uri)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    if (*s->state_dir != '/')
        return sq_conf_refuse(s->conf, "SCITQ_STATE_DIR", err,
                              "must begin with /, not be \"%s\"", s->state_dir);
    return 0;
}

static int check_role(const struct sq_settings *s, enum sq_role role,
                      struct sq_err *err)
{
    if (role == SQ_ROLE_ALL || strncmp(s->database_uri, "sqlite:", 7) != 0)
        return 0;
    return sq_fail(err, SQ_EINVAL,
                   "--role=%s: on SQLite only --role=all runs, since one process holds "
                   "the database: give it one of PostgreSQL (SCITQ_DATABASE_URI)",
                   sq_role_names[role]);
}

static const struct sq_conf_key path_keys[] = {
    {.name = "SCITQ_PLUGIN_PATH", .kind = SQ_CONF_TEXT, .help = "folders of plugins"},
    {0}};

static bool has_key(const struct sq_conf_key *v, const char *name)
{
    while (v->name && strcmp(v->name, name) != 0)
        v++;
    return v->name != NULL;
}

/* What the providers read is in the same file: their tables join ours, so that a wrong
 * value of theirs stops the start too, and none is called unknown. */
static int join_tables(struct sq_settings *s, struct sq_err *err)
{
    size_t n = SQ_LEN(keys), plugins = sq_plugins_count(s->providers);
    for (size_t i = 0; i < plugins; i++) {
        const struct sq_setting *t = sq_plugin_table(sq_plugins_at(s->providers, i));
        for (; t && t->key; t++)
            n++;
    }
    s->keys = calloc(n, sizeof *s->keys);
    if (!s->keys)
        return sq_fail(err, SQ_ENOMEM, "out of memory reading the settings");
    memcpy(s->keys, keys, sizeof keys);
    struct sq_conf_key *at = s->keys + SQ_LEN(keys) - 1;
    for (size_t i = 0; i < plugins; i++) {
        const struct sq_setting *t = sq_plugin_table(sq_plugins_at(s->providers, i));
        for (; t && t->key; t++)
            if (!has_key(s->keys, t->key))
                *at++ = sq_host_key(t);
    }
    return 0;
}

static int load_providers(struct sq_settings *s, struct sq_err *err)
{
    struct sq_conf *conf;
    int rc = sq_conf_load(path_keys, s->path, NULL, NULL, &conf, err);
    if (rc)
        return rc;
    rc = sq_plugins_load_providers(sq_conf_text(conf, "SCITQ_PLUGIN_PATH"),
                                   &s->providers, err);
    sq_conf_free(conf);
    return rc ? rc : join_tables(s, err);
}

/* All that the values have to do with one another, and what follows from them. */
static int check(struct sq_settings *s, enum sq_role role, struct sq_err *err)
{
    int rc = check_callers(s, err);
    if (rc == 0)
        rc = check_listen(s, err);
    if (rc == 0)
        rc = check_log(s, role, err);
    if (rc == 0)
        rc = choose_database(s, err);
    if (rc == 0)
        rc = check_paths(s, err);
    if (rc == 0)
        rc = check_fleet(s, err);
    return rc ? rc : check_role(s, role, err);
}

/* What check() made. */
static void forget_derived(struct sq_settings *s)
{
    free(s->database_uri);
    free(s->state_dir);
    free(s->server);
    free(s->server_name);
    s->database_uri = s->state_dir = s->server = s->server_name = NULL;
}

int sq_settings_load(const struct sq_options *options, struct sq_settings *ret,
                     struct sq_err *err)
{
    *ret = (struct sq_settings){0};
    ret->path = options->conf ? strdup(options->conf) : sq_conf_find("scitq.conf");
    if (options->conf && !ret->path)
        return sq_fail(err, SQ_ENOMEM, "out of memory reading the settings");
    struct sq_strangers strangers = {0};
    int rc = load_providers(ret, err);
    if (rc == 0)
        rc = sq_conf_load(ret->keys, ret->path, note, &strangers, &ret->conf, err);
    sq_strangers_tell(&strangers,
                      rc ? NULL : sq_conf_text(ret->conf, "SCITQ_PLUGIN_PATH"),
                      "settings");
    return rc ? rc : check(ret, options->role, err);
}

/* Whether TLS is spoken at all is known to the sockets. */
static int keep_started(struct sq_settings *s, const struct sq_settings *running,
                        struct sq_err *err)
{
    static const char *const tls[] = {"SCITQ_TLS_CERT", "SCITQ_TLS_KEY"};
    int rc = sq_conf_part(s->keys, s->told, &s->conf, err);
    for (size_t i = 0; rc == 0 && s->keys[i].name; i++)
        if (s->keys[i].at_start)
            rc = sq_conf_keep(s->conf, running->conf, s->keys[i].name, err);
    for (size_t i = 0; rc == 0 && !s->tls_cert != !running->tls_cert && i < 2; i++)
        rc = sq_conf_keep(s->conf, running->conf, tls[i], err);
    return rc;
}

int sq_settings_load_again(const struct sq_options *options,
                           const struct sq_settings *running, struct sq_settings *ret,
                           struct sq_err *err)
{
    struct sq_settings s = {.keys = running->keys,
                            .providers = running->providers,
                            .path = duplicate(running->path),
                            .borrows = true};
    struct sq_strangers strangers = {0};
    int rc =
        running->path && !s.path
            ? sq_fail(err, SQ_ENOMEM, "out of memory reading the settings")
            : sq_conf_load_again(running->conf, s.path, note, &strangers, &s.conf, err);
    sq_strangers_tell(&strangers, rc ? NULL : sq_conf_text(s.conf, "SCITQ_PLUGIN_PATH"),
                      "settings");
    if (rc == 0)
        rc = check(&s, options->role, err);
    if (rc == 0) {
        s.told = s.conf;
        s.conf = NULL;
        rc = keep_started(&s, running, err);
        forget_derived(&s);
    }
    if (rc == 0 && (rc = check(&s, options->role, err)) != 0)
        sq_prefix(err, "as long as the server is not started again, ");
    if (rc)
        sq_settings_fini(&s);
    else
        *ret = s;
    return rc;
}

int sq_settings_open_log(const struct sq_settings *s, enum sq_level least,
                         struct sq_err *err)
{
    struct sq_log_conf conf = s->log;
    const char *of_queue = named(s->conf, "QUEUE_LOG_FILE");
    struct sq_err why;
    if (least > conf.level)
        conf.level = least;
    return sq_log_open(&conf, &why) == 0
               ? 0
               : sq_conf_refuse(s->conf,
                                conf.path == of_queue ? "QUEUE_LOG_FILE" : "LOG_FILE",
                                err, "cannot be used: %s", why.text);
}

void sq_settings_fini(struct sq_settings *s)
{
    forget_derived(s);
    free(s->path);
    sq_conf_free(s->conf);
    sq_conf_free(s->told);
    if (!s->borrows) {
        free(s->keys);
        sq_plugins_free(s->providers);
    }
    *s = (struct sq_settings){0};
}
