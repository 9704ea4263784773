/* Reading the file of tokens.  It is judged once open, so that what is judged is what
 * is read. */
#include "core/http/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/file.h"

enum { FILE_MAX = 1 << 20, TOKEN_MAX = 1024 };

static const char *const roles[] = {"nobody", "read", "worker", "admin"};

const char *sq_may_name(enum sq_may role)
{
    return roles[role];
}

static int check_file(int fd, const char *path, struct sq_err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return sq_fail(err, SQ_EIO, "cannot look at %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return sq_fail(err, SQ_EINVAL, "%s is not a file", path);
    if (st.st_mode & 077)
        return sq_fail(err, SQ_EINVAL,
                       "%s is open to others than its owner (mode %04o): chmod 600 it, "
                       "and change its tokens if somebody may have read them",
                       path, (unsigned)(st.st_mode & 07777));
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return sq_fail(err, SQ_EINVAL, "%s belongs to user %u, and not to the server's",
                       path, (unsigned)st.st_uid);
    return 0;
}

static int read_file(const char *path, struct sq_buf *out, struct sq_err *err)
{
    SQ_CLEANUP(sq_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return sq_fail(err, sq_errno_code(errno), "cannot open %s: %s", path,
                       strerror(errno));
    int rc = check_file(fd, path, err);
    if (rc == 0 && (rc = sq_read_all(fd, out, err)) != 0)
        sq_prefix(err, "%s: ", path);
    if (rc == 0 && out->len && memchr(out->data, 0, out->len))
        rc = sq_fail(err, SQ_EINVAL, "%s is not a text", path);
    return rc;
}

static bool is_plain(const char *text, char from)
{
    for (const char *p = text; *p; p++)
        if (*p < from || *p >= 0x7f)
            return false;
    return true;
}

/* The parts of a line, which is cut at its colons; NULL, or what is wrong. */
static const char *parse_line(char *line, struct sq_known_token *ret)
{
    char *token = strchr(line, ':');
    if (!token)
        return "it is not role:token or role:token:name";
    *token++ = 0;
    char *name = strchr(token, ':');
    if (name)
        *name++ = 0;
    for (size_t i = SQ_MAY_READ; i < SQ_LEN(roles); i++)
        if (strcmp(line, roles[i]) == 0)
            ret->role = (enum sq_may)i;
    if (ret->role == SQ_MAY_NONE)
        return "the role is none of admin, worker and read";
    if (!*token || strlen(token) > TOKEN_MAX || !is_plain(token, '!'))
        return "the token is not one word of at most 1024 printable characters";
    if (name && (!*name || strlen(name) >= sizeof ret->name || !is_plain(name, ' ')))
        return "the name is empty, too long or not printable";
    if (name)
        strcpy(ret->name, name);
    sq_sha256(token, strlen(token), ret->hash);
    return NULL;
}

static const char *add_line(struct sq_known_tokens *t, char *line)
{
    struct sq_known_token one = {.role = SQ_MAY_NONE};
    const char *why = parse_line(line, &one);
    if (why)
        return why;
    for (size_t i = 0; i < t->n; i++)
        if (memcmp(t->v[i].hash, one.hash, sizeof one.hash) == 0)
            return "another line has the same token";
    if (t->n == SQ_TOKENS_MAX)
        return "there are more than 1000 tokens";
    t->v[t->n++] = one;
    return NULL;
}

/* `text` is cut up. */
static int parse(char *text, const char *path, struct sq_known_tokens *t,
                 struct sq_err *err)
{
    char *next = text;
    for (int number = 1; next; number++) {
        char *line = next;
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        size_t len = strlen(line);
        while (len && strchr(" \t\r", line[len - 1]))
            line[--len] = 0;
        if (len == 0 || line[0] == '#')
            continue;
        const char *why = add_line(t, line);
        if (why)
            return sq_fail(err, SQ_EINVAL, "%s line %d: %s", path, number, why);
    }
    return t->n ? 0
                : sq_fail(err, SQ_EINVAL,
                          "%s has no token: a line is role:token or role:token:name",
                          path);
}

int sq_known_tokens_read(const char *path, struct sq_known_tokens *ret,
                         struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    struct sq_known_tokens t = {.v = calloc(SQ_TOKENS_MAX, sizeof *t.v)};
    sq_buf_init(&text, FILE_MAX);
    int rc = t.v ? read_file(path, &text, err)
                 : sq_fail(err, SQ_ENOMEM, "out of memory for tokens");
    if (rc == 0) {
        sq_buf_addc(&text, '\n');
        rc = sq_buf_ok(&text) ? parse(text.data, path, &t, err)
                              : sq_fail(err, SQ_ETOOBIG, "%s is too long", path);
    }
    if (text.data)
        explicit_bzero(text.data, text.cap);
    if (rc)
        sq_known_tokens_free(&t);
    else
        *ret = t;
    return rc;
}

void sq_known_tokens_free(struct sq_known_tokens *t)
{
    free(t->v);
    *t = (struct sq_known_tokens){0};
}

const struct sq_known_token *sq_known_tokens_find(const struct sq_known_tokens *t,
                                                  const char *token)
{
    unsigned char hash[SQ_SHA256_BYTES];
    const struct sq_known_token *found = NULL;
    sq_sha256(token, strlen(token), hash);
    for (size_t i = 0; i < t->n; i++)
        if (sq_same_bytes(hash, t->v[i].hash, sizeof hash))
            found = &t->v[i];
    return found;
}
