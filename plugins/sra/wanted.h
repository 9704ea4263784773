/* What a location asks for: which files of which run, and by which ways. */
#ifndef PLUGIN_SRA_WANTED_H
#define PLUGIN_SRA_WANTED_H

#include <scitq/storage.h>
#include <stdbool.h>

enum sra_kind { SRA_FASTQ, SRA_SUBMITTED, SRA_FASP };
/* In the order in which they are tried when the location chooses none. */
enum sra_way { SRA_BY_FTP, SRA_BY_TOOLKIT, SRA_BY_ASPERA, SRA_WAYS };

enum { SRA_ACCESSION_BYTES = 20 };

struct sra_wanted {
    enum sra_kind kind;
    char accession[SRA_ACCESSION_BYTES]; /* of the run; fasp: "" when none is named */
    const char *name; /* in the location's path: one file; "": the whole run */
    enum sra_way ways[SRA_WAYS];
    size_t n_ways;
    bool chosen; /* the location names its ways: one that is not there is an error */
    bool only_read1; /* @filter_r1 */
};

/* SQ_EINVAL: an option or an accession that cannot be.  `ret` borrows from `at`. */
int sra_wanted_parse(const struct sq_location *at, struct sra_wanted *ret,
                     struct sq_err *err);

/* Which read of a pair a file's name says it holds: 1, 2, or 0: neither. */
int sra_read_of(const char *name);

/* [user@]host:/path of a fasp location, or SQ_EINVAL.  *ret is the caller's to free. */
int sra_fasp_source(const struct sq_location *at, const char *user, char **ret,
                    struct sq_err *err);

#endif
