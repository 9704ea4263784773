/* Starts the servers, loads the plugins, and runs each test over each target: see
 * storage.h. */
#include "tests/contract/storage/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/host.h"
#include "lib/plugin.h"

extern char **environ;

static struct world {
    char folder[64];
    char servers[80]; /* where serve.py keeps them */
    char conf[600];
    pid_t pid;
    int input; /* its end stops the servers */
    FILE *output;
    struct sq_plugins *plugins;
    int made;
} world;

static const char *const no_newline[] = {"\n", "\t", NULL};
static const char *const all_bytes[] = {NULL};

/* What each protocol and server is able to. */
static struct target targets[] = {
    {.label = "disk",
     .plugin = "nfs",
     .proto = "file",
     .has = CAN_WRITE | CAN_LIST | HAS_DATES | HAS_MD5 | HAS_FOLDERS,
     .impossible = all_bytes},
    {.label = "s3",
     .plugin = "rclone",
     .proto = "s3",
     .gated = "s3_gate",
     .path = "lab",
     .server = "s3",
     .has = HAS_BATCH | GIVES_UP | CAN_WRITE | CAN_LIST | HAS_DATES | HAS_MD5 |
            HAS_GATE | VERIFIES | HAS_PARTS,
     .impossible = all_bytes},
    {.label = "azure",
     .plugin = "rclone",
     .proto = "azure",
     .gated = "azure_gate",
     .path = "lab",
     .server = "azure",
     .has = HAS_BATCH | HIDES_PARTS | CAN_WRITE | CAN_LIST | HAS_DATES | HAS_MD5 |
            HAS_GATE | VERIFIES,
     .impossible = all_bytes},
    {.label = "dav",
     .plugin = "rclone",
     .proto = "dav",
     .gated = "dav_gate",
     .path = "lab",
     .server = "dav",
     .has = HAS_BATCH | GIVES_UP | HIDES_PARTS | CAN_WRITE | CAN_LIST | HAS_GATE |
            HAS_FOLDERS | SLOW_SERVER,
     .impossible = all_bytes},
    {.label = "sftp",
     .plugin = "rclone",
     .proto = "sftp",
     .gated = "sftp_gate",
     .path = "lab",
     .server = "sftp",
     .has = HAS_BATCH | GIVES_UP | HIDES_PARTS | CAN_WRITE | CAN_LIST | HAS_DATES |
            HAS_MD5 | HAS_GATE | VERIFIES | HAS_FOLDERS,
     .impossible = all_bytes},
    {.label = "ftp",
     .plugin = "rclone",
     .proto = "ftpd",
     .path = "lab",
     .server = "ftpd",
     .has = HAS_BATCH | CAN_WRITE | CAN_LIST | HAS_DATES | HAS_FOLDERS | SLOW_SERVER,
     .impossible = no_newline},
    {.label = "web",
     .plugin = "rclone",
     .proto = "web",
     .gated = "web_gate",
     .path = "lab",
     .server = "web",
     .has = HAS_BATCH | CAN_LIST | HAS_GATE | HAS_DATES,
     .impossible = no_newline},
    {.label = "http",
     .plugin = "http",
     .proto = "http",
     .path = "lab",
     .server = "web",
     .before = "127.0.0.1:",
     .has = HAS_DATES,
     .impossible = no_newline},
    {.label = "ftp by http",
     .plugin = "http",
     .proto = "ftp",
     .path = "lab",
     .server = "ftpd",
     .before = "lab:secret@127.0.0.1:",
     .has = CAN_LIST,
     .impossible = no_newline},
    {.label = "ena",
     .plugin = "sra",
     .proto = "run+submitted",
     .server = "ena",
     .impossible = no_newline},
};

/* ---- servers */

/* "NAME=PORT FOLDER" */
static void note_port(const char *line)
{
    size_t len = strcspn(line, "=");
    for (size_t i = 0; i < SQ_LEN(targets); i++)
        if (targets[i].server && strlen(targets[i].server) == len &&
            strncmp(targets[i].server, line, len) == 0)
            targets[i].port = atoi(line + len + 1);
}

