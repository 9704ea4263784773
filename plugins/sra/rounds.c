/* Rounds over the ways to a file.
 *
 * Each round tries one way after the other for what is not there yet, and between two
 * rounds there is a pause and the report is asked for again: archives have bad hours,
 * and links and checksums are corrected.  A way whose program is not installed is left
 * out, unless the location names it.  After the last round the error is one that the
 * host does not try again: this was the trying. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <scitq/md5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/sra/sra.h"

enum { READ_BYTES = 1 << 18, PAUSE_MAX_S = 60 };

/* ---- is it whole? */

static int md5_of(struct sra_job *job, const char *path, char ret[33],
                  struct sq_err *err)
{
    struct sq_md5 m;
    ssize_t n = 0;
    char *data = malloc(READ_BYTES);
    int fd = data ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    sq_md5_init(&m);
    while (fd >= 0 && !job->call->canceled(job->call)) {
        n = read(fd, data, READ_BYTES);
        if (n > 0)
            sq_md5_add(&m, data, (size_t)n);
        else if (n == 0 || errno != EINTR)
            break;
    }
    int e = errno;
    if (fd >= 0)
        close(fd);
    free(data);
    if (job->call->canceled(job->call))
        return sq_fail(err, SQ_ECANCELED, "verifying %.200s was canceled", path);
    if (fd < 0 || n < 0)
        return sq_fail(err, SQ_EIO, "cannot read back %.200s: %s", path, strerror(e));
    sq_md5_end(&m, ret);
    return 0;
}

/* What is wrong is removed, or the next try would go on with it. */
int sra_verify(struct sra_job *job, struct sra_take *take, const char *path,
               struct sq_err *err)
{
    struct stat st;
    char md5[33] = "";
    const struct sra_file *f = take->file;
    if (stat(path, &st) != 0)
        return sq_fail(err, SQ_EIO, "nothing came of %.200s", take->name);
    if (f && f->size_bytes != SQ_UNKNOWN && st.st_size != f->size_bytes) {
        unlink(path);
        return sq_fail(err, SQ_EIO,
                       "%.200s came with %lld bytes, ENA's report says %lld",
                       take->name, (long long)st.st_size, (long long)f->size_bytes);
    }
    int rc = f && f->md5[0] ? md5_of(job, path, md5, err) : 0;
    if (rc == 0 && f && strcmp(md5, f->md5) != 0) {
        unlink(path);
        return sq_fail(err, SQ_EIO, "%.200s came with the MD5 %s, ENA's report says %s",
                       take->name, md5, f->md5);
    }
    if (rc)
        return rc;
    if (take->entry.kind != SQ_ENTRY_FILE || take->entry.size_bytes != st.st_size)
        take->entry = (struct sq_entry){.kind = SQ_ENTRY_FILE, .date_ns = SQ_UNKNOWN};
    take->entry.size_bytes = st.st_size;
    memcpy(take->entry.md5, md5, sizeof md5);
    take->done = true;
    return 0;
}

/* ---- one way */

static bool all_done(const struct sra_job *job)
{
    for (size_t i = 0; i < job->n; i++)
        if (!job->takes[i].done)
            return false;
    return true;
}

/* Nothing that another way or another hour could mend. */
static bool is_final(int code)
{
    return code == SQ_ECANCELED || code == SQ_ENOSPC || code == SQ_ENOMEM;
}

/* Each file of its own: what fails does not keep the next from being tried. */
static int one_by_one(struct sra_job *job,
                      int (*get)(struct sra_job *, struct sra_take *, struct sq_err *),
                      struct sq_err *err)
{
    int first = 0;
    for (size_t i = 0; i < job->n && !is_final(first); i++) {
        struct sq_err why = {0};
        if (job->takes[i].done)
            continue;
        job->takes[i].entry = (struct sq_entry){.size_bytes = SQ_UNKNOWN};
        int rc = get(job, &job->takes[i], &why);
        if (rc && (!first || is_final(rc)))
            first = sq_fail(err, rc, "%s", why.text);
    }
    return first;
}

