/* A playbook run for a worker: each line that it writes is the job's, PERCENT_n in it
 * its progress, and a canceled job ends it with all its programs.
 *
 * What it is told is in a file that only its owner reads, since everybody on a machine
 * reads command lines.  The file is the worker's, so that what a killed server left is
 * written again, or removed with the worker. */
#include "core/fleet/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/fleet/fault.h"
#include "lib/file.h"
#include "lib/jsonio.h"
#include "lib/run.h"

enum {
    VARIABLES_MAX = 64 * 1024,
    HEARD_MAX = 512 * 1024 /* of a job's log, which has room for why it failed too */
};

/* ---- what it is told */

static void add(struct sq_jw *j, const char *key, const char *value)
{
    sq_jw_key(j, key);
    sq_jw_text(j, value);
}

/* A text that a user wrote: Ansible would run what it has in {{ }}, as root, here. */
static void add_unsafe(struct sq_jw *j, const char *key, const char *value)
{
    sq_jw_key(j, key);
    sq_jw_open(j, '{');
    add(j, "__ansible_unsafe", value);
    sq_jw_close(j);
}

static int make_variables(struct sq_running *r, const struct sq_recruited_machine *w,
                          const char *pass, struct sq_buf *out, struct sq_err *err)
{
    struct sq_jw j;
    sq_jw_init(&j, out);
    sq_jw_open(&j, '{');
    add_unsafe(&j, "scitq_host", w->name);
    add(&j, "scitq_server", r->tuning->server);
    add_unsafe(&j, "scitq_batch", w->batch);
    sq_jw_key(&j, "scitq_concurrency");
    sq_jw_int(&j, w->concurrency);
    add(&j, "scitq_launch_token", w->token);
    add(&j, "scitq_token", pass);
    if (r->fleet->setup.ca)
        add(&j, "scitq_ca", r->fleet->setup.ca);
    sq_jw_key(&j, "scitq_permanent");
    sq_jw_bool(&j, 0);
    sq_jw_close(&j);
    return sq_buf_ok(out)
               ? 0
               : sq_fail(err, SQ_ETOOBIG, "the names of %s are too long", w->name);
}

static int write_variables(struct sq_running *r, const struct sq_recruited_machine *w,
                           const char *pass, char **ret_path, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    sq_buf_init(&text, VARIABLES_MAX);
    char *folder = sq_arena_printf(&r->arena, "%s/ansible", r->fleet->setup.state_dir);
    char *path = sq_arena_printf(&r->arena, "%s/worker-%lld.json", folder,
                                 (long long)w->worker_id);
    int rc = folder && path ? make_variables(r, w, pass, &text, err)
                            : sq_fail(err, SQ_ENOMEM, "out of memory for a playbook");
    if (rc == 0)
        rc = sq_mkdirs(folder, 0700, err);
    if (rc == 0)
        rc = sq_fleet_write_private(path, text.data, text.len, err);
    if (rc == 0)
        *ret_path = path;
    return rc;
}

/* ---- running Ansible's programs */

int sq_fleet_ansible(struct sq_running *r, const char *const *argv,
                     sq_fleet_line_fn *line, void *arg, int *ret_status,
                     struct sq_err *err)
{
    const struct sq_tuning *t = r->tuning;
    char *config =
        sq_arena_printf(&r->arena, "ANSIBLE_CONFIG=%s/ansible.cfg", t->playbooks);
    char *server = sq_arena_printf(&r->arena, "SCITQ_SERVER=%s", t->server);
    char *file = NULL;
    int rc = sq_fleet_write_pass(r, &file, err);
    if (rc)
        return rc;
    char *pass = sq_arena_printf(&r->arena, "SCITQ_TOKEN_FILE=%s", file);
    const char *const env[] = {config,
                               server,
                               pass,
                               "SCITQ_TOKEN",
                               "ANSIBLE_NOCOLOR=1",
                               "ANSIBLE_FORCE_COLOR",
                               "PYTHONUNBUFFERED=1",
                               NULL};
    const struct sq_run run = {.argv = argv, .env = env, .line = line, .arg = arg};
    rc = config && server && pass
             ? sq_run_program(&r->call, &run, ret_status, err)
             : sq_fail(err, SQ_ENOMEM, "out of memory for a playbook");
    unlink(file);
    return rc == SQ_ENOENT ? sq_fail(err, SQ_EUNSUPPORTED,
                                     "there is no %s here, with which machines are "
                                     "configured: install Ansible",
                                     argv[0])
                           : rc;
}

struct listener {
    struct sq_running *r;
    struct sq_fleet_fault fault;
    const char *pass; /* the worker's, which nobody reads */
};

static void hear(struct listener *l, const char *line, size_t len)
{
    bool room = l->r->heard < HEARD_MAX;
    l->r->heard += len;
    if (room)
        sq_fleet_say(l->r, "%s", line);
    if (room && l->r->heard >= HEARD_MAX)
        sq_fleet_say(l->r, "(the rest of what it prints is left out)");
    sq_fleet_fault_line(&l->fault, line, len);
}

static int on_line(void *arg, int stream, const char *line, size_t len)
{
    struct listener *l = arg;
    (void)stream;
    if (!strstr(line, l->pass)) {
        hear(l, line, len);
        return 0;
    }
    SQ_CLEANUP(sq_freep) char *safe = strdup(line);
    if (safe) {
        sq_fleet_hide(l->pass, safe);
        hear(l, safe, strlen(safe));
    }
    return 0;
}

int sq_fleet_playbook(struct sq_running *r, const struct sq_recruited_machine *w,
                      const char *name, struct sq_err *err)
{
    const struct sq_tuning *t = r->tuning;
    struct listener l = {.r = r};
    char *file = NULL;
    int status, rc = sq_fleet_worker_pass(r, w, &l.pass, err);
    if (rc == 0)
        rc = write_variables(r, w, l.pass, &file, err);
    if (rc)
        return rc;
    char *path = sq_arena_printf(&r->arena, "%s/%s", t->playbooks, name);
    char *told = sq_arena_printf(&r->arena, "@%s", file);
    const char *const argv[] = {
        "ansible-playbook", "-i", t->inventory, "-e", told, path, NULL};
    rc = path && told ? sq_fleet_ansible(r, argv, on_line, &l, &status, err)
                      : sq_fail(err, SQ_ENOMEM, "out of memory for a playbook");
    unlink(file);
    if (rc == 0 && status != 0 && *l.fault.text)
        rc = sq_fail(err, SQ_EIO, "%s failed %s", name, l.fault.text);
    else if (rc == 0 && status != 0)
        rc = sq_fail(err, SQ_EIO,
                     "%s ended with exit code %d: what it said before tells why", name,
                     status);
    return rc;
}
