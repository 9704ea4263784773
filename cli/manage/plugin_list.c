/* scitq-manage plugin list: every module found, the broken ones with their problem.
 * --json tells the settings of each too. */
#include "cli/listing.h"
#include "cli/manage/commands.h"
#include "cli/manage/plugin.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {
    SQ_OPT_PLUGIN_CONFIG, SQ_OPT_NO_HEADER, SQ_OPT_LONG, {0}};

static const char *const columns[] = {"name", "kind",    "serves",
                                      "file", "problem", NULL};
static const char *const all_columns[] = {"name", "kind",    "serves", "file",
                                          "help", "problem", NULL};

static json_t *settings_of(const struct sq_plugin *p)
{
    static const char *const kinds[] = {"text", "integer", "boolean"};
    json_t *list = json_array();
    const struct sq_setting *s = sq_plugin_table(p);
    for (; s && s->key; s++)
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s?, s:b, s:s}", "key", s->key,
                                        "kind", kinds[s->kind], "default", s->fallback,
                                        "secret", s->secret, "help", s->help));
    return list;
}

/* NULL where a text is no UTF-8 or memory is out. */
static json_t *describe(struct sq_cli *cli, const struct sq_plugin *p, const char *kind)
{
    const char *help = p->storage    ? p->storage->help
                       : p->provider ? p->provider->help
                                     : NULL;
    return json_pack("{s:s, s:s, s:s?, s:s, s:s?, s:s?, s:o}", "name", p->name, "kind",
                     kind, "serves", sq_plugin_serves(cli, p), "file", p->path, "help",
                     help, "problem", p->problem, "settings", settings_of(p));
}

static int describe_all(struct sq_cli *cli, struct sq_plugins *ps, const char *kind,
                        json_t *list, struct sq_err *err)
{
    for (size_t i = 0; i < sq_plugins_count(ps); i++)
        if (json_array_append_new(list, describe(cli, sq_plugins_at(ps, i), kind)))
            return sq_fail(err, SQ_EINVAL, "the plugin %s cannot be described",
                           sq_plugins_at(ps, i)->path);
    return 0;
}

static int print(struct sq_cli *cli, bool header, bool all, const json_t *list,
                 struct sq_err *err)
{
    if (!sq_args_has(&cli->args, "json"))
        return sq_listing_print_array(cli->out, all ? all_columns : columns, header,
                                      !all, list, err);
    sq_cli_print_json(cli, list);
    return 0;
}

static int run(struct sq_cli *cli, struct sq_err *err)
{
    struct sq_plugins *storages, *providers;
    bool header = !sq_args_has(&cli->args, "no-header");
    bool all = sq_args_has(&cli->args, "long");
    SQ_CLEANUP(sq_freep) char *settings = sq_plugin_settings(cli);
    SQ_CLEANUP(sq_json_unref) json_t *list = json_array();
    int rc = sq_plugin_find(settings, &storages, &providers, err);
    if (rc)
        return rc;
    rc = describe_all(cli, storages, "storage", list, err);
    if (rc == 0)
        rc = describe_all(cli, providers, "provider", list, err);
    if (rc == 0)
        rc = print(cli, header, all, list, err);
    sq_plugins_free(storages);
    sq_plugins_free(providers);
    return rc;
}

const struct sq_verb sq_verb_plugin_list = {
    .name = "list",
    .help = "list the plugins found, and what is wrong with the broken ones",
    .options = options,
    .run = run,
};
