/* The rules.  Ansible takes a value apart as a template that may run anything, hands
 * addresses and users to ssh as words, and believes variables that say how to connect:
 * so values are no templates, what ssh sees begins with no `-`, of Ansible's own
 * variables only those that a host needs are taken, and what the playbooks read on the
 * server is set in 02-scitq alone. */
#include "core/model/inventory.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "lib/util.h"

/* 1 to `max` bytes, each a letter, a digit or of `more`, the first no `-` and no `.`.
 */
static bool is_word(const char *text, const char *more, size_t max)
{
    size_t n = strlen(text);
    if (n == 0 || n > max || *text == '-' || *text == '.')
        return false;
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr(more, *c))
            return false;
    return true;
}

/* What Ansible takes as a variable. */
static bool is_identifier(const char *text)
{
    return is_word(text, "_", SQ_INVENTORY_WORD) && !isdigit((unsigned char)*text);
}

static bool is_address(const char *v)
{
    return is_word(v, "._-:%", SQ_INVENTORY_NAME);
}

static bool is_user(const char *v)
{
    return is_word(v, "._-", SQ_INVENTORY_WORD);
}

static bool is_port(const char *v)
{
    int port = 0;
    for (const char *c = v; *c; c++)
        if (!isdigit((unsigned char)*c) || (port = port * 10 + *c - '0') > 65535)
            return false;
    return port > 0;
}

static bool is_path(const char *v)
{
    return *v == '/' && is_word(v + 1, "._-/@+", SQ_INVENTORY_VALUE - 1);
}

static bool is_python(const char *v)
{
    return strncmp(v, "/usr/", 5) == 0 && is_path(v) && !strstr(v, "..");
}

static bool is_connection(const char *v)
{
    return strcmp(v, "ssh") == 0 || strcmp(v, "local") == 0;
}

static const struct {
    const char *name;
    bool (*fits)(const char *value);
    const char *what;
} of_ansible[] = {
    {"ansible_host", is_address, "a name or an address"},
    {"ansible_port", is_port, "a port"},
    {"ansible_user", is_user, "a user's name"},
    {"ansible_ssh_private_key_file", is_path, "an absolute path"},
    {"ansible_python_interpreter", is_python, "a program below /usr"},
    {"ansible_connection", is_connection, "ssh or local"},
};

static const char *const of_the_server[] = {
    "nfs_exports_folder", "nfs_exports_path", "rclone_config",  "scitq_known_hosts",
    "scitq_src",          "ssh_public_key",   "worker_package",
};

int sq_inventory_check_host(const char *host, struct sq_err *err)
{
    if (strcmp(host, "localhost") == 0)
        return sq_fail(
            err, SQ_EINVAL,
            "localhost is the server's machine: only 02-scitq may change it");
    if (is_word(host, "._-", SQ_INVENTORY_NAME))
        return 0;
    return sq_fail(err, SQ_EINVAL,
                   "\"%.80s\" is no name of a host: letters, digits, '.', '_' and '-'",
                   host);
}

int sq_inventory_check_group(const char *group, struct sq_err *err)
{
    /* `_meta` is the name under which Ansible looks for variables. */
    if (is_identifier(group) && *group != '_')
        return 0;
    return sq_fail(err, SQ_EINVAL,
                   "\"%.80s\" is no name of a group: letters, digits and '_'", group);
}

static int check_value(const char *name, const char *value, struct sq_err *err)
{
    if (strlen(value) > SQ_INVENTORY_VALUE)
        return sq_fail(err, SQ_EINVAL, "the value of %s has more than %d bytes", name,
                       SQ_INVENTORY_VALUE);
    for (const char *c = value; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            return sq_fail(err, SQ_EINVAL, "the value of %s is not one line", name);
    if (strstr(value, "{{") || strstr(value, "{%") || strstr(value, "{#"))
        return sq_fail(err, SQ_EINVAL,
                       "the value of %s is a template: only 02-scitq may hold those",
                       name);
    return 0;
}

int sq_inventory_check_variable(const char *name, const char *value, struct sq_err *err)
{
    if (!is_identifier(name))
        return sq_fail(err, SQ_EINVAL,
                       "\"%.80s\" is no name of a variable: letters, digits and '_'",
                       name);
    for (size_t i = 0; i < SQ_LEN(of_the_server); i++)
        if (strcmp(name, of_the_server[i]) == 0)
            return sq_fail(err, SQ_EINVAL,
                           "%s concerns the server: only 02-scitq may set it", name);
    if (strncmp(name, "ansible_", 8) != 0)
        return check_value(name, value, err);
    for (size_t i = 0; i < SQ_LEN(of_ansible); i++)
        if (strcmp(name, of_ansible[i].name) == 0)
            return of_ansible[i].fits(value)
                       ? 0
                       : sq_fail(err, SQ_EINVAL, "%s has to be %s, not \"%.80s\"", name,
                                 of_ansible[i].what, value);
    return sq_fail(err, SQ_EINVAL, "%s can be set in 02-scitq only", name);
}
