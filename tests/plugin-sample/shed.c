/* A provider outside scitq's tree, to begin one's own from: the machines of "shed" are
 * workers on the server's own machine, each with a folder of its own.
 *
 *     cc -shared -fPIC $(pkg-config --cflags scitq) -o shed.so shed.c \
 *         $(pkg-config --libs scitq)
 *     scitq-manage plugin check ./shed.so
 *
 * The folder OWNER-TOKEN is there before the worker is started and goes after its last
 * process; while that lives it holds the lock in it (flock(1) passes it on), so that
 * whoever starts it a second time starts nothing.  A provider that lends bare machines
 * leaves SQ_PROVIDER_STARTS_WORKER out, tells their addresses, and Ansible does the
 * rest. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <scitq/provider.h>

#ifdef SHED_MUTE /* as SHED_DEAF: for the test of scitq-manage plugin check */
#define sq_fail(err, code, ...) ((void)(err), (code))
#endif

#define MARK "SHED_MACHINE" /* in the environment of all processes of a machine */
#define PATH_BYTES 4096
#define LOOK_MS 50
#define TRIES 400 /* looks at what ought to happen soon */

struct sq_provider {
    struct sq_host *host;
    char owner[SQ_TOKEN_SIZE];
};

static const struct sq_setting settings[] = {
    {"SHED_WORKER", SQ_SETTING_TEXT, "scitq-worker", 0, "the worker's program"},
    {"SHED_QUOTA", SQ_SETTING_INT, NULL, 0, "processors of all machines together"},
    {MARK, SQ_SETTING_TEXT, NULL, 0, "set on a machine: its folder"},
    {NULL, SQ_SETTING_TEXT, NULL, 0, NULL}};

/* ---- an instance */

static int open_shed(struct sq_host *host, const struct sq_provider_conf *conf,
                     struct sq_provider **ret, struct sq_err *err)
{
    struct sq_provider *p = calloc(1, sizeof *p);
    if (!p)
        return sq_fail(err, SQ_ENOMEM, "out of memory for the shed");
    p->host = host;
    snprintf(p->owner, sizeof p->owner, "%s", conf->owner);
    *ret = p;
    return 0;
}

static void close_shed(struct sq_provider *p)
{
    free(p);
}

static int stopped(struct sq_call *call, struct sq_err *err)
{
#ifdef SHED_DEAF
    return 0;
#endif
    return call->canceled(call) ? sq_fail(err, SQ_ECANCELED, "canceled") : 0;
}

/* ---- folders */

static int path_of(struct sq_provider *p, const char *token, const char *file,
                   char path[PATH_BYTES], struct sq_err *err)
{
    const char *home;
    int rc = p->host->folder(p->host, &home, err);
    if (rc)
        return rc;
    if (snprintf(path, PATH_BYTES, "%s/%s-%s%s", home, p->owner, token, file) >=
        PATH_BYTES)
        return sq_fail(err, SQ_EINVAL, "the folder of %s has too long a name", token);
    return 0;
}

static int write_about(const char *path, const struct sq_launch *req,
                       struct sq_err *err)
{
    FILE *f = fopen(path, "w");
    if (!f)
        return sq_fail(err, SQ_EIO, "cannot write %s: %s", path, strerror(errno));
    fprintf(f, "%s %s %s\n", req->name, req->flavor, req->region);
    return fclose(f)
               ? sq_fail(err, SQ_EIO, "cannot write %s: %s", path, strerror(errno))
               : 0;
}

/* Does anything of it run?  To ask takes the lock for a moment, so that whoever starts
 * a worker waits for it. */
static int is_locked(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
    if (fd >= 0)
        close(fd);
    return locked;
}

static int look(struct sq_provider *p, const char *token, struct sq_machine *ret,
                struct sq_err *err)
{
    char path[PATH_BYTES];
    struct stat st;
    struct sq_machine m;
    memset(&m, 0, sizeof m);
    int rc = path_of(p, token, "", path, err);
    if (rc)
        return rc;
    if (stat(path, &st))
        return sq_fail(err, SQ_ENOENT, "there is no machine %s in the shed", token);
    m.created_s = (int64_t)st.st_mtime;
    rc = path_of(p, token, "/about", path, err);
    FILE *f = rc ? NULL : fopen(path, "r");
    if (f && fscanf(f, "%63s %127s %127s", m.name, m.flavor, m.region) != 3)
        m.name[0] = 0; /* it was never whole */
    if (f)
        fclose(f);
    if (!rc)
        rc = path_of(p, token, "/lock", path, err);
    if (rc)
        return rc;
    m.state = is_locked(path) ? SQ_MACHINE_RUNNING : SQ_MACHINE_STOPPED;
    snprintf(m.id, sizeof m.id, "%s", token);
    snprintf(m.token, sizeof m.token, "%s", token);
    snprintf(m.ipv4, sizeof m.ipv4, "127.0.0.1");
    *ret = m;
    return 0;
}

