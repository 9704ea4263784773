/* Command lines: arrays, in an arena.  Lines that differ only in their words are rows
 * of a table, in which %i stands for the container, %s for a signal. */
#include "lib/container.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/words.h"

static const char *const names[SQ_RUNTIMES] = {"docker", "podman"};

const char *sq_runtime_name(enum sq_runtime r)
{
    return names[r];
}

bool sq_runtime_parse(const char *name, enum sq_runtime *ret)
{
    for (int i = 0; i < SQ_RUNTIMES; i++)
        if (strcmp(name, names[i]) == 0) {
            *ret = (enum sq_runtime)i;
            return true;
        }
    return false;
}

int sq_runtime_find(enum sq_runtime r, const char *path, struct sq_arena *arena,
                    const char **ret, struct sq_err *err)
{
    for (const char *dir = path, *end; *dir; dir = *end ? end + 1 : end) {
        end = strchrnul(dir, ':');
        if (*dir != '/') /* "" and what is relative depend on where we are */
            continue;
        const char *file =
            sq_arena_printf(arena, "%.*s/%s", (int)(end - dir), dir, names[r]);
        if (!file)
            return sq_fail(err, SQ_ENOMEM, "no memory for the engine's name");
        if (access(file, X_OK) == 0) {
            *ret = file;
            return 0;
        }
    }
    return sq_fail(err, SQ_ENOENT, "there is no %s in the PATH", names[r]);
}

int sq_runtime_choose(int told, const char *path, struct sq_arena *arena,
                      enum sq_runtime *ret, struct sq_err *err)
{
    const char *program;
    struct sq_err why = {0};
    for (int r = 0; r < SQ_RUNTIMES; r++) {
        if (told >= 0 && r != told)
            continue;
        *ret = (enum sq_runtime)r;
        if (sq_runtime_find(*ret, path, arena, &program, &why) == 0)
            return 0;
    }
    if (told >= 0)
        return sq_fail(err, SQ_ENOENT,
                       "%s: install it, or change SCITQ_CONTAINER_RUNTIME", why.text);
    return sq_fail(err, SQ_ENOENT,
                   "there is no container engine here: neither docker nor podman is in "
                   "the PATH");
}

bool sq_runtime_has_init(enum sq_runtime r)
{
    /* Where podman looks: containers.conf(5), helper_binaries_dir. */
    static const char *const places[] = {
        "/usr/local/libexec/podman/catatonit", "/usr/local/lib/podman/catatonit",
        "/usr/libexec/podman/catatonit", "/usr/lib/podman/catatonit"};
    bool found = r == SQ_DOCKER;
    for (size_t i = 0; i < SQ_LEN(places) && !found; i++)
        found = access(places[i], X_OK) == 0;
    return found;
}

bool sq_container_has_data(const char *root)
{
    bool found = false;
    DIR *dir = opendir(root);
    for (struct dirent *e; dir && !found && (e = readdir(dir));)
        found = strcmp(e->d_name, "data") == 0 &&
                (e->d_type == DT_DIR || e->d_type == DT_LNK || e->d_type == DT_UNKNOWN);
    if (dir)
        closedir(dir);
    return found;
}

/* A line being built; a word that found no memory is noticed at the end. */
struct line {
    struct sq_arena *arena;
    char **words;
    size_t n, cap;
    bool failed;
};

static void add(struct line *l, const char *word)
{
    char **words = sq_arena_more(l->arena, l->words, l->n, &l->cap, sizeof *l->words);
    l->failed |= !words;
    if (!words)
        return;
    l->words = words;
    memcpy(&words[l->n++], &word, sizeof word); /* execve's words are not const */
}

static void add_copy(struct line *l, char *word)
{
    l->failed |= !word;
    add(l, word);
}

static char **finish(struct line *l)
{
    add(l, NULL);
    return l->failed ? NULL : l->words;
}

/* A field of the mount's CSV: quoted when it holds what separates fields. */
static char *csv(struct sq_arena *arena, const char *key, const char *value)
{
    char *text = sq_arena_alloc(arena, 2 * strlen(value) + strlen(key) + 3), *to = text;
    if (!strpbrk(value, ",\""))
        return sq_arena_printf(arena, "%s%s", key, value);
    if (!text)
        return NULL;
    *to++ = '"';
    to = stpcpy(to, key);
    for (; *value; value++) {
        if (*value == '"')
            *to++ = '"';
        *to++ = *value;
    }
    *to++ = '"';
    return text;
}

