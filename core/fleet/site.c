/* What the site's inventory says to the server itself: asked of Ansible, whose rules of
 * precedence are nobody else's to know. */
#include "core/fleet/impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/jsonio.h"

enum { ANSWER_MAX = 1 << 20, KEY_MAX = 16 * 1024 };

struct answer {
    struct sq_buf json;
    char said[300]; /* its last line of standard error */
};

static int on_line(void *arg, int stream, const char *line, size_t len)
{
    struct answer *a = arg;
    if (stream == 1)
        sq_buf_add(&a->json, line, len);
    else
        snprintf(a->said, sizeof a->said, "%s", line);
    return 0;
}

/* Its text in the arena; NULL where it is not set. */
static int text_of(struct sq_running *r, const struct sq_buf *json, const char *name,
                   char **ret, struct sq_err *err)
{
    json_t *all = NULL;
    const char *data = json->data ? json->data : "";
    int rc = sq_json_parse(data, json->len, &all, err);
    const char *text = rc ? NULL : json_string_value(json_object_get(all, name));
    char *copy = text && *text ? sq_arena_strdup(&r->arena, text) : NULL;
    if (rc)
        rc = sq_prefix(err, "what ansible-inventory printed: ");
    else if (text && *text && !copy)
        rc = sq_fail(err, SQ_ENOMEM, "out of memory for the inventory");
    else
        *ret = copy;
    json_decref(all);
    return rc;
}

/* The variables that [scitq:vars] set for the managers, of which localhost is one. */
static int read_variables(struct sq_running *r, char **ret_key_file,
                          char **ret_key_name, struct sq_err *err)
{
    const char *const argv[] = {
        "ansible-inventory", "-i", r->tuning->inventory, "--host", "localhost", NULL};
    struct answer a = {.said = "it did not say why"};
    int status = 0;
    sq_buf_init(&a.json, ANSWER_MAX);
    int rc = sq_fleet_ansible(r, argv, on_line, &a, &status, err);
    if (rc == 0 && status != 0)
        rc = sq_fail(err, SQ_EIO, "ansible-inventory ended with exit code %d: %s",
                     status, a.said);
    if (rc == 0)
        rc = text_of(r, &a.json, "ssh_public_key", ret_key_file, err);
    if (rc == 0)
        rc = text_of(r, &a.json, "keyname", ret_key_name, err);
    sq_buf_fini(&a.json);
    return rc;
}

/* One line of a public key, as sshd reads it. */
static bool is_key(const char *line)
{
    static const char *const kinds[] = {"ssh-", "ecdsa-", "sk-"};
    bool known = false;
    for (size_t i = 0; i < SQ_LEN(kinds); i++)
        known = known || strncmp(line, kinds[i], strlen(kinds[i])) == 0;
    for (const char *c = line; *c; c++)
        known = known && (unsigned char)*c >= ' ' && *c != 127;
    return known && strchr(line, ' ');
}

static int read_key(struct sq_running *r, const char *path, char **ret,
                    struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    struct sq_err why;
    sq_buf_init(&text, KEY_MAX);
    if (sq_file_read(path, &text, &why) != 0)
        return sq_fail(err, SQ_EINVAL, "ssh_public_key: %s", why.text);
    char *key = sq_arena_strdup(&r->arena, text.data ? text.data : "");
    if (!key)
        return sq_fail(err, SQ_ENOMEM, "out of memory for a key");
    key[strcspn(key, "\r\n")] = 0;
    if (!is_key(key))
        return sq_fail(err, SQ_EINVAL, "ssh_public_key: %s holds no SSH public key",
                       path);
    *ret = key;
    return 0;
}

int sq_fleet_read_site(struct sq_running *r, struct sq_fleet_site *ret,
                       struct sq_err *err)
{
    static const char *const usual[] = {"/root/.ssh/id_ed25519.pub",
                                        "/root/.ssh/id_ecdsa.pub",
                                        "/root/.ssh/id_rsa.pub"};
    char *path = NULL;
    *ret = (struct sq_fleet_site){0};
    int rc = read_variables(r, &path, &ret->key_name, err);
    if (rc)
        return rc;
    if (path)
        return read_key(r, path, &ret->ssh_key, err);
    for (size_t i = 0; rc == 0 && !ret->ssh_key && i < SQ_LEN(usual); i++)
        if (access(usual[i], R_OK) == 0)
            rc = read_key(r, usual[i], &ret->ssh_key, err);
    return rc;
}

int sq_fleet_check_site(struct sq_running *r, struct sq_err *err)
{
    const struct sq_tuning *t = r->tuning;
    /* Ansible takes lists of hosts there too; only what is a path can be missing. */
    if (*t->inventory == '/' && access(t->inventory, R_OK) != 0)
        return sq_fail(err, SQ_EINVAL,
                       "there is no inventory %s (SCITQ_INVENTORY): %s: "
                       "`scitq-manage ansible install` makes it",
                       t->inventory, strerror(errno));
    if (t->on_loopback)
        sq_fleet_say(r,
                     "its worker is told to reach this server at %s, which only this "
                     "machine can: set SCITQ_SERVER and SCITQ_LISTEN",
                     t->server);
    return 0;
}
