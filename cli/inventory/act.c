/* What scitq-inventory does, through the server's HTTP API: it is run by Ansible at any
 * moment, and only the server may write to an SQLite database. */
#include "cli/inventory/inventory.h"
#include "cli/rows.h"

#include <string.h>

/* clang-format off: a row an option */
const struct sq_opt sq_inventory_options[] = {
    {.name = "list", .group = 1, .help = "print all groups, hosts and their variables"},
    {.name = "host",
     .kind = SQ_OPT_TEXT,
     .value = "HOST",
     .group = 1,
     .help = "print the variables of this host"},
    {.name = "add-host",
     .kind = SQ_OPT_TEXT,
     .value = "HOST",
     .group = 1,
     .help = "add a host, or change it if it is there"},
    {.name = "for-host",
     .kind = SQ_OPT_TEXT,
     .value = "HOST",
     .group = 1,
     .help = "set a variable of a host that is there"},
    {.name = "del-host",
     .kind = SQ_OPT_TEXT,
     .value = "HOST",
     .group = 1,
     .help = "forget a host"},
    {.name = "in-group",
     .kind = SQ_OPT_TEXT,
     .value = "GROUP",
     .help = "the host's group (manual)"},
    {.name = "variable",
     .kind = SQ_OPT_TEXT,
     .value = "NAME",
     .flags = SQ_OPT_MANY,
     .help = "a variable of the host; may be repeated, each with its --value"},
    {.name = "value",
     .kind = SQ_OPT_TEXT,
     .value = "VALUE",
     .flags = SQ_OPT_MANY,
     .help = "the value of the --variable before it"},
    {.name = "change-etchosts",
     .help = "then, or alone: have /etc/hosts of this machine name the hosts"},
    {0},
};
/* clang-format on */

static int path_of(const char *host, struct sq_buf *path, struct sq_err *err)
{
    sq_buf_init(path, 4096);
    sq_buf_adds(path, "/inventory/");
    sq_http_escape(host, path);
    return sq_buf_ok(path) && *host ? 0 : sq_fail(err, SQ_EINVAL, "no host is named");
}

static int read_list(struct sq_cli *cli, json_t **ret, struct sq_err *err)
{
    return sq_cli_call_take(cli, "GET", "/inventory/", NULL, ret, err);
}

static int print_list(struct sq_cli *cli, const char *host, struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *list = NULL, *none = json_object();
    int rc = read_list(cli, &list, err);
    if (rc != 0)
        return rc;
    const json_t *all = json_object_get(json_object_get(list, "_meta"), "hostvars");
    const json_t *one = host ? json_object_get(all, host) : list;
    sq_cli_print_json(cli, one ? one : none);
    return 0;
}

/* The pairs of --variable and --value as an object. */
static int read_variables(struct sq_cli *cli, json_t **ret, struct sq_err *err)
{
    const char *const *names, *const *values;
    size_t n = sq_args_all(&cli->args, "variable", &names);
    size_t n_values = sq_args_all(&cli->args, "value", &values);
    if (n != n_values)
        return sq_cli_misuse(cli, err, "each --variable needs one --value");
    *ret = json_object();
    for (size_t i = 0; i < n; i++)
        if (json_object_set_new(*ret, names[i], json_string(values[i])) != 0)
            return sq_fail(err, SQ_EINVAL, "the value of %s is no text", names[i]);
    return 0;
}

static int put(struct sq_cli *cli, const char *host, bool add, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf path;
    SQ_CLEANUP(sq_json_unref) json_t *variables = NULL;
    const char *group = sq_args_text(&cli->args, "in-group");
    int rc = path_of(host, &path, err);
    if (rc == 0)
        rc = read_variables(cli, &variables, err);
    if (rc == 0 && !add && json_object_size(variables) == 0)
        rc = sq_cli_misuse(cli, err, "--for-host needs --variable and --value");
    if (rc != 0)
        return rc;
    json_t *body = json_pack("{s:O}", "variables", variables);
    if (group)
        json_object_set_new(body, "group", json_string(group));
    if (add)
        json_object_set_new(body, "host", json_string(host));
    return add ? sq_cli_call_take(cli, "POST", "/inventory/", body, NULL, err)
               : sq_cli_call_take(cli, "PUT", path.data, body, NULL, err);
}

static int forget(struct sq_cli *cli, const char *host, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf path;
    int rc = path_of(host, &path, err);
    return rc ? rc : sq_cli_call_take(cli, "DELETE", path.data, NULL, NULL, err);
}

static int change_etchosts(struct sq_cli *cli, struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *list = NULL;
    int rc = read_list(cli, &list, err);
    return rc ? rc : sq_inventory_etchosts(list, err);
}

/* One of the options of group 1, or NULL. */
static const char *chosen(struct sq_cli *cli)
{
    static const char *const names[] = {"list", "host", "add-host", "for-host",
                                        "del-host"};
    for (size_t i = 0; i < SQ_LEN(names); i++)
        if (sq_args_has(&cli->args, names[i]))
            return names[i];
    return NULL;
}

int sq_inventory_act(struct sq_cli *cli, struct sq_err *err)
{
    const char *what = chosen(cli);
    bool etchosts = sq_args_has(&cli->args, "change-etchosts");
    const char *host =
        what && strcmp(what, "list") != 0 ? sq_args_text(&cli->args, what) : NULL;
    bool add = what && strcmp(what, "add-host") == 0;
    bool set = add || (what && strcmp(what, "for-host") == 0);
    int rc = 0;
    if (!what && !etchosts)
        return sq_cli_misuse(cli, err, "nothing to do: --list is what Ansible asks");
    if (!set &&
        (sq_args_has(&cli->args, "in-group") || sq_args_has(&cli->args, "variable") ||
         sq_args_has(&cli->args, "value")))
        return sq_cli_misuse(cli, err,
                             "--in-group, --variable and --value go with --add-host "
                             "or --for-host");
    if (set)
        rc = put(cli, host, add, err);
    else if (what && strcmp(what, "del-host") == 0)
        rc = forget(cli, host, err);
    else if (what)
        rc = print_list(cli, host, err);
    return rc == 0 && etchosts ? change_etchosts(cli, err) : rc;
}
