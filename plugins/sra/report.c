/* The file report, cut in place. */
#include "plugins/sra/report.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

const char sra_report_fields[] =
    "run_accession,fastq_ftp,fastq_md5,fastq_bytes,fastq_aspera,"
    "submitted_ftp,submitted_md5,submitted_bytes,submitted_aspera";

enum { COLUMNS_MAX = 100, LINK_BYTES = 4096 };
enum { LINKS, MD5S, SIZES, ASPERA, FIELDS };

static const char *const fields[][FIELDS] = {
    [SRA_FASTQ] = {"fastq_ftp", "fastq_md5", "fastq_bytes", "fastq_aspera"},
    [SRA_SUBMITTED] = {"submitted_ftp", "submitted_md5", "submitted_bytes",
                       "submitted_aspera"},
};

/* The next line of *text, which is moved behind it; NULL after the last. */
static char *next_line(char **text)
{
    char *line = strsep(text, "\n");
    if (line) {
        size_t len = strlen(line);
        if (len && line[len - 1] == '\r')
            line[len - 1] = 0;
    }
    return line;
}

static size_t cut(char *line, char **columns)
{
    size_t n = 0;
    while (line && n < COLUMNS_MAX)
        columns[n++] = strsep(&line, "\t");
    return n;
}

/* The value under the heading `name`, "" where the row is short; NULL: no heading. */
static char *value(char **heads, size_t n_heads, char **row, size_t n_row,
                   const char *name)
{
    static char none[1];
    for (size_t i = 0; i < n_heads; i++)
        if (strcmp(heads[i], name) == 0)
            return i < n_row ? row[i] : none;
    return NULL;
}

