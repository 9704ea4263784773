/* ENA's file report and the files it links to, by the operations of the http module. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plugins/sra/sra.h"

extern const struct sq_storage_ops http_LTX_sq_storage; /* plugins/http, linked in */

static bool among(const char *const *words, const char *text, size_t len)
{
    for (; *words; words++)
        if (strlen(*words) == len && strncmp(*words, text, len) == 0)
            return true;
    return false;
}

int sra_web_open(struct sq_storage *s, struct sq_err *err)
{
    static const char *const report_by[] = {"http", "https", NULL};
    static const char *const files_by[] = {"ftp", "http", "https", NULL};
    const char *url = s->host->setting(s->host, "ENA_REPORT_URL");
    const char *by = s->host->setting(s->host, "ENA_PROTOCOL");
    const char *mark = strstr(url, "://");
    if (!mark || !among(report_by, url, (size_t)(mark - url)) || !mark[3])
        return sq_fail(err, SQ_EINVAL,
                       "ENA_REPORT_URL=%.200s is neither http://… nor https://…", url);
    if (!among(files_by, by, strlen(by)))
        return sq_fail(err, SQ_EINVAL, "ENA_PROTOCOL=%.50s is none of ftp, http, https",
                       by);
    return http_LTX_sq_storage.open(s->host, &s->web, err);
}

void sra_web_close(struct sq_storage *s)
{
    http_LTX_sq_storage.close(s->web);
}

/* ---- the report */

/* A call that ends when more comes than a report can be. */
struct limited {
    struct sq_call call;
    struct sq_call *behind;
    bool over;
};

static int limited_canceled(const struct sq_call *call)
{
    const struct limited *l = (const struct limited *)call;
    return l->over || l->behind->canceled(l->behind);
}

static void limited_progress(struct sq_call *call, int64_t done, int64_t total)
{
    struct limited *l = (struct limited *)call;
    (void)total;
    l->over |= done > SRA_REPORT_BYTES;
}

/* proto://rest of a setting as a location. */
static struct sq_location location(const char *url, char *ret_proto)
{
    size_t n = (size_t)(strstr(url, "://") - url);
    memcpy(ret_proto, url, n);
    ret_proto[n] = 0;
    return (struct sq_location){.proto = ret_proto, .path = url + n + 3};
}

/* Fetch `url` into the open file `fd`. */
static int download(struct sq_storage *s, const char *url, int fd, struct sq_call *call,
                    struct sq_err *err)
{
    char to[40], proto[8];
    struct sq_entry entry;
    struct limited l = {.call = {limited_canceled, call->cancel_fd, limited_progress},
                        .behind = call};
    struct sq_location at = location(url, proto);
    snprintf(to, sizeof to, "/proc/self/fd/%d", fd);
    int rc = http_LTX_sq_storage.get(s->web, &at, to, &l.call, &entry, err);
    if (l.over && !call->canceled(call))
        return sq_fail(err, SQ_EPROTO, "what %.200s answers is too long for a report",
                       s->host->setting(s->host, "ENA_REPORT_URL"));
    return rc;
}

static int read_back(int fd, char **ret, size_t *ret_len, struct sq_err *err)
{
    char *text = malloc(SRA_REPORT_BYTES + 2);
    if (!text)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    ssize_t n = pread(fd, text, SRA_REPORT_BYTES + 1, 0); /* of memory: at once */
    if (n < 0) {
        free(text);
        return sq_fail(err, SQ_EIO, "cannot read back a file report");
    }
    *ret = text;
    *ret_len = (size_t)n;
    return 0;
}

static int ask(struct sq_storage *s, const char *accession, struct sq_call *call,
               char **ret, size_t *ret_len, struct sq_err *err)
{
    char *url = NULL;
    int fd = memfd_create("report", MFD_CLOEXEC);
    if (fd < 0 ||
        asprintf(&url, "%s?accession=%s&result=read_run&fields=%s&format=tsv&limit=0",
                 s->host->setting(s->host, "ENA_REPORT_URL"), accession,
                 sra_report_fields) < 0) {
        close(fd);
        return sq_fail(err, SQ_ENOMEM, "out of memory for a file report");
    }
    struct sq_err why = {0};
    int rc = download(s, url, fd, call, &why);
    if (rc == 0)
        rc = read_back(fd, ret, ret_len, &why);
    free(url);
    close(fd);
    return rc ? sq_fail(err, rc, "asking ENA for the files of %s: %.400s", accession,
                        why.text)
              : 0;
}

