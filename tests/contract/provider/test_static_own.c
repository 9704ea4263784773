/* What the static provider tells of the machines of its file, and asks of one by SSH,
 * typed for real: the stand-in for ssh runs the command here, where systemctl, docker,
 * podman and sudo are stand-ins too, which note how they are called. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/file.h"
#include "lib/host.h"
#include "lib/plugin.h"

static struct sq_plugins *plugins;
static const struct sq_plugin *plugin;
static struct sq_host *host;
static struct sq_provider *p;
static char folder[] = "/tmp/scitq-static-XXXXXX", own[100], calls[100], active[100];

static void put(const char *name, const char *text, mode_t mode)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    chmod(path, mode);
}

/* Each notes its name and its words. */
static void put_program(const char *name, const char *then)
{
    char text[800];
    snprintf(text, sizeof text, "#!/bin/sh\necho \"%s $*\" >>%s\n%s\n", name, calls,
             then);
    put(name, text, 0755);
}

static void put_ssh(void)
{
    put_program("ssh", "for last; do :; done\nexec sh -c \"$last\"");
}

static void put_machines(void)
{
    put("machines",
        "m1 address=10.0.0.1 user=lab port=2222 identity=/k flavor=f region=r\n", 0644);
}

static int begin(void **state)
{
    struct sq_err err;
    char path[600], is_active[200];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(own, sizeof own, "%s/own", folder);
    snprintf(calls, sizeof calls, "%s/calls", folder);
    snprintf(active, sizeof active, "%s/active", folder);
    snprintf(is_active, sizeof is_active,
             "if [ \"$1\" = is-active ]; then [ -e %s ]; exit; fi\n[ \"$1\" != kill ]",
             active);
    put_ssh();
    put_program("sudo", "shift\nexec \"$@\"");
    put_program("systemctl", is_active);
    put_program("docker", "[ \"$1\" != ps ] || echo a1 a2");
    put_program("podman", "");
    put_program("id", "echo 0");
    put_machines();
    snprintf(path, sizeof path, "%s:%.500s", folder, getenv("PATH"));
    setenv("PATH", path, 1);
    snprintf(path, sizeof path, "%s/machines", folder);
    setenv("STATIC_MACHINES", path, 1);
    OK(err, sq_plugins_load_providers(NULL, &plugins, &err));
    OK(err, sq_plugins_provider(plugins, "static", &plugin, &err));
    return 0;
}

static int end(void **state)
{
    (void)state;
    sq_plugins_free(plugins);
    return sq_dir_remove(folder, NULL);
}

static int open_it(struct sq_err *err)
{
    const struct sq_host_conf conf = {.folder = own};
    const struct sq_provider_conf as = {.as = "static", .owner = "lab"};
    OK(*err, sq_host_new(plugin, &conf, &host, err));
    return plugin->provider->open(host, &as, &p, err);
}

static int opened(void **state)
{
    struct sq_err err;
    (void)state;
    unlink(calls);
    unlink(active);
    OK(err, open_it(&err));
    return 0;
}

static int closed(void **state)
{
    (void)state;
    plugin->provider->close(p);
    sq_host_free(host);
    return 0;
}

static int never(const struct sq_call *call)
{
    (void)call;
    return 0;
}

static struct sq_call call = {.canceled = never, .cancel_fd = -1};

static void launch(struct sq_machine *ret)
{
    const struct sq_launch req = {
        .token = "t1", .name = "w1", .flavor = "f", .region = "r", .tags = ""};
    struct sq_err err;
    OK(err, plugin->provider->launch(p, &req, &call, ret, &err));
}

static int destroy(struct sq_err *err)
{
    return plugin->provider->destroy(p, "t1", "m1", &call, err);
}

static bool is_lent(void)
{
    struct sq_machine m;
    struct sq_err err;
    int rc = plugin->provider->find(p, "t1", &call, &m, &err);
    assert_true(rc == 0 || rc == SQ_ENOENT);
    return rc == 0;
}

static void read_calls(struct sq_buf *ret)
{
    struct sq_err err;
    sq_buf_init(ret, 1 << 20);
    OK(err, sq_file_read(calls, ret, &err));
}

/* These are among the calls, in this order. */
static void called(const char *const *lines)
{
    struct sq_buf all;
    read_calls(&all);
    const char *at = all.data;
    for (; *lines; lines++) {
        const char *found = strstr(at, *lines);
        if (!found)
            fail_msg("\"%s\" is not in:\n%s", *lines, all.data);
        at = found + strlen(*lines);
    }
    sq_buf_fini(&all);
}

static void not_called(const char *line)
{
    struct sq_buf all;
    read_calls(&all);
    assert_null(strstr(all.data, line));
    sq_buf_fini(&all);
}

static void test_who_is_asked(void **state)
{
    struct sq_machine m;
    struct sq_err err;
    (void)state;
    launch(&m);
    assert_string_equal(m.ipv4, "10.0.0.1");
    assert_int_equal(m.port, 2222);
    called((const char *const[]){"ssh -o BatchMode=yes", "-i /k -p 2222",
                                 "lab@10.0.0.1 -- true\n", NULL});
    OK(err, destroy(&err));
}