static int try_way(struct sra_job *job, enum sra_way way, struct sq_err *err)
{
    switch (way) {
    case SRA_BY_TOOLKIT: return sra_by_toolkit(job, err);
    case SRA_BY_ASPERA: return one_by_one(job, sra_by_aspera, err);
    default: return one_by_one(job, sra_by_ftp, err);
    }
}

/* ---- a round */

struct rounds {
    struct sra_job *job;
    bool absent[SRA_WAYS]; /* no program for it */
    int tried;             /* ways of this round */
    struct sq_err why;     /* of the first way of the last round */
};

static int missing(const struct sra_job *job, enum sra_way way,
                   const struct sq_err *why, struct sq_err *err)
{
    return sq_fail(err, SQ_EINVAL, "%.100s cannot be fetched: %.200s: %s",
                   job->takes[0].name, why->text,
                   way == SRA_BY_TOOLKIT
                       ? "@sra needs prefetch and fasterq-dump: install sra-toolkit"
                       : "Aspera needs its client: install ascp or set ASPERA_COMMAND");
}

/* 0: all is there, or another way may bring it. */
static int one_way(struct rounds *r, enum sra_way way, struct sq_err *err)
{
    struct sra_job *job = r->job;
    struct sq_err why = {0};
    int rc = try_way(job, way, &why);
    if (rc == SQ_EUNSUPPORTED && job->wanted->n_ways == 1)
        return missing(job, way, &why, err);
    if (rc == SQ_EUNSUPPORTED) {
        r->absent[way] = true;
        job->s->host->log(job->s->host, SQ_SAY_INFO, "%s", why.text);
        return 0;
    }
    r->tried++;
    if (is_final(rc))
        return sq_fail(err, rc, "%s", why.text);
    if (rc) {
        if (r->tried == 1)
            r->why = why;
        job->s->host->log(job->s->host, SQ_SAY_WARNING, "%s", why.text);
    }
    return 0;
}

static int one_round(struct rounds *r, struct sq_err *err)
{
    const struct sra_wanted *w = r->job->wanted;
    int rc = 0;
    r->tried = 0;
    for (size_t i = 0; rc == 0 && i < w->n_ways && !all_done(r->job); i++)
        if (!r->absent[w->ways[i]])
            rc = one_way(r, w->ways[i], err);
    if (rc == 0 && r->tried == 0)
        rc = sq_fail(err, SQ_EINVAL,
                     "%.100s cannot be fetched: none of the ways chosen is installed "
                     "(sra-toolkit for @sra, ascp for @aspera)",
                     r->job->takes[0].name);
    return rc;
}

/* SQ_ECANCELED, or 0 after `s` seconds. */
static int pause_s(struct sra_job *job, int64_t s, struct sq_err *err)
{
    struct pollfd p = {.fd = job->call->cancel_fd, .events = POLLIN};
    while (s-- > 0 && !job->call->canceled(job->call))
        poll(&p, 1, 1000);
    return job->call->canceled(job->call)
               ? sq_fail(err, SQ_ECANCELED, "fetching %.100s was canceled",
                         job->takes[0].name)
               : 0;
}

/* Each file wanted in the report; asked for again, that keeps its old self when there
 * is no answer. */
static int look_up(struct sra_job *job, bool again, struct sq_err *err)
{
    struct sq_storage *s = job->s;
    struct sq_err why = {0};
    if (job->source) {
        job->takes[0].file = sra_ask_fasp(s, job->wanted, job->source, job->call);
        return 0;
    }
    int rc = again ? sra_ask(s, job->wanted, true, job->call, &why) : 0;
    if (is_final(rc))
        return sq_fail(err, rc, "%s", why.text);
    rc = 0;
    for (size_t i = 0; rc == 0 && i < job->n; i++)
        rc = sra_find(s, job->wanted, job->takes[i].name, job->call,
                      &job->takes[i].file, err);
    /* A later name may have brought another report, with which the earlier ones go. */
    for (size_t i = 0; rc == 0 && i < job->n; i++) {
        job->takes[i].file = sra_report_find(&s->asked.report, job->takes[i].name);
        if (!job->takes[i].file)
            rc = sq_fail(err, SQ_EPROTO,
                         "ENA's file reports of %s contradict each other",
                         job->wanted->accession);
    }
    return rc;
}