/* False when they are not installed and that is to be passed over: it is said. */
static bool start_servers(void)
{
    char script[400], line[600];
    int in[2], out[2];
    const char *top = getenv("top_srcdir");
    posix_spawn_file_actions_t actions;
    const char *const argv[] = {"python3", script, world.servers, "s3",  "azure", "dav",
                                "sftp",    "ftpd", "web",         "ena", NULL};
    snprintf(script, sizeof script, "%s/tests/servers/serve.py", top ? top : ".");
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    assert_int_equal(
        posix_spawnp(&world.pid, argv[0], &actions, NULL, (char *const *)argv, environ),
        0);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    world.input = in[1];
    world.output = fdopen(out[0], "r");
    while (fgets(line, sizeof line, world.output)) {
        line[strcspn(line, "\n")] = 0;
        if (strcmp(line, "ready") == 0)
            return true;
        if (strncmp(line, "absent=", 7) == 0) {
            printf("1..0 # SKIP %s\n", line + 7);
            return false;
        }
        if (strncmp(line, "conf=", 5) == 0)
            snprintf(world.conf, sizeof world.conf, "%s", line + 5);
        else
            note_port(line);
    }
    fail_msg("%s does not start the servers", script);
    return false;
}

/* The sra plugin is told by settings where ENA is. */
static void set_ena(void)
{
    char url[80];
    for (size_t i = 0; i < SQ_LEN(targets); i++)
        if (strcmp(targets[i].label, "ena") == 0)
            snprintf(url, sizeof url, "http://127.0.0.1:%d/filereport",
                     targets[i].port);
    setenv("ENA_REPORT_URL", url, 1);
    setenv("SRA_ROUNDS", "2", 1);
    setenv("SRA_PAUSE", "0", 1);
}