static bool same(const struct sra_wanted *a, const struct sra_wanted *b)
{
    return strcmp(a->accession, b->accession) == 0 && a->kind == b->kind &&
           a->only_read1 == b->only_read1;
}

int sra_ask(struct sq_storage *s, const struct sra_wanted *wanted, bool again,
            struct sq_call *call, struct sq_err *err)
{
    char *text = NULL;
    size_t len = 0;
    struct sra_report r = {0};
    if (call->canceled(call))
        return sq_fail(err, SQ_ECANCELED, "looking for %s was canceled",
                       wanted->accession);
    if (!again && same(&s->asked.of, wanted))
        return 0;
    int rc = ask(s, wanted->accession, call, &text, &len, err);
    if (rc == 0)
        rc = sra_report_parse(text, len, wanted->accession, wanted->kind, &r, err);
    if (rc == 0 && wanted->only_read1)
        rc = sra_report_only_read1(&r, wanted->accession, err);
    free(text);
    if (rc) {
        sra_report_fini(&r);
        return rc;
    }
    sra_report_fini(&s->asked.report);
    s->asked.report = r;
    s->asked.of = *wanted;
    s->asked.of.name = "";
    return 0;
}

int sra_find(struct sq_storage *s, const struct sra_wanted *wanted, const char *name,
             struct sq_call *call, const struct sra_file **ret, struct sq_err *err)
{
    bool kept = same(&s->asked.of, wanted);
    int rc = sra_ask(s, wanted, false, call, err);
    if (rc == 0 && kept && !sra_report_find(&s->asked.report, name))
        rc = sra_ask(s, wanted, true, call, err);
    if (rc)
        return rc;
    const struct sra_file *f = sra_report_find(&s->asked.report, name);
    if (!f)
        return sq_fail(err, SQ_ENOENT, "%s: ENA's file report names no %.200s",
                       wanted->accession, name);
    *ret = f;
    return 0;
}

const struct sra_file *sra_ask_fasp(struct sq_storage *s,
                                    const struct sra_wanted *wanted, const char *source,
                                    struct sq_call *call)
{
    struct sra_wanted w = *wanted;
    struct sq_err err = {0};
    const char *there = strchr(source, '@') + 1;
    if (!wanted->accession[0])
        return NULL;
    for (w.kind = SRA_FASTQ; w.kind <= SRA_SUBMITTED; w.kind++) {
        int rc = sra_ask(s, &w, false, call, &err);
        for (size_t i = 0; rc == 0 && i < s->asked.report.n; i++)
            if (strcmp(s->asked.report.files[i].aspera, there) == 0)
                return &s->asked.report.files[i];
    }
    s->host->log(s->host, SQ_SAY_WARNING, "no MD5 is known to compare %s with%s%.300s",
                 source, err.code ? ": " : "", err.code ? err.text : "");
    return NULL;
}

/* ---- a file */

/* The path of a link, its odd characters escaped; NULL: out of memory. */
static char *escaped(const char *link)
{
    char *text = malloc(3 * strlen(link) + 1), *p = text;
    for (; text && *link; link++)
        if (strchr("%#?", *link))
            p += sprintf(p, "%%%02X", (unsigned char)*link);
        else
            *p++ = *link;
    if (text)
        *p = 0;
    return text;
}

int sra_by_ftp(struct sra_job *job, struct sra_take *take, struct sq_err *err)
{
    struct sq_host *host = job->s->host;
    char proto[8];
    struct sq_location at = {.proto = host->setting(host, "ENA_PROTOCOL"),
                             .path = take->file->link};
    if (strstr(take->file->link, "://"))
        at = location(take->file->link, proto);
    char *path = escaped(at.path);
    if (!path)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    at.path = path;
    int rc = http_LTX_sq_storage.get(job->s->web, &at, take->to, job->call,
                                     &take->entry, err);
    free(path);
    return rc ? rc : sra_verify(job, take, take->to, err);
}