static int run_rounds(struct sra_job *job, struct sq_err *err)
{
    struct sq_host *host = job->s->host;
    int64_t n = host->setting_int(host, "SRA_ROUNDS");
    int64_t pause = host->setting_int(host, "SRA_PAUSE");
    struct rounds r = {.job = job};
    int rc = look_up(job, false, err);
    for (int64_t i = 0; rc == 0 && (i == 0 || i < n); i++) {
        if (i > 0 && (rc = pause_s(job, pause, err)) == 0)
            rc = look_up(job, true, err);
        if (i > 0)
            pause = pause * 2 < PAUSE_MAX_S ? pause * 2 : PAUSE_MAX_S;
        if (rc == 0)
            rc = one_round(&r, err);
        if (rc || all_done(job))
            return rc;
    }
    return rc ? rc
              : sq_fail(err, r.why.code == SQ_ENOENT ? SQ_ENOENT : SQ_EPROTO,
                        "%s was given up after %lld rounds: %.380s",
                        job->wanted->accession[0] ? job->wanted->accession
                                                  : job->takes[0].name,
                        (long long)(n > 0 ? n : 1), r.why.text);
}

/* ---- the operations */

int sra_get(struct sq_storage *s, const struct sq_location *from, const char *to,
            struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    struct sra_wanted w;
    char *source = NULL;
    struct sra_take take = {.to = to};
    struct sra_job job = {s, &w, call, &take, 1, NULL};
    int rc = sra_wanted_parse(from, &w, err);
    if (rc == 0 && w.kind == SRA_FASP)
        rc = sra_fasp_source(from, s->host->setting(s->host, "ASPERA_USER"), &source,
                             err);
    if (rc)
        return rc;
    take.name = source ? strrchr(source, '/') + 1 : w.name;
    job.source = source;
    if (!*take.name)
        rc = sq_fail(err, SQ_ENOENT, "%s://%.200s is no file", from->proto, from->path);
    if (rc == 0)
        rc = run_rounds(&job, err);
    free(source);
    if (rc == 0)
        *ret = take.entry;
    return rc;
}

/* ENA's files come one by one, several at a time: the host does that.  Of NCBI's
 * archive a run comes as a whole. */
int sra_get_files(struct sq_storage *s, const struct sq_location *from,
                  const struct sq_files *files, struct sq_call *call,
                  struct sq_err *err)
{
    struct sra_wanted w;
    struct sra_job job = {.s = s, .wanted = &w, .call = call};
    int rc = sra_wanted_parse(from, &w, err);
    if (rc == 0 && (w.kind != SRA_FASTQ || w.ways[0] != SRA_BY_TOOLKIT || *w.name))
        return sq_fail(err, SQ_EUNSUPPORTED, "%s: one by one", from->proto);
    if (rc)
        return rc;
    job.takes = calloc(files->n_names + 1, sizeof *job.takes);
    for (; job.takes && job.n < files->n_names; job.n++) {
        char *to = NULL;
        if (asprintf(&to, "%s/%s", files->dir, files->names[job.n]) < 0)
            break;
        job.takes[job.n] = (struct sra_take){.name = files->names[job.n], .to = to};
    }
    rc = job.takes && job.n == files->n_names && job.n
             ? run_rounds(&job, err)
             : sq_fail(err, SQ_ENOMEM, "out of memory");
    for (size_t i = 0; i < job.n; i++) {
        if (job.takes[i].done)
            files->done(files->arg, i, &job.takes[i].entry);
        free((char *)job.takes[i].to);
    }
    free(job.takes);
    return rc;
}
