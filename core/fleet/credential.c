/* What proves who calls the server, for what the fleet starts: a deployed worker's
 * token (core/model/pass.h), and the one with which Ansible's inventory reads.  Neither
 * stands on a command line or in a log: they are handed on in files that only their
 * owner reads. */
#include "core/fleet/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/model/pass.h"
#include "lib/clock.h"
#include "lib/file.h"

enum { GRACE_S = 600, SECOND_US = 1000000 };

int sq_fleet_write_private(const char *path, const char *text, size_t len,
                           struct sq_err *err)
{
    unlink(path); /* a killed server's */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return sq_fail(err, sq_errno_code(errno), "cannot write %s: %s", path,
                       strerror(errno));
    int rc = sq_write_all(fd, text, len, err);
    close(fd);
    return rc ? sq_prefix(err, "%s: ", path) : 0;
}

int sq_fleet_worker_pass(struct sq_running *r, const struct sq_recruited_machine *w,
                         const char **ret, struct sq_err *err)
{
    struct sq_pass pass = {.kind = SQ_PASS_WORKER, .worker_id = w->worker_id};
    char text[SQ_PASS_SIZE];
    if (!w->token || strlen(w->token) >= sizeof pass.machine)
        return sq_fail(err, SQ_EINVAL, "the worker %s has no machine", w->name);
    strcpy(pass.machine, w->token);
    sq_pass_write(r->fleet->setup.secret, &pass, text);
    *ret = sq_arena_strdup(&r->arena, text);
    return *ret ? 0 : sq_fail(err, SQ_ENOMEM, "out of memory for a token");
}

int sq_fleet_write_pass(struct sq_running *r, char **ret_path, struct sq_err *err)
{
    const struct sq_fleet_setup *s = &r->fleet->setup;
    const struct sq_pass pass = {.kind = SQ_PASS_JOB,
                                 .until_s = sq_now() / SECOND_US +
                                            r->tuning->lifetime_s + GRACE_S};
    char text[SQ_PASS_SIZE];
    char *folder = sq_arena_printf(&r->arena, "%s/ansible", s->state_dir);
    char *path = sq_arena_printf(&r->arena, "%s/worker-%lld.token", folder,
                                 (long long)r->about.worker_id);
    if (!folder || !path)
        return sq_fail(err, SQ_ENOMEM, "out of memory for a token");
    int rc = sq_mkdirs(folder, 0700, err);
    sq_pass_write(s->secret, &pass, text);
    if (rc == 0)
        rc = sq_fleet_write_private(path, text, strlen(text), err);
    if (rc == 0)
        *ret_path = path;
    return rc;
}

void sq_fleet_hide(const char *secret, char *text)
{
    size_t len = secret ? strlen(secret) : 0;
    for (char *at = text; len && (at = strstr(at, secret));) {
        memcpy(at, "***", 3);
        memmove(at + 3, at + len, strlen(at + len) + 1);
    }
}
