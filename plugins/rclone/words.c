/* rclone tells what happened in sentences of its own, of Go's network library and of
 * each storage's SDK.  The table finds the part that matters in them; the first row
 * that fits counts, so that the more particular ones stand first.  Then, without a row
 * that fits, its exit status decides. */
#include "plugins/rclone/words.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct row {
    const char *part; /* found in what it said, whatever the case */
    int code;
    const char *words; /* %1 the remote, %2 the configuration file */
};

static const char no_credentials[] =
    "access is denied: check the credentials of [%1] in %2 and what they allow";
static const char bad_secret[] = "a password or key in [%1] of %2 is not as rclone "
                                 "keeps it: set it anew with rclone "
                                 "config";
static const char no_object[] = "there is no such object";
static const char object_not_found[] = "object not found";
static const char no_folder[] = "there is no such folder or bucket";
static const char no_space[] = "no space is left";
static const char no_answer[] = "the storage does not answer in time";
static const char no_listener[] = "the storage's server refuses the connection: is its "
                                  "address in [%1] of %2 right, and is it running?";
static const char broken_off[] = "the connection broke off";

static const struct row rows[] = {
    {"didn't find section in config file", SQ_EINVAL,
     "there is no remote \"%1\" in %2: add it with rclone config, or correct the URI"},
    {"didn't find backend called", SQ_EINVAL, "the type of [%1] in %2 is not rclone's"},
    {"unable to decrypt configuration", SQ_EAUTH,
     "%2 is encrypted with another password"},
    {"failed to load config file", SQ_EINVAL, "%2 cannot be read"},
    {"when revealing password", SQ_EAUTH, bad_secret},
    {"failed to parse credentials", SQ_EAUTH, bad_secret},
    {"no space left on device", SQ_ENOSPC, no_space},
    {"file too big for remaining disk space", SQ_ENOSPC, no_space},
    {"insufficient storage", SQ_ENOSPC, no_space},
    {"disk quota exceeded", SQ_ENOSPC, no_space},
    {"quotaexceeded", SQ_ENOSPC, no_space},
    {"corrupted on transfer", SQ_EIO,
     "what arrived differs from the source in size or checksum"},
    {"source file is being updated", SQ_EIO, "the file changed while it was read"},
    {"is a directory not a file", SQ_ENOENT,
     "that is a folder: end the URI with / to mean all of it"},
    {"is a file not a directory", SQ_ENOENT, "that is a file, not a folder"},
    {"can't limit to single files", SQ_ENOENT, "that is a file, not a folder"},
    {"accessdenied", SQ_EAUTH, no_credentials},
    {"access denied", SQ_EAUTH, no_credentials},
    {"unauthorized", SQ_EAUTH, no_credentials},
    {"forbidden", SQ_EAUTH, no_credentials},
    {"invalidaccesskeyid", SQ_EAUTH, no_credentials},
    {"signaturedoesnotmatch", SQ_EAUTH, no_credentials},
    {"authenticationfailed", SQ_EAUTH, no_credentials},
    {"authorizationfailure", SQ_EAUTH, no_credentials},
    {"status code: 401", SQ_EAUTH, no_credentials},
    {"status code: 403", SQ_EAUTH, no_credentials},
    {"nocredentialproviders", SQ_EAUTH, no_credentials},
    {"unable to authenticate", SQ_EAUTH, no_credentials},
    {"permission denied", SQ_EAUTH, no_credentials},
    {"login incorrect", SQ_EAUTH, no_credentials},
    {"authentication failed", SQ_EAUTH, no_credentials},
    {"invalid_grant", SQ_EAUTH, no_credentials},
    {"read-only file system", SQ_EAUTH, "that is on a file system that is read-only"},
    {"name too long", SQ_EINVAL, "the name is too long there"},
    {"nosuchbucket", SQ_ENOENT, "there is no such bucket"},
    {"containernotfound", SQ_ENOENT, "there is no such container"},
    {"nosuchkey", SQ_ENOENT, no_object},
    {object_not_found, SQ_ENOENT, no_object},
    {"directory not found", SQ_ENOENT, no_folder},
    {"no such file or directory", SQ_ENOENT, no_object},
    {"no such host", SQ_ENOENT,
     "the host of [%1] in %2 is unknown: is its name right, and does this machine "
     "resolve names?"},
    {"x509:", SQ_EPROTO, "the server's certificate is not trusted"},
    {"connection refused", SQ_EIO, no_listener},
    {"i/o timeout", SQ_ETIMEDOUT, no_answer},
    {"timeout awaiting", SQ_ETIMEDOUT, no_answer},
    {"deadline exceeded", SQ_ETIMEDOUT, no_answer},
    {"handshake timeout", SQ_ETIMEDOUT, no_answer},
    {"no route to host", SQ_EIO, "the storage's server cannot be reached"},
    {"network is unreachable", SQ_EIO, "the storage's server cannot be reached"},
    {"connection reset", SQ_EIO, broken_off},
    {"connection lost", SQ_EIO, broken_off},
    {"broken pipe", SQ_EIO, broken_off},
    {"unexpected eof", SQ_EIO, broken_off},
    {"not supported", SQ_EUNSUPPORTED, "this storage has no such operation"},
    {"doesn't support", SQ_EUNSUPPORTED, "this storage has no such operation"},
    {"readonly", SQ_EUNSUPPORTED, "this storage can only be read"},
    {"read only", SQ_EUNSUPPORTED, "this storage can only be read"},
};

