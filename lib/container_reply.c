/* What the engines say, understood: states, ids, and complaints, which have no codes
 * but only words, of several versions of two programs. */
#include "lib/container.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool phase_of(const char *word, enum sq_container_phase *ret)
{
    static const struct {
        const char *word;
        enum sq_container_phase phase;
    } rows[] = {
        {"created", SQ_CT_MADE},     {"configured", SQ_CT_MADE},
        {"initialized", SQ_CT_MADE}, {"running", SQ_CT_ALIVE},
        {"paused", SQ_CT_ALIVE},     {"restarting", SQ_CT_ALIVE},
        {"stopping", SQ_CT_ALIVE},   {"stopped", SQ_CT_ENDED},
        {"exited", SQ_CT_ENDED},     {"dead", SQ_CT_ENDED},
        {"removing", SQ_CT_ENDED},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++)
        if (strcmp(word, rows[i].word) == 0) {
            *ret = rows[i].phase;
            return true;
        }
    return false;
}

/* The first `size` - 1 bytes of a text as one line, without blanks at its ends. */
static void one_line(const char *from, size_t len, char *to, size_t size)
{
    while (len && isspace((unsigned char)*from)) {
        from++;
        len--;
    }
    while (len && isspace((unsigned char)from[len - 1]))
        len--;
    if (len >= size)
        len = size - 1;
    for (size_t i = 0; i < len; i++)
        to[i] = iscntrl((unsigned char)from[i]) ? ' ' : from[i];
    to[len] = 0;
}

bool sq_container_parse(const char *text, struct sq_container_state *ret)
{
    struct sq_container_state s = {0};
    char status[16], oom[8], log[32];
    int at = 0;
    if (sscanf(text, "%15s %d %7s %31s%n", status, &s.exit_code, oom, log, &at) != 4 ||
        !phase_of(status, &s.phase))
        return false;
    s.oom = strcmp(oom, "true") == 0;
    s.logged = strcmp(log, "local") == 0;
    one_line(text + at, strlen(text + at), s.error, sizeof s.error);
    *ret = s;
    return true;
}

/* A word of 12 to 64 hexadecimal digits, and what follows it. */
static const char *take_id(const char *text, char id[SQ_CT_ID])
{
    size_t len = strspn(text, "0123456789abcdef");
    if (len < 12 || len > 64 || !(isspace((unsigned char)text[len]) || !text[len]))
        return NULL;
    memcpy(id, text, len);
    id[len] = 0;
    return text + len;
}

/* The last line with something in it. */
static const char *last_line(const char *text, size_t *ret_len)
{
    size_t len = strlen(text);
    while (len && isspace((unsigned char)text[len - 1]))
        len--;
    const char *start = text + len;
    while (start > text && start[-1] != '\n')
        start--;
    *ret_len = (size_t)(text + len - start);
    return start;
}

bool sq_container_parse_id(const char *text, char id[SQ_CT_ID])
{
    size_t len;
    const char *line = last_line(text, &len);
    return take_id(line, id) == line + len && len;
}

bool sq_container_parse_listed(const char *line, char id[SQ_CT_ID],
                               int64_t *execution_id)
{
    static const char ours[] = "scitq-";
    const char *rest = take_id(line, id);
    if (!rest)
        return false;
    while (*rest == ' ')
        rest++;
    *execution_id = -1;
    if (strncmp(rest, ours, sizeof ours - 1) == 0)
        sscanf(rest + sizeof ours - 1, "%" SCNd64 "-", execution_id);
    return true;
}

/* The first row with a text that occurs counts. */
static const struct {
    enum sq_container_complaint complaint;
    const char *part;
} complaints[] = {
    {SQ_CT_DOWN, "cannot connect to the docker daemon"},
    {SQ_CT_DOWN, "error during connect"},
    {SQ_CT_DOWN, "docker daemon socket"},
    {SQ_CT_DOWN, "docker api at"},
    {SQ_CT_DOWN, "unable to connect to podman"},
    {SQ_CT_DOWN, "connection reset by peer"},
    {SQ_CT_DOWN, "unexpected eof"},
    {SQ_CT_ABSENT, "no such container"},
    {SQ_CT_ABSENT, "no such object"},
    {SQ_CT_IDLE, "is not running"},
    {SQ_CT_IDLE, "can only kill running containers"},
    {SQ_CT_FROZEN, "paused"},
    {SQ_CT_OPTIONS, "unknown flag"},
    {SQ_CT_OPTIONS, "unknown shorthand flag"},
    {SQ_CT_OPTIONS, "flag needs an argument"},
    {SQ_CT_OPTIONS, "invalid argument"},
    {SQ_CT_IMAGE, "invalid reference format"},
    {SQ_CT_OPTIONS, "duplicate mount"},
    {SQ_CT_IMAGE, "unable to find image"},
    {SQ_CT_IMAGE, "no such image"},
    {SQ_CT_IMAGE, "pull access denied"},
    {SQ_CT_IMAGE, "manifest unknown"},
    {SQ_CT_IMAGE, "initializing source"},
    {SQ_CT_IMAGE, "short-name"},
    {SQ_CT_IMAGE, "image not known"},
    {SQ_CT_COMMAND, "executable file not found"},
    {SQ_CT_COMMAND, "no such file or directory: unknown"},
    {SQ_CT_COMMAND, "attempted to invoke a command that was not found"},
    {SQ_CT_COMMAND, "permission denied: unknown"},
};