/* ---- launch */

/* run() ends what is left of the process group: the shell waits, at the end of a pipe,
 * until the worker is in a session of its own and has its log for output. */
#define START                                                                          \
    "cd / && : \"$(setsid -f sh -c 'exec flock -w 5 \"$0/lock\" \"$@\" "               \
    ">>\"$0/log\" 2>&1' \"$0\" \"$@\")\""

static int start(struct sq_provider *p, const struct sq_launch *req, const char *folder,
                 struct sq_call *call, struct sq_err *err)
{
    char mark[PATH_BYTES + 40], state[PATH_BYTES + 40], work[PATH_BYTES + 40];
    char token[4000], launch[SQ_TOKEN_SIZE + 20], concurrency[12];
    snprintf(mark, sizeof mark, MARK "=%s", folder);
    snprintf(state, sizeof state, "SCITQ_STATE_DIR=%s/state", folder);
    snprintf(work, sizeof work, "BASE_WORKDIR=%s/work", folder);
    snprintf(token, sizeof token, "SCITQ_TOKEN=%s",
             req->worker_token ? req->worker_token : "");
    snprintf(launch, sizeof launch, "SCITQ_LAUNCH_TOKEN=%s", req->token);
    snprintf(concurrency, sizeof concurrency, "%d", req->concurrency);
    const char *const env[] = {mark,   state,
                               work,   "SCITQ_PERMANENT_WORKER=0",
                               launch, req->worker_token ? token : NULL,
                               NULL};
    const char *const argv[] = {"sh",
                                "-c",
                                START,
                                folder,
                                p->host->setting(p->host, "SHED_WORKER"),
                                req->server,
                                concurrency,
                                "-n",
                                req->name,
                                "-b",
                                req->batch ? req->batch : "Default",
                                "-f",
                                req->flavor,
                                "-c",
                                "/dev/null",
                                NULL};
    const struct sq_run run = {.argv = argv, .env = env};
    int status;
    int rc = p->host->run(p->host, call, &run, &status, err);
    return rc == 0 && status
               ? sq_fail(err, SQ_EIO, "cannot start a worker: exit code %d", status)
               : rc;
}

static int launch(struct sq_provider *p, const struct sq_launch *req,
                  struct sq_call *call, struct sq_machine *ret, struct sq_err *err)
{
    char folder[PATH_BYTES], path[PATH_BYTES];
    struct sq_machine m;
    int rc = stopped(call, err);
    if (rc)
        return rc;
    if (strcmp(req->flavor, "bench") != 0 || strcmp(req->region, "garden") != 0)
        return sq_fail(err, SQ_EINVAL,
                       "the shed has only benches in the garden, not %s in "
                       "%s",
                       req->flavor, req->region);
    rc = path_of(p, req->token, "", folder, err);
    if (!rc && mkdir(folder, 0755) && errno != EEXIST)
        rc = sq_fail(err, SQ_EIO, "cannot make %s: %s", folder, strerror(errno));
    if (!rc)
        rc = path_of(p, req->token, "/work", path, err);
    if (!rc && mkdir(path, 0755) && errno != EEXIST)
        rc = sq_fail(err, SQ_EIO, "cannot make %s: %s", path, strerror(errno));
    if (!rc)
        rc = path_of(p, req->token, "/about", path, err);
    if (!rc)
        rc = write_about(path, req, err);
    if (!rc && (look(p, req->token, &m, err) || m.state != SQ_MACHINE_RUNNING))
        rc = start(p, req, folder, call, err);
    for (int i = 0; !rc && i < TRIES; i++) {
        rc = look(p, req->token, &m, err);
        if (!rc && m.state == SQ_MACHINE_RUNNING) {
            call->progress(call, 100, 100);
            *ret = m;
            return 0;
        }
        if (!rc)
            rc = p->host->pause(p->host, call, LOOK_MS, err);
    }
    return rc ? rc
              : sq_fail(err, SQ_EIO, "the worker of %s does not start: see %s/log",
                        req->name, folder);
}

/* ---- destroy */

static int has_mark(const char *pid, const char *mark)
{
    static const size_t most = 1 << 20;
    char path[64];
    int found = 0;
    snprintf(path, sizeof path, "/proc/%.20s/environ", pid);
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t size = 0, read = 0;
    for (ssize_t n;
         f && !found && read < most && (n = getdelim(&line, &size, 0, f)) > 0;
         read += (size_t)n)
        found = strcmp(line, mark) == 0;
    free(line);
    if (f)
        fclose(f);
    return found;
}

/* All processes that bear the mark. */
static void kill_all(const char *folder)
{
    char mark[PATH_BYTES + 40];
    snprintf(mark, sizeof mark, MARK "=%s", folder);
    DIR *dir = opendir("/proc");
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (strtol(e->d_name, NULL, 10) > 1 && has_mark(e->d_name, mark))
            kill((pid_t)strtol(e->d_name, NULL, 10), SIGKILL);
    if (dir)
        closedir(dir);
}

