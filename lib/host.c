/* A plugin's host: the table of settings it declared is read with lib/conf.c, secrets
 * are kept in a list that only grows, and every line passes through it. */
#include "lib/host.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/run.h"
#include "lib/web.h"

/* A shorter secret would blacken half the text; a remote has a few, a table dozens. */
enum {
    SECRET_MIN_BYTES = 4,
    CUT_MIN_BYTES = 12, /* the beginning of a longer one that a message was cut in */
    SECRETS_MAX = 4096,
    LINE_MAX_BYTES = 2000,
    RECORD_MAX_BYTES = 130 << 20 /* what is sent and an answer of 64 MiB */
};

struct host {
    struct sq_host api; /* first: the plugin holds a pointer to it */
    struct sq_host_conf conf;
    const struct sq_setting *settings;
    struct sq_conf_key *keys; /* parallel to settings, ended by a NULL name */
    struct sq_conf *values;
    struct sq_web *web;
    pthread_mutex_t lock; /* of the secrets */
    char *secrets[SECRETS_MAX];
    size_t n_secrets;
};

static struct host *of(struct sq_host *api)
{
    return (struct host *)api;
}

static void hide(struct sq_host *api, const char *secret)
{
    struct host *h = of(api);
    if (!secret || strlen(secret) < SECRET_MIN_BYTES)
        return;
    pthread_mutex_lock(&h->lock);
    bool known = h->n_secrets == SECRETS_MAX;
    for (size_t i = 0; i < h->n_secrets && !known; i++)
        known = strcmp(h->secrets[i], secret) == 0;
    if (!known && (h->secrets[h->n_secrets] = strdup(secret)))
        h->n_secrets++;
    pthread_mutex_unlock(&h->lock);
}

/* How much of a secret begins here: all of it, or so much that a message was cut in it;
 * else 0. */
static size_t begins(const char *text, const char *secret)
{
    size_t n = 0;
    while (secret[n] && secret[n] == text[n])
        n++;
    return !secret[n] || n >= CUT_MIN_BYTES ? n : 0;
}

void sq_host_redact(struct sq_host *api, char *text)
{
    struct host *h = of(api);
    pthread_mutex_lock(&h->lock);
    for (char *p = text; *p; p++) {
        size_t len = 0; /* the longest: signed links begin alike */
        for (size_t i = 0; i < h->n_secrets; i++) {
            size_t n = begins(p, h->secrets[i]);
            len = n > len ? n : len;
        }
        if (len == 0)
            continue;
        memcpy(p, "***", 3);
        memmove(p + 3, p + len, strlen(p + len) + 1);
        p += 2;
    }
    pthread_mutex_unlock(&h->lock);
}

