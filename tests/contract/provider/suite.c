/* What the tests of the suite share: a call that counts and can be canceled, instances
 * of the plugin as jobs have them, machines nobody has asked for yet. */
#include "tests/contract/provider/suite.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/host.h"

struct world world;

/* ---- a call that counts and can be canceled */

static int is_canceled(const struct sq_call *api)
{
    return ((const struct call *)api)->stop;
}

static void on_progress(struct sq_call *api, int64_t done, int64_t total)
{
    struct call *c = (struct call *)api;
    c->wrong = c->wrong || done < c->percent || done > 100 || total != 100;
    c->percent = done;
}

static void call_init(struct call *c)
{
    memset(c, 0, sizeof *c);
    c->api = (struct sq_call){.canceled = is_canceled,
                              .cancel_fd = eventfd(0, EFD_CLOEXEC),
                              .progress = on_progress};
}

void call_cancel(struct call *c)
{
    uint64_t one = 1;
    c->stop = true;
    assert_int_equal(write(c->api.cancel_fd, &one, sizeof one), sizeof one);
}

static void call_fini(struct call *c)
{
    assert_false(c->wrong);
    close(c->api.cancel_fd);
}

/* ---- an instance, with its host: of one job, in its own process or thread */

void job_open_as(struct job *j, const char *owner)
{
    struct sq_err err = {0};
    const struct sq_host_conf host = {.folder = world.own, .record = world.record};
    const struct sq_provider_conf conf = {
        .as = world.t->as ? world.t->as : world.t->plugin, .owner = owner};
    memset(j, 0, sizeof *j);
    OK(err, sq_host_new(world.plugin, &host, &j->host, &err));
    OK(err, world.ops->open(j->host, &conf, &j->p, &err));
    call_init(&j->call);
}

void job_open(struct job *j)
{
    job_open_as(j, OWNER);
}

void job_close(struct job *j)
{
    world.ops->close(j->p);
    sq_host_free(j->host);
    call_fini(&j->call);
}

struct wanted *want(void)
{
    static struct wanted all[2000];
    struct wanted *w = &all[world.made % SQ_LEN(all)];
    snprintf(w->token, sizeof w->token, "t%d-%d", (int)getpid(), world.made);
    snprintf(w->name, sizeof w->name, "lab-node%d", ++world.made);
    w->req = (struct sq_launch){.token = w->token,
                                .name = w->name,
                                .flavor = world.t->flavor,
                                .region = world.t->region,
                                .tags = "",
                                .ssh_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0 t",
                                .server = world.t->server,
                                .batch = "b",
                                .concurrency = 1};
    return w;
}

int launch(struct job *j, const struct wanted *w, struct sq_machine *ret,
           struct sq_err *err)
{
    j->call.percent = 0; /* each operation counts from the start */
    return world.ops->launch(j->p, &w->req, &j->call.api, ret, err);
}

int find(struct job *j, const char *token, struct sq_machine *ret, struct sq_err *err)
{
    return world.ops->find(j->p, token, &j->call.api, ret, err);
}

int destroy(struct job *j, const char *token, const char *id, struct sq_err *err)
{
    return world.ops->destroy(j->p, token, id, &j->call.api, err);
}

int count(const char *token)
{
    return world.t->count(OWNER, token);
}

void clean(const char *token)
{
    struct job j;
    struct sq_err err;
    job_open(&j);
    OK(err, destroy(&j, token, NULL, &err));
    job_close(&j);
    assert_int_equal(count(token), 0);
}

void fails(int rc, int code, const struct sq_err *err)
{
    if (rc != code)
        fail_msg("%s, not %s: %s", sq_code_name(rc), sq_code_name(code), err->text);
    assert_true(strlen(err->text) >= 8 && !strpbrk(err->text, "\n\r\t"));
}

int on_machine(void *arg, const struct sq_machine *m)
{
    struct listed *l = arg;
    assert_true(l->n < LISTED_MAX);
    l->v[l->n++] = *m;
    return l->n == l->stop_at ? SQ_ENOSPC : 0;
}

struct listed *list(struct job *j)
{
    static struct listed l;
    struct sq_err err;
    memset(&l, 0, sizeof l);
    OK(err, world.ops->list(j->p, on_machine, &l, &j->call.api, &err));
    return &l;
}

int listed(const struct listed *l, const char *token)
{
    int n = 0;
    for (int i = 0; i < l->n; i++)
        n += strcmp(l->v[i].token, token) == 0;
    return n;
}