static bool is_name(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (const unsigned char *p = (const unsigned char *)name; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            return false;
    return true;
}

static const char host_chars[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

/* The length of host[:port] at the beginning of `text`, or 0. */
static size_t host_of(const char *text)
{
    size_t n = *text == '-' ? 0 : strspn(text, host_chars);
    if (n == 0 || text[n] != ':')
        return n;
    size_t digits = strspn(text + n + 1, "0123456789");
    return digits ? n + 1 + digits : 0;
}

/* host[:port]/…/name, with or without a protocol. */
static bool take_link(struct sra_file *f, const char *link)
{
    static const char *const protocols[] = {"ftp://", "http://", "https://"};
    const char *at = link;
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
        if (strncmp(link, protocols[i], strlen(protocols[i])) == 0)
            at = link + strlen(protocols[i]);
    size_t n = host_of(at);
    if (n == 0 || at[n] != '/' || strlen(link) > LINK_BYTES)
        return false;
    f->link = link;
    f->name = strrchr(at, '/') + 1;
    return is_name(f->name);
}

static bool take_md5(struct sra_file *f, const char *text)
{
    size_t len = strlen(text);
    if (len && (len != 32 || strspn(text, "0123456789abcdefABCDEF") != 32))
        return false;
    for (size_t i = 0; i <= len; i++)
        f->md5[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] + 32 : text[i]);
    return true;
}

static bool take_size(struct sra_file *f, const char *text)
{
    f->size_bytes = *text ? 0 : SQ_UNKNOWN;
    if (strlen(text) > 18 || text[strspn(text, "0123456789")])
        return false;
    for (; *text; text++)
        f->size_bytes = f->size_bytes * 10 + (*text - '0');
    return true;
}

/* host:/path, or nothing. */
static bool take_aspera(struct sra_file *f, const char *text)
{
    size_t n = *text == '-' ? 0 : strspn(text, host_chars);
    f->aspera = text;
    return !*text ||
           (n && strncmp(text + n, ":/", 2) == 0 && strlen(text) <= LINK_BYTES);
}

static int bad(struct sq_err *err, const char *accession, const char *what,
               const char *text)
{
    return sq_fail(err, SQ_EPROTO, "ENA's file report of %s has %s: %.200s", accession,
                   what, text);
}

/* One file: the next piece of each field. */
static int take_file(struct sra_report *r, char **pieces, const char *accession,
                     struct sq_err *err)
{
    static const char *const what[FIELDS] = {
        "a link to no file of a server", "an MD5 that is none",
        "a size that is no number", "an Aspera link that is none"};
    static bool (*const take[FIELDS])(struct sra_file *, const char *) = {
        take_link, take_md5, take_size, take_aspera};
    struct sra_file f = {.size_bytes = SQ_UNKNOWN, .aspera = ""};
    for (int i = 0; i < FIELDS; i++)
        if (pieces[i] && !take[i](&f, pieces[i]))
            return bad(err, accession, what[i], pieces[i]);
    if (sra_report_find(r, f.name))
        return bad(err, accession, "two files of one name", f.name);
    r->files[r->n++] = f;
    return 0;
}

static size_t count(const char *list)
{
    size_t n = *list != 0;
    for (; *list; list++)
        n += *list == ';';
    return n;
}

/* The fields of one row, each with as many pieces as there are links, or empty. */
static int take_row(struct sra_report *r, char **values, const char *accession,
                    struct sq_err *err)
{
    size_t n = count(values[LINKS]);
    if (n > SRA_FILES_MAX)
        return sq_fail(err, SQ_EPROTO, "ENA's file report of %s names %zu files",
                       accession, n);
    for (int i = 0; i < FIELDS; i++) {
        if (values[i] && !*values[i])
            values[i] = NULL;
        if (values[i] && count(values[i]) != n)
            return bad(err, accession, "not as many values as files", values[i]);
    }
    r->files = calloc(n + 1, sizeof *r->files);
    if (!r->files)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    int rc = 0;
    for (size_t k = 0; rc == 0 && k < n; k++) {
        char *pieces[FIELDS];
        for (int i = 0; i < FIELDS; i++)
            pieces[i] = values[i] ? strsep(&values[i], ";") : NULL;
        rc = take_file(r, pieces, accession, err);
    }
    return rc;
}

static int no_files(const char *accession, enum sra_kind kind, struct sq_err *err)
{
    return kind == SRA_FASTQ
               ? sq_fail(err, SQ_ENOENT,
                         "ENA has no FASTQ files of %s: run+submitted://%s brings what "
                         "was submitted",
                         accession, accession)
               : sq_fail(err, SQ_ENOENT,
                         "ENA has no submitted files of %s: run+fastq://%s brings the "
                         "FASTQ files made of them",
                         accession, accession);
}

/* Has the heading all that is read of a row? */
static bool complete(char **heads, size_t n_heads, enum sra_kind kind)
{
    bool all = value(heads, n_heads, NULL, 0, "run_accession") != NULL;
    for (int i = 0; i < FIELDS; i++)
        all = all && value(heads, n_heads, NULL, 0, fields[kind][i]);
    return all;
}

static int read_rows(struct sra_report *r, const char *accession, enum sra_kind kind,
                     struct sq_err *err)
{
    char *rest = r->text, *heads[COLUMNS_MAX] = {rest};
    char *row[COLUMNS_MAX], *values[FIELDS];
    /* ENA answers with nothing at all for a run it does not know. */
    size_t n_heads = *rest ? cut(next_line(&rest), heads) : 0;
    if (n_heads && !complete(heads, n_heads, kind))
        return bad(err, accession, "not the columns of a report", heads[0]);
    while (n_heads && rest) {
        size_t n = cut(next_line(&rest), row);
        if (strcmp(value(heads, n_heads, row, n, "run_accession"), accession) != 0)
            continue;
        for (int i = 0; i < FIELDS; i++)
            values[i] = value(heads, n_heads, row, n, fields[kind][i]);
        return *values[LINKS] ? take_row(r, values, accession, err)
                              : no_files(accession, kind, err);
    }
    return sq_fail(err, SQ_ENOENT,
                   "ENA knows no public run %s: is it spelt rightly and released?",
                   accession);
}

int sra_report_parse(const char *text, size_t len, const char *accession,
                     enum sra_kind kind, struct sra_report *ret, struct sq_err *err)
{
    struct sra_report r = {0};
    if (len > SRA_REPORT_BYTES || memchr(text, 0, len))
        return bad(err, accession, "what no report has",
                   len > SRA_REPORT_BYTES ? "more than 1 MiB" : "a zero byte");
    r.text = malloc(len + 1);
    if (!r.text)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    memcpy(r.text, text, len);
    r.text[len] = 0;
    int rc = read_rows(&r, accession, kind, err);
    if (rc)
        sra_report_fini(&r);
    else
        *ret = r;
    return rc;
}

int sra_report_only_read1(struct sra_report *r, const char *accession,
                          struct sq_err *err)
{
    size_t first = 0, second = 0, kept = 0;
    if (r->n == 1)
        return 0; /* there are no pairs */
    for (size_t i = 0; i < r->n; i++) {
        first += sra_read_of(r->files[i].name) == 1;
        second += sra_read_of(r->files[i].name) == 2;
    }
    if (first == 0)
        return sq_fail(err, second ? SQ_ENOENT : SQ_EINVAL,
                       "@filter_r1: no name among the %zu files of %s says that it is "
                       "the first read (_1, _R1)",
                       r->n, accession);
    for (size_t i = 0; i < r->n; i++)
        if (sra_read_of(r->files[i].name) == 1)
            r->files[kept++] = r->files[i];
    r->n = kept;
    return 0;
}

const struct sra_file *sra_report_find(const struct sra_report *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->files[i].name, name) == 0)
            return &r->files[i];
    return NULL;
}

void sra_report_fini(struct sra_report *r)
{
    free(r->text);
    free(r->files);
    *r = (struct sra_report){0};
}
