/* The parts of the sra plugin: one instance, and one job of fetching some files of a
 * run by several ways in rounds. */
#ifndef PLUGIN_SRA_SRA_H
#define PLUGIN_SRA_SRA_H

#include "plugins/sra/report.h"

struct sq_storage {
    struct sq_host *host;
    /* An instance of the http module, which is linked in: only its own operations look
     * into it. */
    struct sq_storage *web;
    struct {
        struct sra_wanted of; /* accession "": nothing was asked yet */
        struct sra_report report;
    } asked; /* the last report: a list is followed by the files in it */
};

/* One of the files wanted. */
struct sra_take {
    const char *name, *to;       /* to: the local file */
    const struct sra_file *file; /* in the report at hand; NULL: it tells nothing */
    bool done;
    struct sq_entry entry; /* once done */
};

struct sra_job {
    struct sq_storage *s;
    const struct sra_wanted *wanted;
    struct sq_call *call;
    struct sra_take *takes;
    size_t n;
    const char *source; /* of fasp; else NULL */
};

/* ---- the operations (place.c, rounds.c) */
int sra_info(struct sq_storage *s, const struct sq_location *at, unsigned want,
             struct sq_call *call, struct sq_entry *ret, struct sq_err *err);
int sra_list(struct sq_storage *s, const struct sq_location *at, unsigned want,
             sq_entry_fn each, void *arg, struct sq_call *call, struct sq_err *err);
int sra_get(struct sq_storage *s, const struct sq_location *from, const char *to,
            struct sq_call *call, struct sq_entry *ret, struct sq_err *err);
int sra_get_files(struct sq_storage *s, const struct sq_location *from,
                  const struct sq_files *files, struct sq_call *call,
                  struct sq_err *err);

/* ---- ENA's servers (web.c) */
int sra_web_open(struct sq_storage *s, struct sq_err *err);
void sra_web_close(struct sq_storage *s);
/* The report of what is wanted into s->asked.report, which is kept unless `again`. */
int sra_ask(struct sq_storage *s, const struct sra_wanted *wanted, bool again,
            struct sq_call *call, struct sq_err *err);
/* One file of it; a report that was kept and does not name it is asked for again.
 * Borrowed until the next report. */
int sra_find(struct sq_storage *s, const struct sra_wanted *wanted, const char *name,
             struct sq_call *call, const struct sra_file **ret, struct sq_err *err);
/* What the report says of the file at a fasp source, as far as it is one of ENA's; NULL
 * when it says nothing. */
const struct sra_file *sra_ask_fasp(struct sq_storage *s,
                                    const struct sra_wanted *wanted, const char *source,
                                    struct sq_call *call);
/* One file by its link. */
int sra_by_ftp(struct sra_job *job, struct sra_take *take, struct sq_err *err);

/* ---- programs (aspera.c, toolkit.c).  SQ_EUNSUPPORTED: the program is not there. */
int sra_by_aspera(struct sra_job *job, struct sra_take *take, struct sq_err *err);
/* NCBI's archive gives runs, not files: all takes of the job at once. */
int sra_by_toolkit(struct sra_job *job, struct sq_err *err);

/* ---- rounds.c */
/* The local file of a take is whole: take->entry, or SQ_EIO. */
int sra_verify(struct sra_job *job, struct sra_take *take, const char *path,
               struct sq_err *err);

/* ---- watched.c */
/* A call for a program that tells nobody how far it is: what grows at `path`, a file or
 * a folder, is told to the call behind it every second. */
struct sra_watched {
    struct sq_call call;
    struct sq_call *behind;
    const char *path;
    int64_t size_bytes, moved_bytes, total_bytes;
    int timer_fd;
};
int sra_watched_open(struct sra_watched *w, struct sq_call *behind, const char *path,
                     int64_t total_bytes, struct sq_err *err);
void sra_watched_close(struct sra_watched *w);
/* Run a program under it: 0 when it exits with 0.  `words` end with NULL. */
int sra_run(struct sra_job *job, const char *const *words, const char *path,
            int64_t total_bytes, struct sq_err *err);

#endif