static void stop_servers(void)
{
    close(world.input);
    fclose(world.output);
    while (waitpid(world.pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void stop(void)
{
    struct sq_err err = {0};
    sq_plugins_free(world.plugins);
    stop_servers();
    OK(err, sq_dir_remove(world.folder, &err));
}

static bool start(void)
{
    struct sq_err err = {0};
    char *home;
    snprintf(world.folder, sizeof world.folder, "/tmp/scitq-storage-XXXXXX");
    if (!mkdtemp(world.folder))
        fail_msg("cannot make %s: %s", world.folder, strerror(errno));
    snprintf(world.servers, sizeof world.servers, "%s/servers", world.folder);
    if (!start_servers()) {
        stop();
        return false;
    }
    setenv("RCLONE_CONFIG", world.conf, 1);
    set_ena();
    home = sq_plugin_home();
    OK(err, sq_plugins_load(home, &world.plugins, &err));
    free(home);
    return true;
}

/* ---- one test */

static void no_log(void *arg, enum sq_log_kind kind, const char *name, const char *text)
{
}

static int open_target(void **state)
{
    struct target *t = *state;
    const struct sq_plugin *plugin = NULL;
    struct sq_host_conf conf = {.log = no_log};
    struct sq_err err = {0};
    world.made++;
    snprintf(t->folder, sizeof t->folder, "%s/local%d", world.folder, world.made);
    if (t->server && t->path)
        snprintf(t->place, sizeof t->place, "%s/t%d/", t->path, world.made);
    else if (t->server)
        snprintf(t->place, sizeof t->place, "ERR%06d/", world.made); /* a run */
    else
        snprintf(t->place, sizeof t->place, "%s/t%d/", world.folder, world.made);
    assert_int_equal(mkdir(t->folder, 0755), 0);
    OK(err, sq_plugins_storage(world.plugins, t->proto, &plugin, &err));
    assert_string_equal(plugin->name, t->plugin);
    t->ops = plugin->storage;
    OK(err, sq_host_new(plugin, &conf, &t->host, &err));
    OK(err, t->ops->open(t->host, &t->s, &err));
    if (t->gated)
        gate(t, "pass");
    return 0;
}

static int close_target(void **state)
{
    struct target *t = *state;
    struct sq_err err = {0};
    char disk[420];
    t->ops->close(t->s);
    sq_host_free(t->host);
    snprintf(disk, sizeof disk, "%s/disk", t->folder); /* of a test that failed */
    umount2(disk, MNT_DETACH);
    OK(err, sq_dir_remove(t->folder, &err));
    return 0;
}

static bool suits(const struct storage_test *test, size_t target)
{
    const struct target *t = &targets[target];
    const char *only = getenv("SCITQ_TEST_STORAGE"); /* by hand: one target */
    if ((test->needs & ~(unsigned)ONCE & ~t->has) ||
        (only && strcmp(only, t->label) != 0))
        return false;
    for (size_t i = 0; (test->needs & ONCE) && i < target; i++)
        if (strcmp(targets[i].plugin, t->plugin) == 0 && suits(test, i))
            return false;
    return true;
}

int storage_main(const struct storage_test *tests, size_t n)
{
    struct CMUnitTest *all = calloc(n * SQ_LEN(targets), sizeof *all);
    size_t count = 0;
    assert_non_null(all);
    if (!start()) {
        free(all);
        return 0;
    }
    for (size_t t = 0; t < SQ_LEN(targets); t++)
        for (size_t i = 0; i < n; i++) {
            char *name = NULL;
            if (!suits(&tests[i], t))
                continue;
            assert_true(asprintf(&name, "%s: %s", targets[t].label, tests[i].name) > 0);
            all[count++] = (struct CMUnitTest){name, tests[i].run, open_target,
                                               close_target, &targets[t]};
        }
    int rc = _cmocka_run_group_tests("storage", all, count, NULL, NULL);
    stop();
    for (size_t i = 0; i < count; i++)
        free((char *)all[i].name);
    free(all);
    return rc;
}

/* ---- places */

const struct sq_location *at_path(const char *proto, const char *path)
{
    static struct {
        struct sq_location at;
        char path[9000];
    } ring[4];
    static int next;
    next = (next + 1) % 4;
    snprintf(ring[next].path, sizeof ring[next].path, "%s", path);
    ring[next].at = (struct sq_location){.proto = proto, .path = ring[next].path};
    return &ring[next].at;
}

const struct sq_location *at(struct target *t, const char *name)
{
    char path[9000], host[100] = "";
    if (t->before)
        snprintf(host, sizeof host, "%s%d/", t->before, t->port);
    snprintf(path, sizeof path, "%s%s%s", host, t->place, name);
    return at_path(t->proto, path);
}

const struct sq_location *gated(struct target *t, const char *name)
{
    char path[9000];
    snprintf(path, sizeof path, "%s%s", t->place, name);
    return at_path(t->gated, path);
}

void gate(struct target *t, const char *mode)
{
    char path[300], new_path[310];
    snprintf(path, sizeof path, "%s/%s/gate/mode", world.servers, t->server);
    snprintf(new_path, sizeof new_path, "%s.new", path);
    FILE *f = fopen(new_path, "w");
    assert_non_null(f);
    fputs(mode, f);
    fclose(f);
    assert_int_equal(rename(new_path, path), 0);
}

int log_lines(struct target *t, bool of_gate, const char *word, const char *other)
{
    char path[300], line[4096];
    int n = 0;
    snprintf(path, sizeof path, "%s/%s%s/access.log", world.servers, t->server,
             of_gate ? "/gate" : "");
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        n += strstr(line, word) && strstr(line, other);
    if (f)
        fclose(f);
    return n;
}

/* ---- calls */

static int never(const struct sq_call *call)
{
    return 0;
}

static void no_progress(struct sq_call *call, int64_t done, int64_t total)
{
}

struct sq_call *no_call(void)
{
    static struct sq_call call = {never, -1, no_progress};
    return &call;
}

static int is_canceled(const struct sq_call *call)
{
    const struct watched *w = (const struct watched *)call;
    return __atomic_load_n(&w->is_canceled, __ATOMIC_SEQ_CST);
}

static void on_progress(struct sq_call *call, int64_t done, int64_t total)
{
    struct watched *w = (struct watched *)call;
    w->went_back |= done < w->done;
    w->done = done;
    w->total = total;
    if (w->cancel_at >= 0 && done >= w->cancel_at)
        watched_cancel(w);
}

void watched_init(struct watched *w, int64_t cancel_at)
{
    *w = (struct watched){.cancel_at = cancel_at};
    assert_int_equal(pipe2(w->fds, O_CLOEXEC), 0);
    w->call = (struct sq_call){is_canceled, w->fds[0], on_progress};
}

void watched_cancel(struct watched *w)
{
    if (!__atomic_exchange_n(&w->is_canceled, 1, __ATOMIC_SEQ_CST))
        assert_int_equal(write(w->fds[1], "x", 1), 1);
}

void watched_fini(struct watched *w)
{
    close(w->fds[0]);
    close(w->fds[1]);
}

/* ---- files */

const char *local(struct target *t, const char *name)
{
    static _Thread_local char paths[4][9000];
    static _Thread_local int next;
    struct sq_err err = {0};
    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", t->folder, name);
    char *slash = strrchr(paths[next], '/');
    *slash = 0;
    OK(err, sq_mkdirs(paths[next], 0755, &err));
    *slash = '/';
    return paths[next];
}

/* Bytes that no compression shortens and no two seeds share (xorshift). */
static void fill(unsigned char *bytes, size_t len, uint64_t *state)
{
    for (size_t i = 0; i < len; i++) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        bytes[i] = (unsigned char)(*state >> 32);
    }
}

void make_file(const char *path, int64_t size, unsigned seed)
{
    static unsigned char bytes[1 << 20];
    uint64_t state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    struct sq_err err = {0};
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        fail_msg("cannot make %s: %s", path, strerror(errno));
    for (int64_t done = 0; done < size; done += (int64_t)sizeof bytes) {
        size_t part =
            size - done < (int64_t)sizeof bytes ? (size_t)(size - done) : sizeof bytes;
        fill(bytes, part, &state);
        OK(err, sq_write_all(fd, bytes, part, &err));
    }
    close(fd);
}

void check_file(const char *path, int64_t size, unsigned seed)
{
    static unsigned char want[1 << 20], got[1 << 20];
    uint64_t state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    int64_t done = 0;
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s is not there: %s", path, strerror(errno));
    for (size_t n; (n = fread(got, 1, sizeof got, f)) > 0; done += (int64_t)n) {
        fill(want, n, &state);
        if (memcmp(want, got, n) != 0)
            fail_msg("%s has other bytes after %lld", path, (long long)done);
    }
    fclose(f);
    if (done != size)
        fail_msg("%s has %lld bytes, not %lld", path, (long long)done, (long long)size);
}

void store(struct target *t, const char *name, int64_t size, unsigned seed)
{
    struct sq_err err = {0};
    struct sq_entry entry;
    char path[9000];
    if (t->has & CAN_WRITE) {
        const char *from = local(t, "stored");
        make_file(from, size, seed);
        OK(err, t->ops->put(t->s, from, at(t, name), no_call(), &entry, &err));
        return;
    }
    snprintf(path, sizeof path, "%s/%s/root/%s%s", world.servers, t->server, t->place,
             name);
    *strrchr(path, '/') = 0;
    OK(err, sq_mkdirs(path, 0755, &err));
    path[strlen(path)] = '/';
    make_file(path, size, seed);
}

/* ---- listings */

static int add(void *arg, const struct sq_entry *entry)
{
    struct seen *seen = arg;
    seen->entries = realloc(seen->entries, (seen->n + 1) * sizeof *seen->entries);
    assert_non_null(seen->entries);
    seen->entries[seen->n] = *entry;
    seen->entries[seen->n].name = strdup(entry->name);
    seen->n++;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct sq_entry *)a)->name,
                  ((const struct sq_entry *)b)->name);
}

int see(struct target *t, const struct sq_location *where, unsigned want,
        struct seen *ret, struct sq_err *err)
{
    *ret = (struct seen){0};
    int rc = t->ops->list(t->s, where, want, add, ret, no_call(), err);
    if (ret->n)
        qsort(ret->entries, ret->n, sizeof *ret->entries, by_name);
    return rc;
}

void seen_free(struct seen *seen)
{
    for (size_t i = 0; i < seen->n; i++)
        free((char *)seen->entries[i].name);
    free(seen->entries);
    *seen = (struct seen){0};
}

const struct sq_entry *seen_find(const struct seen *seen, const char *name)
{
    struct sq_entry key = {.name = name};
    return seen->n ? bsearch(&key, seen->entries, seen->n, sizeof key, by_name) : NULL;
}
