/* Locations taken apart: run+fastq@ftp@filter_r1://ERR000123/ERR000123_1.fastq.gz. */
#include "plugins/sra/wanted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ERR, SRR or DRR and six digits or more (ENA, "accession number format"): the length
 * of what `text` begins with, or 0. */
static size_t run_accession(const char *text)
{
    static const char archives[] = "ESD";
    if (!*text || !strchr(archives, *text) || strncmp(text + 1, "RR", 2) != 0)
        return 0;
    size_t digits = strspn(text + 3, "0123456789");
    return digits >= 6 && 3 + digits < SRA_ACCESSION_BYTES ? 3 + digits : 0;
}

static int take_option(struct sra_wanted *w, const char *proto, const char *option,
                       struct sq_err *err)
{
    static const char *const names[SRA_WAYS] = {"ftp", "sra", "aspera"};
    if (strcmp(option, "filter_r1") == 0 && w->kind != SRA_FASP) {
        w->only_read1 = true;
        return 0;
    }
    enum sra_way way = SRA_BY_FTP;
    while (way < SRA_WAYS && strcmp(option, names[way]) != 0)
        way++;
    bool possible = way < SRA_WAYS &&
                    (w->kind != SRA_SUBMITTED || way != SRA_BY_TOOLKIT) &&
                    (w->kind != SRA_FASP || way == SRA_BY_ASPERA);
    if (!possible)
        return sq_fail(err, SQ_EINVAL, "%s has no option @%s: there is %s", proto,
                       option,
                       w->kind == SRA_FASP        ? "@aspera"
                       : w->kind == SRA_SUBMITTED ? "@ftp @aspera @filter_r1"
                                                  : "@ftp @aspera @sra @filter_r1");
    for (size_t i = 0; w->chosen && i < w->n_ways; i++)
        if (w->ways[i] == way)
            return 0;
    if (!w->chosen)
        w->n_ways = 0;
    w->chosen = true;
    w->ways[w->n_ways++] = way;
    return 0;
}

static void default_ways(struct sra_wanted *w)
{
    if (w->kind == SRA_FASP) {
        w->ways[w->n_ways++] = SRA_BY_ASPERA;
        w->chosen = true;
        return;
    }
    for (enum sra_way way = 0; way < SRA_WAYS; way++)
        if (way != SRA_BY_TOOLKIT || w->kind == SRA_FASTQ)
            w->ways[w->n_ways++] = way;
}

/* ACCESSION, ACCESSION/ or ACCESSION/NAME. */
static int take_run(struct sra_wanted *w, const struct sq_location *at,
                    struct sq_err *err)
{
    size_t len = run_accession(at->path);
    const char *rest = at->path + len;
    if (len == 0 || (*rest && *rest != '/'))
        return sq_fail(err, SQ_EINVAL,
                       "%s://%.100s names no run: that is ERR, SRR or DRR and at least "
                       "six digits",
                       at->proto, at->path);
    memcpy(w->accession, at->path, len);
    w->name = *rest ? rest + 1 : rest;
    return 0;
}

/* A step of the path of one of ENA's own files is a run. */
static void find_run(struct sra_wanted *w, const char *path)
{
    for (const char *p = path; p && !w->accession[0]; p = strchr(p, '/')) {
        p += *p == '/';
        size_t len = run_accession(p);
        if (len && strchr("/_.", p[len]))
            memcpy(w->accession, p, len);
    }
}

int sra_wanted_parse(const struct sq_location *at, struct sra_wanted *ret,
                     struct sq_err *err)
{
    struct sra_wanted w = {.name = ""};
    w.kind = strcmp(at->proto, "fasp") == 0            ? SRA_FASP
             : strcmp(at->proto, "run+submitted") == 0 ? SRA_SUBMITTED
                                                       : SRA_FASTQ;
    default_ways(&w);
    bool fixed = w.kind == SRA_FASP;
    for (size_t i = 0; i < at->n_options; i++) {
        int rc = take_option(&w, at->proto, at->options[i], err);
        if (rc)
            return rc;
    }
    w.chosen |= fixed;
    int rc = 0;
    if (w.kind == SRA_FASP)
        find_run(&w, at->path);
    else
        rc = take_run(&w, at, err);
    if (rc == 0)
        *ret = w;
    return rc;
}

int sra_read_of(const char *name)
{
    static const char marks[] = "._-";
    int read = 0;
    for (const char *p = name; *p;) {
        size_t n = strcspn(p, marks);
        size_t r = n == 2 && (*p == 'R' || *p == 'r');
        if (p != name && n == 1 + r && (p[r] == '1' || p[r] == '2'))
            read = p[r] - '0';
        p += n;
        p += strspn(p, marks);
    }
    return read;
}

static bool is_host(const char *text, size_t len)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789.-_";
    return len && *text != '-' && strspn(text, allowed) >= len;
}

int sra_fasp_source(const struct sq_location *at, const char *user, char **ret,
                    struct sq_err *err)
{
    const char *at_sign = strchr(at->path, '@'), *slash = strchr(at->path, '/');
    if (at_sign && slash && at_sign > slash)
        at_sign = NULL;
    const char *host = at_sign ? at_sign + 1 : at->path;
    size_t host_len = strcspn(host, ":/");
    const char *path = host + host_len + (host[host_len] == ':');
    size_t user_len = at_sign ? (size_t)(at_sign - at->path) : 0;
    if ((at_sign && !is_host(at->path, user_len)) || !is_host(host, host_len) ||
        *path != '/')
        return sq_fail(err, SQ_EINVAL,
                       "fasp://%.200s is not fasp://[user@]host:/path, as ENA's file "
                       "reports give it",
                       at->path);
    if (asprintf(ret, "%.*s@%.*s:%s", at_sign ? (int)user_len : (int)strlen(user),
                 at_sign ? at->path : user, (int)host_len, host, path) < 0)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    return 0;
}
