/* NCBI's archive through its own programs (Debian's sra-toolkit): prefetch brings a run
 * and verifies it, fasterq-dump writes its reads, split as ENA's files are, and pigz or
 * gzip makes them what their names say.  Bytes and MD5 differ from those of ENA's files
 * of the same reads, so that only the programs' own checks apply here. */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/sra/sra.h"

struct dump {
    struct sra_job *job;
    char *folder; /* all of it; beside the first file wanted */
    char *run, *out;
};

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *f)
{
    (void)st, (void)kind, (void)f;
    return remove(path);
}

static int make_folder(struct dump *d, struct sq_err *err)
{
    const char *to = d->job->takes[0].to;
    if (asprintf(&d->folder, "%.*s.sra-XXXXXX", (int)(strrchr(to, '/') + 1 - to), to) <
        0) {
        d->folder = NULL;
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    }
    if (!mkdtemp(d->folder)) {
        int e = errno;
        int rc = sq_fail(err, e == ENOSPC ? SQ_ENOSPC : SQ_EIO,
                         "cannot make a folder beside %.200s: %s", to, strerror(e));
        free(d->folder);
        d->folder = NULL;
        return rc;
    }
    if (asprintf(&d->run, "%s/%s", d->folder, d->job->wanted->accession) < 0 ||
        asprintf(&d->out, "%s/out", d->folder) < 0)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    return 0;
}

static int dump_run(struct dump *d, struct sq_err *err)
{
    const char *const prefetch[] = {"prefetch",
                                    "--output-directory",
                                    d->folder,
                                    "--max-size",
                                    "1000000000", /* KB; 20 GB by default */
                                    "--verify",
                                    "yes",
                                    d->job->wanted->accession,
                                    NULL};
    const char *const fasterq_dump[] = {"fasterq-dump", "--split-3", "--outdir", d->out,
                                        "--temp",       d->folder,   d->run,     NULL};
    int rc = sra_run(d->job, prefetch, d->folder, SQ_UNKNOWN, err);
    return rc ? rc : sra_run(d->job, fasterq_dump, d->folder, SQ_UNKNOWN, err);
}

/* The only file in the folder of what was made; NULL: there are none or several. */
static char *lone_file(const struct dump *d)
{
    size_t n = 0;
    char *path = NULL;
    DIR *dir = opendir(d->out);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        free(path);
        if (asprintf(&path, "%s/%s", d->out, e->d_name) < 0)
            path = NULL;
        n++;
    }
    if (dir)
        closedir(dir);
    if (n == 1)
        return path;
    free(path);
    return NULL;
}

/* The file made that holds the reads of `take`, or NULL.  Where ENA has one file and
 * one was made, that is it: the one of a run without pairs is named with and without
 * _1. */
static char *made_for(const struct dump *d, const struct sra_take *take)
{
    static const char ending[] = ".gz";
    size_t len = strlen(take->name), end = strlen(ending);
    char *path = NULL;
    if (len <= end || strcmp(take->name + len - end, ending) != 0 ||
        asprintf(&path, "%s/%.*s", d->out, (int)(len - end), take->name) < 0)
        return NULL;
    if (access(path, F_OK) == 0)
        return path;
    free(path);
    return d->job->s->asked.report.n == 1 ? lone_file(d) : NULL;
}

/* `path` becomes path.gz. */
static int compress(struct dump *d, const char *path, struct sq_err *err)
{
    static const char *const programs[] = {"pigz", "gzip"};
    int rc = SQ_EUNSUPPORTED;
    for (size_t i = 0; rc == SQ_EUNSUPPORTED && i < 2; i++) {
        const char *const words[] = {programs[i], "-n", "-f", path, NULL};
        rc = sra_run(d->job, words, d->folder, SQ_UNKNOWN, err);
    }
    return rc;
}

static int take_made(struct dump *d, struct sra_take *take, struct sq_err *err)
{
    struct stat st;
    char *plain = made_for(d, take), *packed = NULL;
    if (!plain)
        return sq_fail(err, SQ_EPROTO, "fasterq-dump made no %.200s of %s", take->name,
                       d->job->wanted->accession);
    int rc = asprintf(&packed, "%s.gz", plain) < 0
                 ? sq_fail(err, SQ_ENOMEM, "out of memory")
                 : compress(d, plain, err);
    if (rc == 0 && (stat(packed, &st) != 0 || rename(packed, take->to) != 0))
        rc = sq_fail(err, SQ_EIO, "cannot rename %.200s: %s", packed, strerror(errno));
    if (rc == 0) {
        take->entry = (struct sq_entry){
            .kind = SQ_ENTRY_FILE, .size_bytes = st.st_size, .date_ns = SQ_UNKNOWN};
        take->done = true;
    }
    free(plain);
    free(packed);
    return rc;
}

int sra_by_toolkit(struct sra_job *job, struct sq_err *err)
{
    struct dump d = {.job = job};
    int rc = make_folder(&d, err);
    if (rc == 0)
        rc = dump_run(&d, err);
    for (size_t i = 0; rc == 0 && i < job->n; i++)
        if (!job->takes[i].done)
            rc = take_made(&d, &job->takes[i], err);
    if (d.folder)
        nftw(d.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(d.folder);
    free(d.run);
    free(d.out);
    return rc;
}