static const struct row *search(const char *text)
{
    size_t i;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcasestr(text, rows[i].part))
            return &rows[i];
    return NULL;
}

/* The last sentence counts before what led to it. */
static const struct row *find(const char *doing, int status, const char *why,
                              const char *said)
{
    /* rclone looks at what it stored; some storages take a while to show it. */
    static const struct row unseen = {NULL, SQ_EIO,
                                      "what was just stored is not shown there yet"};
    /* rclone's manual, "List of exit codes". */
    static const struct row folder = {NULL, SQ_ENOENT, no_folder};
    static const struct row object = {NULL, SQ_ENOENT, no_object};
    static const struct row other = {NULL, SQ_EIO, "rclone failed"};
    const struct row *row = search(why);
    if (!row)
        row = search(said);
    if (row && row->part == object_not_found && strcmp(doing, "store") == 0)
        return &unseen;
    return row ? row : status == 3 ? &folder : status == 4 ? &object : &other;
}

/* The words with their %1 and %2. */
static void fill(const char *words, const char *remote, const char *config, char *out,
                 size_t size)
{
    size_t used = 0;
    while (*words && used + 1 < size) {
        const char *value = words[0] != '%'   ? NULL
                            : words[1] == '1' ? remote
                            : words[1] == '2' ? config
                                              : NULL;
        if (value) {
            int n = snprintf(out + used, size - used, "%s", value);
            used += (size_t)n < size - used ? (size_t)n : size - used - 1;
            words += 2;
        } else {
            out[used++] = *words++;
        }
    }
    out[used] = '\0';
}

/* rclone's own last sentence: one line, without what it was doing. */
static void reason(const char *said, char *out, size_t size)
{
    const char *at = said, *next;
    size_t len;
    while ((next = strstr(at, "Failed to ")) != NULL)
        at = next + 1;
    next = at > said ? strstr(at, ": ") : NULL;
    if (next)
        at = next + 2;
    next = strstr(at, "occurred:\n"); /* "1 error occurred:", each on a line below */
    if (next) {
        at = next + 9;
        at += strspn(at, "\n\t* ");
    }
    if (strncmp(at, "last error was: ", 16) == 0)
        at += 16;
    if (strncmp(at, "loopback call failed: ", 22) == 0)
        at += 22;
    next = strstr(at, "ServiceCode="); /* Azure's dump of a whole answer */
    if (next)
        at = next + 12;
    len = strcspn(at, next ? ")\n" : "\n");
    snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), at);
}

int words_fail(const char *doing, const struct sq_location *at, int status,
               const char *said, const char *config, struct sq_err *err)
{
    const struct row *row;
    char words[256], why[160];
    reason(said, why, sizeof why);
    row = find(doing, status, why, said);
    fill(row->words, at->proto, config, words, sizeof words);
    if (status < 0)
        snprintf(why, sizeof why, "signal %d ended it", -status);
    else if (!*why)
        snprintf(why, sizeof why, "exit status %d", status);
    return sq_fail(err, row->code, "cannot %s %s://%.150s: %s (rclone: %s)", doing,
                   at->proto, at->path, words, why);
}