enum sq_container_complaint sq_container_complaint(const char *error)
{
    for (size_t i = 0; i < SQ_LEN(complaints); i++)
        if (strcasestr(error, complaints[i].part))
            return complaints[i].complaint;
    return SQ_CT_OTHER;
}

/* The line that says most: the last one that is no advice on usage, without what every
 * message of an engine begins with. */
static void gist(const char *error, char *text, size_t size)
{
    static const char *const advice[] = {"See '", "Run '", "Usage:", "time=\"",
                                         "Error: failed to start"};
    static const char *const prefixes[] = {
        "docker: ", "Error: ", "Error response from daemon: "};
    const char *best = "";
    size_t best_len = 0;
    for (const char *line = error, *end; *line; line = *end ? end + 1 : end) {
        end = strchrnul(line, '\n');
        bool useful = end > line && !isspace((unsigned char)*line);
        for (size_t i = 0; i < SQ_LEN(advice); i++)
            useful = useful && strncmp(line, advice[i], strlen(advice[i])) != 0;
        if (!useful)
            continue;
        best = line;
        best_len = (size_t)(end - line);
    }
    for (size_t i = 0; i < SQ_LEN(prefixes); i++) {
        size_t n = strlen(prefixes[i]);
        if (best_len > n && strncmp(best, prefixes[i], n) == 0) {
            best += n;
            best_len -= n;
        }
    }
    one_line(best, best_len, text, size);
}

void sq_container_explain(enum sq_runtime r, const char *image, const char *error,
                          char *text, size_t size)
{
    char why[400];
    const char *name = sq_runtime_name(r);
    gist(error, why, sizeof why);
    switch (sq_container_complaint(error)) {
    case SQ_CT_DOWN:
        snprintf(text, size, "%s does not answer; is its service running? %s", name,
                 why);
        break;
    case SQ_CT_IMAGE:
        snprintf(text, size, "%s has no image %s and cannot get it: %s", name, image,
                 why);
        break;
    case SQ_CT_OPTIONS:
        snprintf(text, size, "%s refuses the container's options: %s", name, why);
        break;
    case SQ_CT_COMMAND:
        snprintf(text, size, "the command cannot be run in the image %s: %s", image,
                 why);
        break;
    default:
        snprintf(text, size, "%s cannot run a container of %s: %s", name, image,
                 why[0] ? why : "it does not say why");
    }
}

size_t sq_container_client_words(const char *stderr_end)
{
    static const char *const words[] = {
        "time=\"",
        "error waiting for container: ",
        "error from daemon in stream: ",
        "unexpected EOF",
        "error during connect: ",
        "Error response from daemon: ",
    };
    size_t len, total = strlen(stderr_end);
    const char *line = last_line(stderr_end, &len), *found = NULL;
    for (size_t i = 0; i < SQ_LEN(words) && !found; i++) {
        found = strstr(line, words[i]); /* after what a line of the container began */
        if (found && i == 0 && !strstr(found, "error waiting for container"))
            found = NULL;
    }
    return found ? total - (size_t)(found - stderr_end) : 0;
}

int sq_container_init_failed(const char *stderr_end, char *why, size_t size)
{
    size_t len;
    const char *line = last_line(stderr_end, &len);
    bool tini = strncmp(line, "[FATAL tini", 11) == 0 && strstr(line, "] exec ");
    bool catatonit = strncmp(line, "ERROR (catatonit", 16) == 0 &&
                     strstr(line, "failed to exec pid1");
    if (!tini && !catatonit)
        return 0;
    const char *reason = memrchr(line, ':', len);
    reason = reason ? reason + 1 : line;
    one_line(reason, (size_t)(line + len - reason), why, size);
    return strcasestr(why, "no such file") ? 127 : 126;
}
