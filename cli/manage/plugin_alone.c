/* Instances, and calls that cannot succeed: at a place that does not exist, with an
 * option that nobody knows, canceled before they began.  Each has to fail with a code
 * and a sentence, to leave what it would have given untouched, and to end. */
#include "cli/manage/plugin_alone.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/call.h"
#include "lib/clock.h"
#include "lib/file.h"

/* A server of that name is looked for, at worst, in vain. */
enum { LIMIT_S = 20 };
static const char nowhere[] = "/scitq-check.invalid/none/absent";

struct probe {
    struct sq_call call; /* first: see limited() */
    int64_t until_us;    /* 0: canceled already */
    const struct sq_storage_ops *ops;
    struct sq_storage *s;
    struct sq_location at;
    FILE *out;
};

static int limited(const struct sq_call *call)
{
    const struct probe *p = (const struct probe *)call;
    return sq_monotonic() >= p->until_us;
}

static int no_entry(void *arg, const struct sq_entry *entry)
{
    (void)arg;
    (void)entry;
    return 0;
}

/* ---- the operations that change nothing, each with a failure wanted */

static int call_info(struct probe *p, struct sq_entry *ret, struct sq_err *err)
{
    return p->ops->info(p->s, &p->at, SQ_WANT_DATE | SQ_WANT_MD5, &p->call, ret, err);
}

static int call_get(struct probe *p, struct sq_entry *ret, struct sq_err *err)
{
    char dir[] = "/tmp/scitq-check-XXXXXX", to[sizeof dir + 5];
    if (!mkdtemp(dir))
        return sq_fail(err, SQ_EIO, "cannot make a folder in /tmp");
    snprintf(to, sizeof to, "%s/back", dir);
    int rc = p->ops->get(p->s, &p->at, to, &p->call, ret, err);
    unlink(to);
    rmdir(dir);
    return rc;
}

static int call_list(struct probe *p, struct sq_entry *ret, struct sq_err *err)
{
    (void)ret;
    return p->ops->list(p->s, &p->at, SQ_LIST_RECURSIVE, no_entry, NULL, &p->call, err);
}

static const struct {
    const char *name;
    int (*run)(struct probe *p, struct sq_entry *ret, struct sq_err *err);
} calls[] = {{"info", call_info}, {"get", call_get}, {"list", call_list}};

static bool is_sentence(const struct sq_err *err)
{
    return strlen(err->text) > 10 && !strpbrk(err->text, "\n\r\t");
}

/* One call that must fail. */
static int must_fail(struct probe *p, size_t i, const char *how, struct sq_err *err)
{
    struct sq_err why = {0};
    struct sq_entry ret, before;
    memset(&ret, 0x5a, sizeof ret);
    memcpy(&before, &ret, sizeof ret);
    int rc = calls[i].run(p, &ret, &why);
    if (rc == 0)
        return sq_fail(err, SQ_EINVAL, "%s %s succeeds", calls[i].name, how);
    if (rc > 0 || strcmp(sq_code_name(rc), "SQ_E?") == 0)
        return sq_fail(err, SQ_EINVAL, "%s %s returns %d, which is no code of error.h",
                       calls[i].name, how, rc);
    if (!is_sentence(&why))
        return sq_fail(err, SQ_EINVAL,
                       "%s %s returns %s without one line that says why: \"%.200s\"",
                       calls[i].name, how, sq_code_name(rc), why.text);
    if (memcmp(&ret, &before, sizeof ret) != 0)
        return sq_fail(err, SQ_EINVAL, "%s %s fails and writes to *ret all the same",
                       calls[i].name, how);
    return 0;
}

static int must_all_fail(struct probe *p, const char *how, struct sq_err *err)
{
    for (size_t i = 0; i < SQ_LEN(calls); i++) {
        if (calls[i].run == call_list && !p->ops->list)
            continue;
        int rc = must_fail(p, i, how, err);
        if (rc)
            return rc;
    }
    fprintf(p->out, "ok: each call %s fails in words, and leaves *ret alone\n", how);
    return 0;
}

/* A protocol of the plugin's own; any for one that takes all others. */
static const char *protocol(const struct sq_plugin *plugin)
{
    const char *first = plugin->storage->protocols[0];
    return strcmp(first, "*") == 0 ? "scitq-check" : first;
}

static int canceled_calls(struct probe *p, struct sq_err *err)
{
    uint64_t one = 1;
    p->until_us = 0;
    SQ_CLEANUP(sq_closep) int fd = eventfd(0, EFD_CLOEXEC);
    if (fd < 0 || write(fd, &one, sizeof one) < 0)
        return sq_fail(err, SQ_EIO, "cannot make an eventfd");
    p->call.cancel_fd = fd;
    return must_all_fail(p, "canceled before it began", err);
}

static int limited_calls(struct probe *p, const char *how, struct sq_err *err)
{
    struct itimerspec limit = {.it_value = {LIMIT_S, 0}};
    SQ_CLEANUP(sq_closep) int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (fd < 0 || timerfd_settime(fd, 0, &limit, NULL) != 0)
        return sq_fail(err, SQ_EIO, "cannot make a timer");
    p->until_us = sq_monotonic() + LIMIT_S * INT64_C(1000000);
    p->call.cancel_fd = fd;
    return must_all_fail(p, how, err);
}

static int try_calls(struct probe *p, struct sq_err *err)
{
    static const char *const options[] = {"scitq-check", NULL};
    int rc = canceled_calls(p, err);
    if (rc == 0)
        rc = limited_calls(p, "at a place that is not there", err);
    if (rc)
        return rc;
    p->at.options = options;
    p->at.n_options = 1;
    return limited_calls(p, "with an option that nobody knows", err);
}

static void tell_operations(FILE *out, const struct sq_storage_ops *ops)
{
    fprintf(out, "ok: it has info get%s%s%s%s%s%s%s%s%s\n", ops->list ? " list" : "",
            ops->put ? " put" : "", ops->get_files ? " get_files" : "",
            ops->put_files ? " put_files" : "", ops->can_put ? " can_put" : "",
            ops->copy ? " copy" : "", ops->remove ? " remove" : "",
            ops->remove_files ? " remove_files" : "",
            ops->make_folder ? " make_folder" : "");
}

int sq_plugin_alone(FILE *out, const struct sq_plugin *plugin, struct sq_host *host,
                    struct sq_err *err)
{
    const struct sq_storage_ops *ops = plugin->storage;
    struct sq_storage *first = NULL, *second = NULL;
    /* The web's names begin with a host, paths of this machine with a slash. */
    bool is_path = strcmp(protocol(plugin), "file") == 0;
    tell_operations(out, ops);
    int rc = ops->open(host, &first, err);
    if (rc)
        return rc;
    fprintf(out, "ok: it can be opened with these settings\n");
    rc = ops->open(host, &second, err);
    struct probe p = {
        .call = {.canceled = limited, .cancel_fd = -1, .progress = sq_call_no_progress},
        .ops = ops,
        .s = second,
        .at = {.proto = protocol(plugin), .path = nowhere + !is_path},
        .out = out};
    if (rc == 0) {
        ops->close(first);
        fprintf(out, "ok: two instances live side by side\n");
        rc = try_calls(&p, err);
        ops->close(second);
    } else {
        ops->close(first);
    }
    ops->close(NULL);
    return rc;
}