/* Not -v: that would make a folder that is not there. */
static void mount(struct line *l, const char *source, const char *target,
                  bool read_only)
{
    const char *field = csv(l->arena, "source=", source);
    l->failed |= !field;
    add(l, "--mount");
    add_copy(l,
             sq_arena_printf(l->arena, "type=bind,%s,target=%s%s", field ? field : "",
                             target, read_only ? ",readonly" : ""));
}

static void mounts(struct line *l, const struct sq_container_spec *s)
{
    static const struct {
        const char *folder, *target;
        bool read_only;
    } rows[] = {{"input", "/input", false},
                {"output", "/output", false},
                {"resource", "/resource", true},
                {"tmp", "/tmp", false}};
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        const char *source = sq_arena_printf(l->arena, "%s/%s", s->dir, rows[i].folder);
        l->failed |= !source;
        mount(l, source ? source : "", rows[i].target, rows[i].read_only);
    }
    if (s->data)
        mount(l, "/data", "/data", false);
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* What contradicts how containers are run here: they are removed by us, once their end
 * is known for good, and made before they are started. */
static bool is_ours_to_decide(const char *word)
{
    return strcmp(word, "--rm") == 0 || begins(word, "--rm=") ||
           strcmp(word, "-d") == 0 || strcmp(word, "--detach") == 0 ||
           begins(word, "--detach=");
}

/* One that the engine starts again would run a command twice, or never end; one with
 * labels that say it is another's would not be found again, or taken for that. */
static int check_options(char **options, size_t n, struct sq_err *err)
{
    for (size_t i = 0; i < n; i++) {
        const char *word = options[i], *value = strchrnul(word, '=');
        if (*value)
            value++;
        else if (i + 1 < n)
            value = options[i + 1];
        bool restart = strcmp(word, "--restart") == 0 || begins(word, "--restart=");
        if (restart && strcmp(value, "no") != 0)
            return sq_fail(err, SQ_EINVAL,
                           "the container's options: --restart would run the command "
                           "again behind scitq's back: let the task --retry");
        bool label = begins(word, "--label") || begins(word, "-l");
        if (label && (strstr(word, "scitq.") || begins(value, "scitq.")))
            return sq_fail(err, SQ_EINVAL,
                           "the container's options: labels that begin with scitq. are "
                           "scitq's own");
    }
    return 0;
}

/* docker keeps what is written in a log that gives it back to the byte, whole; unless
 * the task wants another.  podman's containers end with their client's parent, so that
 * no log can be of use. */
static void logging(struct line *l, enum sq_runtime r, char **options, size_t n)
{
    static const char *const local[] = {"--log-driver=local", "--log-opt=max-size=1t",
                                        "--log-opt=max-file=1",
                                        "--log-opt=compress=false"};
    for (size_t i = 0; i < n; i++)
        if (begins(options[i], "--log-"))
            return;
    if (r == SQ_PODMAN)
        add(l, "--log-driver=none");
    for (size_t i = 0; r == SQ_DOCKER && i < SQ_LEN(local); i++)
        add(l, local[i]);
}

static void label(struct line *l, const char *key, const char *value)
{
    add_copy(l, sq_arena_printf(l->arena, "--label=scitq.%s=%s", key, value));
}

static void labels(struct line *l, const struct sq_container_spec *s)
{
    char number[24];
    label(l, "worker", s->worker);
    snprintf(number, sizeof number, "%" PRId64, s->execution_id);
    label(l, "execution", number);
    snprintf(number, sizeof number, "%" PRId64, s->task_id);
    label(l, "task", number);
}

static int split(const char *text, const char *what, struct sq_arena *arena,
                 char ***ret, size_t *ret_n, struct sq_err *err)
{
    int rc = sq_words_split(text ? text : "", arena, ret, ret_n, err);
    return rc && *what ? sq_prefix(err, "%s: ", what) : rc;
}

static int check_image(const char *image, struct sq_err *err)
{
    if (!image[0] || image[0] == '-' || strpbrk(image, " \t\r\n"))
        return sq_fail(err, SQ_EINVAL, "\"%s\" is no name of an image", image);
    return 0;
}

