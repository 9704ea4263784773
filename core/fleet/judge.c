/* What providers think of their settings, before any job needs them.  Opening an
 * instance judges them and asks nobody; one to which nothing is given is not in use,
 * and has nothing to say.  A wrong value is refused; one that is missing may still
 * come, by the environment of whoever starts the server, and is only warned of. */
#include "core/fleet/impl.h"

#include "lib/log.h"

static bool is_given(const struct sq_plugin *plugin, const struct sq_conf *conf)
{
    const struct sq_setting *t = sq_plugin_table(plugin);
    for (; t && t->key; t++) {
        const char *value =
            sq_conf_given(conf, t->key) ? sq_conf_text(conf, t->key) : NULL;
        if (value && *value)
            return true;
    }
    return false;
}

int sq_fleet_judge(const struct sq_plugin *plugin, const char *name,
                   const struct sq_conf *conf, struct sq_err *err)
{
    const struct sq_host_conf given = {.given = conf};
    const struct sq_provider_conf as = {.as = name, .owner = "judged"};
    struct sq_provider *p = NULL;
    struct sq_host *host;
    if (!is_given(plugin, conf))
        return 0;
    int rc = sq_host_new(plugin, &given, &host, err);
    if (rc)
        return rc;
    rc = plugin->provider->open(host, &as, &p, err);
    if (rc)
        sq_host_redact(host, err->text);
    else
        plugin->provider->close(p);
    sq_host_free(host);
    return rc;
}

struct judged {
    const struct sq_plugin *last; /* its other names say the same */
    const struct sq_conf *conf;
    struct sq_err *err;
    int rc;
};

static void judge_each(void *arg, const char *name, const struct sq_plugin *plugin)
{
    struct judged *j = arg;
    struct sq_err why;
    int rc = plugin == j->last ? 0 : sq_fleet_judge(plugin, name, j->conf, &why);
    j->last = plugin;
    if (rc == SQ_EINVAL && j->rc == 0)
        j->rc = sq_fail(j->err, rc, "the provider %s: %s", name, why.text);
    else if (rc)
        sq_log(SQ_LOG_WARNING, "settings", "the provider %s: %s", name, why.text);
}

int sq_fleet_check_settings(const struct sq_plugins *plugins, const char *names,
                            const struct sq_conf *conf, struct sq_err *err)
{
    struct judged j = {.conf = conf, .err = err};
    sq_fleet_each_name(plugins, names && *names ? names : NULL, judge_each, &j);
    return j.rc;
}
