/* What a run has, seen as a folder of files. */
#include "plugins/sra/sra.h"

#include <stdlib.h>
#include <string.h>

/* What NCBI's tools make has another size and MD5 than ENA's file of that name. */
static struct sq_entry entry_of(const struct sra_wanted *w, const struct sra_file *f,
                                unsigned want)
{
    struct sq_entry e = {
        .kind = SQ_ENTRY_FILE, .size_bytes = SQ_UNKNOWN, .date_ns = SQ_UNKNOWN};
    bool remade = w->chosen && w->ways[0] == SRA_BY_TOOLKIT;
    if (f && !remade) {
        e.size_bytes = f->size_bytes;
        if (want & SQ_WANT_MD5)
            memcpy(e.md5, f->md5, sizeof e.md5);
    }
    return e;
}

static int fasp_info(struct sq_storage *s, const struct sq_location *at,
                     const struct sra_wanted *w, unsigned want, struct sq_call *call,
                     struct sq_entry *ret, struct sq_err *err)
{
    char *source = NULL;
    if (at->path[strlen(at->path) - 1] == '/')
        return sq_fail(err, SQ_EUNSUPPORTED,
                       "fasp://%.200s: folders of Aspera servers cannot be listed",
                       at->path);
    int rc =
        sra_fasp_source(at, s->host->setting(s->host, "ASPERA_USER"), &source, err);
    if (rc == 0)
        *ret = entry_of(w, sra_ask_fasp(s, w, source, call), want);
    free(source);
    return rc;
}

int sra_info(struct sq_storage *s, const struct sq_location *at, unsigned want,
             struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    struct sra_wanted w;
    const struct sra_file *f = NULL;
    int rc = sra_wanted_parse(at, &w, err);
    if (rc == 0 && w.kind == SRA_FASP)
        return fasp_info(s, at, &w, want, call, ret, err);
    if (rc == 0 && !*w.name)
        rc = sra_ask(s, &w, true, call, err);
    else if (rc == 0)
        rc = sra_find(s, &w, w.name, call, &f, err);
    if (rc)
        return rc;
    if (!*w.name) {
        *ret = (struct sq_entry){
            .kind = SQ_ENTRY_FOLDER, .size_bytes = SQ_UNKNOWN, .date_ns = SQ_UNKNOWN};
        return 0;
    }
    *ret = entry_of(&w, f, want);
    return 0;
}

int sra_list(struct sq_storage *s, const struct sq_location *at, unsigned want,
             sq_entry_fn each, void *arg, struct sq_call *call, struct sq_err *err)
{
    struct sra_wanted w;
    struct sq_entry e;
    int rc = sra_wanted_parse(at, &w, err);
    if (rc == 0)
        rc = sra_info(s, at, want, call, &e, err);
    if (rc)
        return rc;
    if (w.kind == SRA_FASP)
        w.name = strrchr(at->path, '/') + 1;
    if (e.kind == SQ_ENTRY_FILE) {
        e.name = w.name;
        return each(arg, &e);
    }
    for (size_t i = 0; rc == 0 && i < s->asked.report.n; i++) {
        e = entry_of(&w, &s->asked.report.files[i], want);
        e.name = s->asked.report.files[i].name;
        rc = each(arg, &e);
    }
    return rc;
}
