/* Where plugins and their settings are, for the verbs of `plugin`. */
#include "cli/manage/plugin.h"

#include <string.h>

#include "lib/conf.h"

static const struct sq_conf_key keys[] = {
    {.name = "SCITQ_PLUGIN_PATH", .kind = SQ_CONF_TEXT, .help = "folders of plugins"},
    {0}};

char *sq_plugin_settings(struct sq_cli *cli)
{
    const char *given = sq_args_text(&cli->args, "config");
    if (given)
        return strdup(given);
    char *found = sq_conf_find("scitq-worker.conf");
    return found ? found : sq_conf_find("scitq.conf");
}

int sq_plugin_find(const char *settings, struct sq_plugins **ret_storages,
                   struct sq_plugins **ret_providers, struct sq_err *err)
{
    struct sq_conf *conf;
    struct sq_plugins *storages = NULL;
    int rc = sq_conf_load(keys, settings, NULL, NULL, &conf, err);
    if (rc)
        return rc;
    const char *path = sq_conf_text(conf, "SCITQ_PLUGIN_PATH");
    rc = sq_plugins_load(path, &storages, err);
    if (rc == 0)
        rc = sq_plugins_load_providers(path, ret_providers, err);
    if (rc == 0)
        *ret_storages = storages;
    else
        sq_plugins_free(storages);
    sq_conf_free(conf);
    return rc;
}

const char *sq_plugin_serves(struct sq_cli *cli, const struct sq_plugin *p)
{
    const char *all = p->provider ? p->name : NULL;
    const char *const *names = p->storage    ? p->storage->protocols
                               : p->provider ? p->provider->aliases
                                             : NULL;
    for (size_t i = 0; names && names[i]; i++)
        all = sq_arena_printf(&cli->args.arena, "%s%s%s", all ? all : "",
                              all ? "," : "", names[i]);
    return all ? all : "";
}
