/* scitq-watch: one provider's watch over the machine it runs on, in a process of its
 * own, since modules are other people's and may wait for days.  See watch.h. */
#include "worker/watch/watch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/call.h"
#include "lib/conf.h"
#include "lib/host.h"
#include "lib/plugin.h"

static void say(enum sq_log_kind kind, const char *text)
{
    size_t k = (size_t)kind < sizeof SQ_WATCH_LEVELS - 1 ? (size_t)kind : SQ_SAY_DEBUG;
    fprintf(stderr, "%c %s\n", SQ_WATCH_LEVELS[k], text);
}

static void log_line(void *arg, enum sq_log_kind kind, const char *name,
                     const char *text)
{
    char line[3000];
    (void)arg;
    snprintf(line, sizeof line, "%s: %s", name, text);
    say(kind, line);
}

static int watch(const struct sq_plugin *plugin, const char *settings,
                 struct sq_err *err)
{
    const struct sq_host_conf conf = {.settings = settings, .log = log_line};
    struct sq_call call = sq_call_alone();
    struct sq_host *host;
    int rc =
        plugin->provider->watch
            ? sq_host_new(plugin, &conf, &host, err)
            : sq_fail(err, SQ_EUNSUPPORTED, "%s announces no evictions", plugin->name);
    if (rc)
        return rc;
    rc = plugin->provider->watch(host, &call, err);
    if (rc)
        sq_host_redact(host, err->text);
    sq_host_free(host);
    return rc;
}

static int run(const char *name, const char *settings, struct sq_err *err)
{
    static const struct sq_conf_key keys[] = {{.name = "SCITQ_PLUGIN_PATH",
                                               .kind = SQ_CONF_TEXT,
                                               .help = "folders of plugins"},
                                              {0}};
    const struct sq_plugin *plugin;
    struct sq_plugins *plugins = NULL;
    struct sq_conf *conf;
    int rc = sq_conf_load(keys, settings, NULL, NULL, &conf, err);
    if (rc)
        return rc;
    rc = sq_plugins_load_providers(sq_conf_text(conf, "SCITQ_PLUGIN_PATH"), &plugins,
                                   err);
    if (rc == 0)
        rc = sq_plugins_provider(plugins, name, &plugin, err);
    if (rc == 0)
        rc = watch(plugin, settings, err);
    sq_plugins_free(plugins);
    sq_conf_free(conf);
    return rc;
}

int main(int argc, char **argv)
{
    struct sq_err err = {0};
    if (argc < 3 || argc > 4) {
        fputs("usage: scitq-watch PLUGIN PARENT_PID [SETTINGS]\n", stderr);
        return SQ_WATCH_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != atoi(argv[2]))
        return SQ_WATCH_TROUBLE;
    int rc = run(argv[1], argv[3], &err);
    if (rc)
        say(SQ_SAY_ERROR, err.text);
    return rc == 0                                    ? SQ_WATCH_EVICTED
           : rc == SQ_EUNSUPPORTED || rc == SQ_EINVAL ? SQ_WATCH_BLIND
                                                      : SQ_WATCH_TROUBLE;
}
