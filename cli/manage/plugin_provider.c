/* What a provider promises that makes no machine: that it opens, or says in words which
 * setting it lacks; that a canceled call ends as one and touches nothing; that a flavor
 * and its offers make sense where nobody has to be asked for them. */
#include "cli/manage/plugin.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/call.h"

struct probe {
    const struct sq_provider_ops *ops;
    struct sq_provider *p;
    struct sq_call *call;
    struct sq_machine machine;
    int n;
    const char *wrong;
};

static int no_machine(void *arg, const struct sq_machine *m)
{
    (void)arg;
    (void)m;
    return 0;
}

static int on_flavor(void *arg, const struct sq_flavor *f)
{
    struct probe *t = arg;
    t->n++;
    if (!f->name || !*f->name || strlen(f->name) >= SQ_WORD_SIZE)
        t->wrong = "a flavor without a name, or with too long a one";
    else if (f->cpu < 1 || f->ram_gb < 0 || f->disk_gb < 0 || !f->tags || !f->gpu)
        t->wrong = "a flavor of impossible size, or whose texts are NULL";
    return 0;
}

static int on_offer(void *arg, const struct sq_offer *o)
{
    struct probe *t = arg;
    t->n++;
    if (!o->flavor || !o->region || !*o->region || strlen(o->region) >= SQ_WORD_SIZE)
        t->wrong = "an offer without flavor or region";
    else if (!(o->cost >= 0) || o->eviction < 0 || o->eviction > 100)
        t->wrong = "an offer of impossible cost or eviction";
    return 0;
}

/* ---- the operations that make nothing */

static int call_find(struct probe *t, struct sq_err *err)
{
    return t->ops->find(t->p, "scitq-check", t->call, &t->machine, err);
}

static int call_list(struct probe *t, struct sq_err *err)
{
    return t->ops->list(t->p, no_machine, NULL, t->call, err);
}

static int call_flavors(struct probe *t, struct sq_err *err)
{
    return t->ops->flavors(t->p, on_flavor, t, t->call, err);
}

static int call_offers(struct probe *t, struct sq_err *err)
{
    return t->ops->offers(t->p, on_offer, t, t->call, err);
}

static const struct {
    const char *name;
    int (*run)(struct probe *t, struct sq_err *err);
} calls[] = {{"find", call_find},
             {"list", call_list},
             {"flavors", call_flavors},
             {"offers", call_offers}};

static int canceled_calls(FILE *out, struct probe *t, struct sq_err *err)
{
    struct sq_machine before;
    memset(&t->machine, 0x5a, sizeof t->machine);
    before = t->machine;
    for (size_t i = 0; i < SQ_LEN(calls); i++) {
        struct sq_err why = {0};
        int rc = calls[i].run(t, &why);
        if (rc != SQ_ECANCELED)
            return sq_fail(err, SQ_EINVAL,
                           "%s, canceled before it began, returns %s (%.200s) and not "
                           "SQ_ECANCELED",
                           calls[i].name, sq_code_name(rc), rc ? why.text : "");
        if (!*why.text)
            return sq_fail(err, SQ_EINVAL, "%s fails without one line that says why",
                           calls[i].name);
    }
    if (memcmp(&before, &t->machine, sizeof before) != 0)
        return sq_fail(err, SQ_EINVAL, "find fails and writes to *ret all the same");
    fprintf(out, "ok: each call canceled before it began says so\n");
    return 0;
}

/* Of a provider that asks nobody. */
static int catalog(FILE *out, struct probe *t, struct sq_err *err)
{
    for (size_t i = 2; i < SQ_LEN(calls); i++) {
        t->n = 0;
        int rc = calls[i].run(t, err);
        if (rc == 0 && t->wrong)
            rc = sq_fail(err, SQ_EINVAL, "%s tells %s", calls[i].name, t->wrong);
        if (rc)
            return rc;
        fprintf(out, "ok: %s tells %d\n", calls[i].name, t->n);
    }
    return 0;
}

static int try_calls(FILE *out, struct probe *t, struct sq_err *err)
{
    uint64_t one = 1;
    SQ_CLEANUP(sq_closep) int fd = eventfd(0, EFD_CLOEXEC);
    if (fd < 0 || write(fd, &one, sizeof one) < 0)
        return sq_fail(err, SQ_EIO, "cannot make an eventfd");
    struct sq_call stopped = sq_call_canceled(fd), free_run = sq_call_alone();
    t->call = &stopped;
    int rc = canceled_calls(out, t, err);
    t->call = &free_run;
    if (rc == 0 && (t->ops->flags & SQ_PROVIDER_OFFLINE))
        rc = catalog(out, t, err);
    return rc;
}

int sq_plugin_provider_check(FILE *out, const struct sq_plugin *p, struct sq_host *host,
                             struct sq_err *err)
{
    const struct sq_provider_conf conf = {.as = p->name, .owner = "scitqcheck"};
    struct probe t = {.ops = p->provider};
    struct sq_provider *second = NULL;
    struct sq_err why = {0};
    t.ops->close(NULL);
    int rc = t.ops->open(host, &conf, &t.p, &why);
    if ((rc == SQ_EINVAL || rc == SQ_EAUTH) && strlen(why.text) > 10) {
        fprintf(out, "ok: with these settings it does not open, in words: %s\n",
                why.text);
        return 0;
    }
    if (rc)
        return sq_fail(err, rc, "%s", why.text);
    fprintf(out, "ok: it can be opened with these settings\n");
    rc = t.ops->open(host, &conf, &second, err);
    if (rc == 0) {
        t.ops->close(second);
        fprintf(out, "ok: two instances live side by side\n");
        rc = try_calls(out, &t, err);
    }
    t.ops->close(t.p);
    return rc;
}
