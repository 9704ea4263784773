/* ENA's file report of a run: one row of tab-separated values, in which every field
 * names all files of one kind, separated by semicolons:
 *
 *     run_accession  fastq_ftp                     fastq_md5  fastq_bytes  fastq_aspera
 *     ERR000589      ftp.sra.ebi.ac.uk/vol1/…;…    …;…        …;…          …;…
 *
 * (ENA Portal API, filereport, result=read_run.)  What it says is checked before it is
 * believed: the names become names of files. */
#ifndef PLUGIN_SRA_REPORT_H
#define PLUGIN_SRA_REPORT_H

#include "plugins/sra/wanted.h"

/* A run has a few files, rarely some hundred submitted ones. */
enum { SRA_REPORT_BYTES = 1 << 20, SRA_FILES_MAX = 1000 };

struct sra_file {
    const char *name;   /* a plain file name, of no other file of the report */
    const char *link;   /* host[:port]/path, or with ftp:// http:// https:// before */
    const char *aspera; /* host:/path; "": none */
    int64_t size_bytes; /* SQ_UNKNOWN */
    char md5[33];       /* "": not known */
};

struct sra_report {
    char *text; /* what the rest points into */
    struct sra_file *files;
    size_t n;
};

/* The fields that a request asks for, by which a report is read. */
extern const char sra_report_fields[];

/* Read the report of `accession`, the files of `kind` (FASTQ or SUBMITTED).  SQ_ENOENT:
 * there is no such run, or it has no files of that kind; SQ_EPROTO: it is no report, or
 * one that cannot be believed. */
int sra_report_parse(const char *text, size_t len, const char *accession,
                     enum sra_kind kind, struct sra_report *ret, struct sq_err *err);
/* @filter_r1: leave only the first reads.  SQ_ENOENT: there are none; SQ_EINVAL: the
 * names do not tell. */
int sra_report_only_read1(struct sra_report *r, const char *accession,
                          struct sq_err *err);
/* NULL when it is not there. */
const struct sra_file *sra_report_find(const struct sra_report *r, const char *name);
void sra_report_fini(struct sra_report *r); /* also of zeroes */

#endif
