/* Settings that change: what can fail comes first, then one pointer is exchanged. */
#include "core/living.h"

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

enum { SECOND_US = 1000000 };

struct sq_living_set {
    struct sq_settings settings;
    struct sq_tuning tuning;
    struct sq_living_set *older;
};

static const char *named(const struct sq_conf *conf, const char *key)
{
    const char *text = sq_conf_text(conf, key);
    return text && *text ? text : NULL;
}

static struct sq_tuning tune(const struct sq_settings *s)
{
    const struct sq_conf *c = s->conf;
    return (struct sq_tuning){
        .recruiting = {.server_name = s->server_name,
                       .preferred = sq_conf_text(c, "PREFERRED_REGIONS"),
                       .retry = sq_conf_int(c, "WORKER_CREATE_RETRY"),
                       .eviction = s->eviction,
                       .cost_margin = sq_conf_int(c, "EVICTION_COST_MARGIN")},
        .offline_us = sq_conf_int(c, "WORKER_OFFLINE_DELAY") * SECOND_US,
        .lost_us = sq_conf_int(c, "WORKER_LOST_DELAY") * SECOND_US,
        .idle_s = sq_conf_int(c, "WORKER_IDLE_DELAY"),
        .first_task_s = sq_conf_int(c, "WORKER_FIRST_TASK_DELAY"),
        .server = s->server,
        .on_loopback = s->on_loopback,
        .rclone_conf = sq_conf_text(c, "RCLONE_CONFIG"),
        .remote_uri = sq_conf_text(c, "REMOTE_URI"),
        .conf = c,
        .providers = named(c, "SCITQ_PROVIDERS"),
        .playbooks = sq_conf_text(c, "SCITQ_PLAYBOOKS"),
        .inventory = sq_conf_text(c, "SCITQ_INVENTORY"),
        .concurrency = (int)sq_conf_int(c, "WORKER_CREATE_CONCURRENCY"),
        .lifetime_s = (int)sq_conf_int(c, "JOB_MAX_LIFETIME"),
        .janitor_s = sq_conf_int(c, "JANITOR_PERIOD"),
        .janitor_destroys = s->janitor_destroys};
}

void sq_living_init(struct sq_living *l, const struct sq_options *options,
                    const struct sq_settings *settings)
{
    *l = (struct sq_living){.options = options, .settings = settings};
    l->first = tune(settings);
    atomic_store(&l->tuned.now, &l->first);
}

static void set_free(struct sq_living_set *set)
{
    if (set)
        sq_settings_fini(&set->settings);
    free(set);
}

/* ---- what is said */

static const char *shown(const char *value)
{
    return !value ? "not set" : *value ? value : "empty";
}

static void say_changed(void *arg, const struct sq_conf_key *key, const char *was,
                        const char *is)
{
    ++*(int *)arg;
    if (key->secret)
        sq_log(SQ_LOG_INFO, "settings", "%s has changed", key->name);
    else
        sq_log(SQ_LOG_INFO, "settings", "%s has changed: it was %s, and is now %s",
               key->name, shown(was), shown(is));
}

static void say_later(void *arg, const struct sq_conf_key *key, const char *is,
                      const char *will)
{
    ++*(int *)arg;
    if (key->secret)
        sq_log(SQ_LOG_WARNING, "settings", "%s changes at the next start", key->name);
    else
        sq_log(SQ_LOG_WARNING, "settings",
               "%s changes at the next start: it is %s, and will be %s", key->name,
               shown(is), shown(will));
}

static void say(const struct sq_settings *before, const struct sq_settings *now)
{
    int n = 0;
    sq_conf_compare(before->conf, now->conf, say_changed, &n);
    sq_conf_compare(now->conf, now->told, say_later, &n);
    if (n == 0)
        sq_log(SQ_LOG_INFO, "settings", "read again: none has changed");
}

/* ---- a new set */

static int read_set(struct sq_living *l, struct sq_living_set **ret, struct sq_err *err)
{
    struct sq_living_set *set = calloc(1, sizeof *set);
    if (!set)
        return sq_fail(err, SQ_ENOMEM, "out of memory reading the settings");
    int rc = sq_settings_load_again(l->options, l->settings, &set->settings, err);
    if (rc) {
        free(set);
        return rc;
    }
    set->tuning = tune(&set->settings);
    *ret = set;
    return 0;
}

static void count(void *arg, const struct sq_conf_key *key, const char *was,
                  const char *is)
{
    (void)key, (void)was, (void)is;
    ++*(int *)arg;
}

/* One that says nothing new is not kept. */
static void take(struct sq_living *l, struct sq_living_set *set)
{
    set->older = l->sets;
    l->sets = set;
    l->settings = &set->settings;
    atomic_store(&l->tuned.now, &set->tuning);
    if (l->changed)
        l->changed(l->arg);
}

/* The files of tokens and certificate may be others under the same names. */
static int renew(struct sq_living *l, struct sq_err *err)
{
    const struct sq_settings *before = l->settings;
    struct sq_living_set *set = NULL;
    struct sq_guard_files files = {0};
    int changes = 0, rc = read_set(l, &set, err);
    if (rc)
        return rc;
    sq_conf_compare(before->conf, set->settings.conf, count, &changes);
    if (l->guard)
        rc = sq_guard_read(changes ? &set->settings : before, &files, err);
    if (rc == 0)
        rc = sq_settings_open_log(&set->settings, before->log.level, err);
    if (rc) {
        sq_guard_drop(&files);
        set_free(set);
        return rc;
    }
    /* Nothing fails from here on.  Changes are told at the more talkative level. */
    if (l->guard)
        sq_guard_take(l->guard, &files);
    if (changes)
        take(l, set);
    say(before, &set->settings);
    if (!changes)
        set_free(set);
    sq_log_set_level(l->settings->log.level);
    if (l->guard)
        sq_guard_warn(l->guard, l->settings);
    return 0;
}

void sq_living_reload(struct sq_living *l)
{
    struct sq_err err, why;
    if (renew(l, &err) == 0)
        return;
    if (sq_log_reopen(&why) != 0)
        sq_log(SQ_LOG_ERROR, "settings", "%s", why.text);
    sq_log(SQ_LOG_ERROR, "settings",
           "read again, and not right, so all of them stay as they were: %s", err.text);
}

void sq_living_fini(struct sq_living *l)
{
    while (l->sets) {
        struct sq_living_set *set = l->sets;
        l->sets = set->older;
        set_free(set);
    }
}
