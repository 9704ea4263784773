/* Aspera: IBM's ascp, which cannot be had freely everywhere; found if it is there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/sra/sra.h"

enum { WORDS_MAX = 60 };

/* ~/… is below $HOME. */
static char *expanded(const char *path)
{
    const char *home = getenv("HOME");
    char *text = NULL;
    if (strncmp(path, "~/", 2) == 0 && home)
        return asprintf(&text, "%s%s", home, path + 1) < 0 ? NULL : text;
    return strdup(path);
}

/* What Aspera leaves of a transfer beside its file. */
static void sweep(const char *part)
{
    static const char *const endings[] = {"", ".aspx", ".aspera-ckpt", ".partial"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char *name = NULL;
        if (asprintf(&name, "%s%s", part, endings[i]) < 0)
            continue;
        unlink(name);
        free(name);
    }
}

/* The words of ASPERA_COMMAND, `text` being cut in place, and ours behind them. */
static int words_of(char *text, const char *key, const char *source, const char *part,
                    const char **words, struct sq_err *err)
{
    size_t n = 0;
    char *rest = text, *word;
    while ((word = strsep(&rest, " \t")) != NULL)
        if (*word && n < WORDS_MAX)
            words[n++] = word;
    if (n == 0 || n == WORDS_MAX)
        return sq_fail(err, SQ_EINVAL, "ASPERA_COMMAND has %s words",
                       n ? "too many" : "no");
    if (*key) {
        words[n++] = "-i";
        words[n++] = key;
    }
    words[n++] = source;
    words[n++] = part;
    words[n] = NULL;
    return 0;
}

static int run_ascp(struct sra_job *job, const char *source, const char *part,
                    int64_t total_bytes, struct sq_err *err)
{
    struct sq_host *host = job->s->host;
    const char *words[WORDS_MAX + 5];
    char *text = strdup(host->setting(host, "ASPERA_COMMAND"));
    char *key = expanded(host->setting(host, "ASPERA_KEY"));
    int rc = text && key ? words_of(text, key, source, part, words, err)
                         : sq_fail(err, SQ_ENOMEM, "out of memory");
    if (rc == 0)
        rc = sra_run(job, words, part, total_bytes, err);
    free(text);
    free(key);
    return rc;
}

/* user@host:/path; NULL and `err`: there is none. */
static char *source_of(struct sra_job *job, const struct sra_take *take,
                       struct sq_err *err)
{
    struct sq_host *host = job->s->host;
    char *text = NULL;
    if (!job->source && !take->file->aspera[0]) {
        sq_fail(err, SQ_ENOENT, "ENA's file report has no Aspera link of %.200s",
                take->name);
        return NULL;
    }
    int n = job->source ? asprintf(&text, "%s", job->source)
                        : asprintf(&text, "%s@%s", host->setting(host, "ASPERA_USER"),
                                   take->file->aspera);
    if (n < 0) {
        sq_fail(err, SQ_ENOMEM, "out of memory");
        return NULL;
    }
    return text;
}

/* Into a file beside the one wanted, which may hold what FTP can go on with. */
int sra_by_aspera(struct sra_job *job, struct sra_take *take, struct sq_err *err)
{
    char *part = NULL;
    struct sq_err why = {.code = SQ_ENOMEM};
    char *source = source_of(job, take, &why);
    if (!source)
        return sq_fail(err, why.code, "%s", why.text);
    if (asprintf(&part, "%s.fasp", take->to) < 0) {
        free(source);
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    }
    sweep(part);
    int rc = run_ascp(job, source, part,
                      take->file ? take->file->size_bytes : SQ_UNKNOWN, err);
    if (rc == 0)
        rc = sra_verify(job, take, part, err);
    if (rc == 0 && rename(part, take->to) != 0)
        rc = sq_fail(err, SQ_EIO, "cannot rename what %.200s brought", source);
    sweep(part);
    free(part);
    free(source);
    return rc;
}