static int destroy(struct sq_provider *p, const char *token, const char *id,
                   struct sq_call *call, struct sq_err *err)
{
    char folder[PATH_BYTES], lock[PATH_BYTES];
    struct stat st;
    int status, tries = 0;
    (void)id;
    int rc = stopped(call, err);
    if (!rc)
        rc = path_of(p, token, "", folder, err);
    if (!rc)
        rc = path_of(p, token, "/lock", lock, err);
    if (rc || stat(folder, &st))
        return rc; /* gone already */
    do {
        kill_all(folder);
        rc = p->host->pause(p->host, call, LOOK_MS, err);
    } while (!rc && is_locked(lock) && ++tries < TRIES);
    if (!rc && tries == TRIES)
        rc = sq_fail(err, SQ_EIO, "the processes of %s do not end", folder);
    const char *const argv[] = {"rm", "-rf", "--one-file-system", "--", folder, NULL};
    const struct sq_run run = {.argv = argv};
    if (!rc)
        rc = p->host->run(p->host, call, &run, &status, err);
    return !rc && stat(folder, &st) == 0
               ? sq_fail(err, SQ_EIO, "%s cannot be removed", folder)
               : rc;
}

/* ---- what there is */

static int find(struct sq_provider *p, const char *token, struct sq_call *call,
                struct sq_machine *ret, struct sq_err *err)
{
    int rc = stopped(call, err);
    return rc ? rc : look(p, token, ret, err);
}

static int list(struct sq_provider *p, sq_machine_fn each, void *arg,
                struct sq_call *call, struct sq_err *err)
{
    const char *home;
    struct sq_machine m;
    size_t len = strlen(p->owner);
    int rc = stopped(call, err);
    if (!rc)
        rc = p->host->folder(p->host, &home, err);
    DIR *dir = rc ? NULL : opendir(home);
    if (!rc && !dir)
        return sq_fail(err, SQ_EIO, "cannot list %s: %s", home, strerror(errno));
    for (struct dirent *e; !rc && (e = readdir(dir));) {
        if (strncmp(e->d_name, p->owner, len) != 0 || e->d_name[len] != '-')
            continue;
        rc = look(p, e->d_name + len + 1, &m, err);
        rc = rc == SQ_ENOENT ? 0 : rc ? rc : each(arg, &m);
    }
    if (dir)
        closedir(dir);
    return rc;
}

static int flavors(struct sq_provider *p, sq_flavor_fn each, void *arg,
                   struct sq_call *call, struct sq_err *err)
{
    const struct sq_flavor bench = {
        .name = "bench", .cpu = 2, .ram_gb = 4, .disk_gb = 10, .gpu = "", .tags = "N"};
    (void)p;
    int rc = stopped(call, err);
    return rc ? rc : each(arg, &bench);
}

static int offers(struct sq_provider *p, sq_offer_fn each, void *arg,
                  struct sq_call *call, struct sq_err *err)
{
    const struct sq_offer offer = {
        .flavor = "bench", .region = "garden", .cost = 0.2, .eviction = 1};
    (void)p;
    int rc = stopped(call, err);
    return rc ? rc : each(arg, &offer);
}

static int quotas(struct sq_provider *p, sq_quota_fn each, void *arg,
                  struct sq_call *call, struct sq_err *err)
{
    const struct sq_quota quota = {.region = "garden",
                                   .cpus = p->host->setting_int(p->host, "SHED_QUOTA")};
    int rc = stopped(call, err);
    return rc ? rc : each(arg, &quota);
}

/* ---- on the machine: a file `evict` in its folder takes it back */

static int watch(struct sq_host *host, struct sq_call *call, struct sq_err *err)
{
    char path[PATH_BYTES];
    const char *folder = host->setting(host, MARK);
    int rc = 0;
    if (!folder)
        return sq_fail(err, SQ_EUNSUPPORTED, "this is no machine of the shed");
    snprintf(path, sizeof path, "%s/evict", folder);
    while (!rc && access(path, F_OK))
        rc = host->pause(host, call, LOOK_MS, err);
    return rc;
}

/* The name is the file's: shed.so. */
extern const struct sq_provider_ops shed_LTX_sq_provider;
const struct sq_provider_ops shed_LTX_sq_provider = {
    .abi = SQ_PROVIDER_ABI,
    .name = "shed",
    .help = "workers beside the server: where to begin one's own provider from",
    .aliases = (const char *const[]){"garden", NULL},
    .settings = settings,
    .flags = SQ_PROVIDER_STARTS_WORKER,
    .open = open_shed,
    .close = close_shed,
    .launch = launch,
    .find = find,
    .destroy = destroy,
    .list = list,
    .flavors = flavors,
    .offers = offers,
    .quotas = quotas,
    .watch = watch,
};