static void say(struct sq_host *api, enum sq_log_kind kind, const char *fmt, ...)
{
    static const enum sq_level levels[] = {SQ_LOG_ERROR, SQ_LOG_WARNING, SQ_LOG_INFO,
                                           SQ_LOG_DEBUG};
    struct host *h = of(api);
    char text[LINE_MAX_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    sq_host_redact(api, text);
    if (h->conf.log)
        h->conf.log(h->conf.arg, kind, api->name, text);
    else
        sq_log(levels[(size_t)kind < SQ_LEN(levels) ? kind : SQ_SAY_DEBUG], api->name,
               "%s", text);
}

/* The row of `key`, or -1. */
static int find(const struct host *h, const char *key)
{
    for (int i = 0; h->keys[i].name; i++)
        if (strcmp(h->keys[i].name, key) == 0)
            return i;
    return -1;
}

static const char *setting(struct sq_host *api, const char *key)
{
    struct host *h = of(api);
    return find(h, key) < 0 ? NULL : sq_conf_text(h->values, key);
}

static int64_t setting_int(struct sq_host *api, const char *key)
{
    struct host *h = of(api);
    int i = find(h, key);
    if (i < 0)
        return SQ_UNKNOWN;
    switch (h->keys[i].kind) {
    case SQ_CONF_INT: return sq_conf_int(h->values, key);
    case SQ_CONF_BOOL: return sq_conf_bool(h->values, key);
    default: return SQ_UNKNOWN;
    }
}

static int run(struct sq_host *api, struct sq_call *call, const struct sq_run *what,
               int *ret_status, struct sq_err *err)
{
    return sq_run_program(call, what, ret_status, err);
}

/* For tests: secrets hidden, one write a call.  What cannot be recorded is left out. */
static void record(struct host *h, const struct sq_web_request *request,
                   const struct sq_web_answer *answer, const char *why)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    SQ_CLEANUP(sq_closep)
    int fd = open(h->conf.record, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    sq_buf_init(&text, RECORD_MAX_BYTES);
    sq_web_write(request, answer, why, &text);
    if (fd < 0 || !sq_buf_ok(&text))
        return;
    sq_host_redact(&h->api, text.data);
    sq_write_all(fd, text.data, strlen(text.data), NULL);
}

static int web(struct sq_host *api, struct sq_call *call,
               const struct sq_web_request *request, struct sq_web_answer **ret,
               struct sq_err *err)
{
    struct host *h = of(api);
    struct sq_web_answer *answer = NULL;
    struct sq_err why = {0};
    int64_t begin = sq_monotonic();
    int rc = sq_web_call(h->web, call, request, &answer, &why);
    if (h->conf.record)
        record(h, request, answer, why.text);
    if (rc) {
        sq_host_redact(api, why.text);
        return sq_fail(err, rc, "%s", why.text);
    }
    api->log(api, SQ_SAY_DEBUG, "%s %.*s: %d in %.2f s", request->method,
             (int)strcspn(request->url, "?#"), request->url, answer->status,
             (double)(sq_monotonic() - begin) / 1e6);
    *ret = answer;
    return 0;
}

static int pause_call(struct sq_host *api, struct sq_call *call, int64_t ms,
                      struct sq_err *err)
{
    (void)api;
    return sq_web_pause(call, ms, err);
}

static int folder(struct sq_host *api, const char **ret, struct sq_err *err)
{
    struct host *h = of(api);
    if (!h->conf.folder)
        return sq_fail(err, SQ_EUNSUPPORTED, "%s has no folder of its own here",
                       api->name);
    int rc = sq_mkdirs(h->conf.folder, 0700, err);
    if (rc == 0)
        *ret = h->conf.folder;
    return rc;
}

struct sq_conf_key sq_host_key(const struct sq_setting *setting)
{
    return (struct sq_conf_key){
        .name = setting->key,
        .kind = setting->kind == SQ_SETTING_INT    ? SQ_CONF_INT
                : setting->kind == SQ_SETTING_BOOL ? SQ_CONF_BOOL
                                                   : SQ_CONF_TEXT,
        .fallback = setting->fallback,
        .help = setting->help,
        .max = INT64_MAX,
        .secret = setting->secret,
    };
}

/* The plugin's table as lib/conf.c reads one. */
static struct sq_conf_key *keys_of(const struct sq_setting *settings)
{
    size_t n = 0;
    while (settings && settings[n].key)
        n++;
    struct sq_conf_key *keys = calloc(n + 1, sizeof *keys);
    for (size_t i = 0; keys && i < n; i++)
        keys[i] = sq_host_key(&settings[i]);
    return keys;
}

static void hide_settings(struct host *h)
{
    for (size_t i = 0; h->keys[i].name; i++)
        if (h->keys[i].secret)
            hide(&h->api, sq_conf_text(h->values, h->keys[i].name));
}

int sq_host_new(const struct sq_plugin *plugin, const struct sq_host_conf *conf,
                struct sq_host **ret, struct sq_err *err)
{
    struct host *h = calloc(1, sizeof *h);
    if (!h || !(h->keys = keys_of(sq_plugin_table(plugin)))) {
        free(h);
        return sq_fail(err, SQ_ENOMEM, "out of memory for the plugin %s", plugin->name);
    }
    h->api = (struct sq_host){.name = plugin->name,
                              .log = say,
                              .setting = setting,
                              .setting_int = setting_int,
                              .hide = hide,
                              .run = run,
                              .web = web,
                              .web_free = sq_web_answer_free,
                              .web_header = sq_web_header,
                              .pause = pause_call,
                              .folder = folder};
    h->conf = *conf;
    pthread_mutex_init(&h->lock, NULL);
    /* The file holds other programs' and other plugins' settings too: no notes. */
    int rc = conf->given
                 ? sq_conf_part(h->keys, conf->given, &h->values, err)
                 : sq_conf_load(h->keys, conf->settings, NULL, NULL, &h->values, err);
    if (rc == 0)
        rc = sq_web_new(&h->web, err);
    if (rc) {
        sq_host_free(&h->api);
        return rc;
    }
    hide_settings(h);
    *ret = &h->api;
    return 0;
}

void sq_host_free(struct sq_host *api)
{
    struct host *h = of(api);
    if (!h)
        return;
    sq_conf_free(h->values);
    sq_web_free(h->web);
    for (size_t i = 0; i < h->n_secrets; i++)
        free(h->secrets[i]);
    pthread_mutex_destroy(&h->lock);
    free(h->keys);
    free(h);
}