/* Its worker, its tasks and their containers end before anybody else may have it. */
static void test_it_is_cleared(void **state)
{
    struct sq_machine m;
    struct sq_err err;
    (void)state;
    launch(&m);
    OK(err, destroy(&err));
    assert_false(is_lent());
    called((const char *const[]){
        "systemctl disable scitq-worker.service\n",
        "systemctl kill -s KILL scitq-worker.service\n",
        "systemctl stop scitq-worker.service scitq-build.slice\n",
        "docker ps -aq --filter label=scitq.worker\n", "docker rm -f a1 a2\n",
        "podman ps -aq", "systemctl is-active --quiet scitq-worker.service\n", NULL});
    not_called("podman rm"); /* it has none */
}

static void test_one_that_does_not_end_is_kept(void **state)
{
    struct sq_machine m;
    struct sq_err err;
    (void)state;
    launch(&m);
    put("active", "", 0644);
    assert_int_equal(destroy(&err), SQ_EIO);
    assert_true(is_lent());
    unlink(active);
    OK(err, destroy(&err));
    assert_false(is_lent());
}

static void test_who_is_not_root_asks_for_it(void **state)
{
    struct sq_machine m;
    struct sq_err err;
    (void)state;
    launch(&m);
    put_program("id", "echo 1000");
    OK(err, destroy(&err));
    put_program("id", "echo 0");
    called((const char *const[]){"sudo -n systemctl disable scitq-worker.service\n",
                                 "sudo -n systemctl kill -s KILL",
                                 "sudo -n systemctl stop", "sudo -n docker ps -aq",
                                 "sudo -n docker rm -f a1 a2\n", NULL});
}

/* ssh fails: what it would have lent, and one that is lent already, is not told of. */
static void test_one_that_does_not_answer_is_not_lent(void **state)
{
    struct sq_machine m;
    struct sq_err err;
    (void)state;
    launch(&m);
    put_program("ssh", "exit 255");
    const struct sq_launch again = {
        .token = "t1", .name = "w1", .flavor = "f", .region = "r", .tags = ""};
    assert_int_equal(plugin->provider->launch(p, &again, &call, &m, &err), SQ_EIO);
    assert_true(is_lent());
    put_ssh();
    OK(err, destroy(&err));
}

static void test_without_ssh(void **state)
{
    char *path = strdup(getenv("PATH"));
    struct sq_machine m;
    struct sq_err err;
    (void)state;
    launch(&m);
    setenv("PATH", own, 1);
    int rc = destroy(&err);
    setenv("PATH", path, 1);
    free(path);
    assert_int_equal(rc, SQ_EUNSUPPORTED);
    assert_string_equal(err.text, "there is no ssh here: install it");
    OK(err, destroy(&err));
}

/* Only a file that was named must be there. */
static void test_without_a_file(void **state)
{
    char *path = strdup(getenv("STATIC_MACHINES"));
    struct sq_err err;
    closed(state);
    setenv("STATIC_MACHINES", "/nonexistent/machines", 1);
    assert_int_equal(open_it(&err), SQ_EINVAL);
    sq_host_free(host);
    assert_non_null(strstr(err.text, "/nonexistent/machines"));
    unsetenv("STATIC_MACHINES");
    OK(err, open_it(&err));
    assert_false(is_lent());
    setenv("STATIC_MACHINES", path, 1);
    free(path);
}

static int add_flavor(void *arg, const struct sq_flavor *f)
{
    sq_buf_addf(arg, " %s=%d", f->name, (int)f->cpu);
    return 0;
}

static int add_offer(void *arg, const struct sq_offer *o)
{
    sq_buf_addf(arg, " %s@%s", o->flavor, o->region);
    return 0;
}

static int add_quota(void *arg, const struct sq_quota *q)
{
    sq_buf_addf(arg, " %s=%d", q->region, (int)q->cpus);
    return 0;
}

/* Each flavor once, as its first machine is; each region with all its processors. */
static void test_what_there_is(void **state)
{
    const struct sq_provider_ops *ops = plugin->provider;
    struct sq_machine m;
    struct sq_err err;
    struct sq_buf told;
    (void)state;
    sq_buf_init(&told, 1000);
    put("machines",
        "m1 address=10.0.0.1 flavor=f region=r cpu=4\n"
        "m2 address=10.0.0.2 flavor=f region=r cpu=5\n"
        "m3 address=10.0.0.3 flavor=g region=r cpu=2\n"
        "m4 address=fd00::4 flavor=f region=s cpu=8\n",
        0644);
    OK(err, ops->flavors(p, add_flavor, &told, &call, &err));
    sq_buf_adds(&told, ";");
    OK(err, ops->offers(p, add_offer, &told, &call, &err));
    sq_buf_adds(&told, ";");
    OK(err, ops->quotas(p, add_quota, &told, &call, &err));
    sq_buf_addc(&told, 0);
    assert_string_equal(told.data, " f=4 g=2; f@r g@r f@s; r=11 s=8");
    sq_buf_fini(&told);
    const struct sq_launch far = {
        .token = "t1", .name = "w1", .flavor = "f", .region = "s", .tags = ""};
    OK(err, ops->launch(p, &far, &call, &m, &err));
    assert_string_equal(m.ipv6, "fd00::4");
    assert_string_equal(m.ipv4, "");
    OK(err, destroy(&err));
    put_machines();
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, opened, closed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_is_asked),
        TEST(it_is_cleared),
        TEST(one_that_does_not_end_is_kept),
        TEST(who_is_not_root_asks_for_it),
        TEST(one_that_does_not_answer_is_not_lent),
        TEST(without_ssh),
        TEST(without_a_file),
        TEST(what_there_is),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
