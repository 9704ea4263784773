/* What the static provider asks of a machine by SSH, typed for real: the stand-in for
 * ssh runs the command here, where systemctl, docker, podman and sudo are stand-ins
 * too, which note how they are called. */
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
    put_program("ssh", "for last; do :; done\nexec sh -c \"$last\"");
    put_program("sudo", "shift\nexec \"$@\"");
    put_program("systemctl", is_active);
    put_program("docker", "[ \"$1\" != ps ] || echo a1 a2");
    put_program("podman", "");
    put_program("id", "echo 0");
    put("machines",
        "m1 address=10.0.0.1 user=lab port=2222 identity=/k flavor=f region=r\n", 0644);
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

static int opened(void **state)
{
    const struct sq_host_conf conf = {.folder = own};
    const struct sq_provider_conf as = {.as = "static", .owner = "lab"};
    struct sq_err err;
    (void)state;
    unlink(calls);
    unlink(active);
    OK(err, sq_host_new(plugin, &conf, &host, &err));
    OK(err, plugin->provider->open(host, &as, &p, &err));
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

/* These are among the calls, in this order. */
static void called(const char *const *lines)
{
    struct sq_buf all;
    struct sq_err err;
    sq_buf_init(&all, 1 << 20);
    OK(err, sq_file_read(calls, &all, &err));
    const char *at = all.data;
    for (; *lines; lines++) {
        const char *found = strstr(at, *lines);
        if (!found)
            fail_msg("\"%s\" is not in:\n%s", *lines, all.data);
        at = found + strlen(*lines);
    }
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

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, opened, closed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_is_asked),
        TEST(it_is_cleared),
        TEST(one_that_does_not_end_is_kept),
        TEST(who_is_not_root_asks_for_it),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