int sq_container_create(const struct sq_container_spec *s, struct sq_arena *arena,
                        char ***ret, struct sq_err *err)
{
    struct line l = {.arena = arena};
    char **options, **command;
    size_t n_options, n_command;
    int rc = check_image(s->image, err);
    if (!rc)
        rc = split(s->options, "the container's options", arena, &options, &n_options,
                   err);
    if (!rc)
        rc = check_options(options, n_options, err);
    if (!rc)
        rc = split(s->command, "", arena, &command, &n_command, err);
    if (!rc && n_command == 0)
        rc = sq_fail(err, SQ_EINVAL, "the command is empty");
    if (rc)
        return rc;
    add(&l, s->program);
    add(&l, "create");
    add_copy(&l, sq_arena_printf(arena, "--name=%s", s->name));
    labels(&l, s);
    if (s->init)
        add(&l, "--init");
    if (s->talks)
        add(&l, s->terminal ? "-it" : "-i");
    logging(&l, s->runtime, options, n_options);
    mounts(&l, s);
    add(&l, "-e");
    add_copy(&l, sq_arena_printf(arena, "CPU=%" PRId64, s->cpu));
    for (size_t i = 0; i < n_options; i++)
        if (!is_ours_to_decide(options[i]))
            add(&l, options[i]);
    add(&l, s->image);
    for (size_t i = 0; i < n_command; i++)
        add(&l, command[i]);
    *ret = finish(&l);
    return *ret ? 0 : sq_fail(err, SQ_ENOMEM, "the container's command is too long");
}

/* The words of each verb, docker's and (when they differ) podman's. */
static const char *const verbs[][SQ_RUNTIMES][6] = {
    [SQ_CT_START] = {{"start", "--attach", "%i"},
                     {"start", "--attach", "--sig-proxy=false", "%i"}},
    [SQ_CT_TALK] = {{"start", "--attach", "--interactive", "%i"}},
    [SQ_CT_FOLLOW] = {{"logs", "--follow", "%i"}},
    [SQ_CT_WAIT] = {{"wait", "%i"}},
    [SQ_CT_ASK] = {{"container", "inspect", "--format",
                    "{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} "
                    "{{.HostConfig.LogConfig.Type}} {{.State.Error}}",
                    "%i"}},
    [SQ_CT_KILL] = {{"kill", "--signal=%s", "%i"}},
    [SQ_CT_STOP] = {{"stop", "%i"}},
    [SQ_CT_PAUSE] = {{"pause", "%i"}},
    [SQ_CT_RESUME] = {{"unpause", "%i"}},
    [SQ_CT_REMOVE] = {{"rm", "--force", "--volumes", "%i"}},
    [SQ_CT_LIST] = {{"ps", "--all", "--no-trunc", "--filter=label=scitq.worker=%i",
                     "--format={{.ID}} {{.Names}}"}},
};

/* The word with what it stands for. */
static char *fill(const struct sq_container_call *c, struct sq_arena *arena,
                  const char *word)
{
    const char *at = strchr(word, '%');
    if (!at)
        return sq_arena_strdup(arena, word);
    int len = (int)(at - word);
    return at[1] == 'i' ? sq_arena_printf(arena, "%.*s%s", len, word, c->id)
                        : sq_arena_printf(arena, "%.*s%d", len, word, c->signal);
}

/* The log from its beginning, of which the files have a part.  A constant script: what
 * varies are its arguments. */
static void follow_begin(struct line *l, const struct sq_container_call *c)
{
    static const char script[] =
        "exec 3>>.stdout 4>>.stderr; a=$1 b=$2; shift 2; "
        "{ \"$@\" 2>&5 | tail -c \"+$a\" >&3; } 5>&1 | tail -c \"+$b\" >&4";
    add(l, "/bin/sh");
    add(l, "-c");
    add(l, script);
    add(l, "follow");
    for (int i = 0; i < 2; i++)
        add_copy(l, sq_arena_printf(l->arena, "%" PRId64, c->have[i] + 1));
}

char **sq_container_line(const struct sq_container_call *c, struct sq_arena *arena)
{
    struct line l = {.arena = arena};
    const char *const *words = verbs[c->verb][c->runtime];
    if (!words[0])
        words = verbs[c->verb][SQ_DOCKER];
    if (c->verb == SQ_CT_FOLLOW)
        follow_begin(&l, c);
    add(&l, c->program);
    for (size_t i = 0; i < SQ_LEN(verbs[0][0]) && words[i]; i++)
        add_copy(&l, fill(c, arena, words[i]));
    return finish(&l);
}
