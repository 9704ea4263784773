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

int sq_plugin_find(const char *settings, struct sq_plugins **ret, struct sq_err *err)
{
    struct sq_conf *conf;
    int rc = sq_conf_load(keys, settings, NULL, NULL, &conf, err);
    if (rc)
        return rc;
    rc = sq_plugins_load(sq_conf_text(conf, "SCITQ_PLUGIN_PATH"), ret, err);
    sq_conf_free(conf);
    return rc;
}

const char *sq_plugin_protocols(struct sq_cli *cli, const struct sq_plugin *p)
{
    const char *all = "";
    for (size_t i = 0; all && p->storage && p->storage->protocols[i]; i++)
        all = sq_arena_printf(&cli->args.arena, "%s%s%s", all, i ? "," : "",
                              p->storage->protocols[i]);
    return all;
}
