/* The regions to take machines from, as two settings list them: names, and in the same
 * order how many processors may run in each, instead of the cloud's own limit. */
#include "providers/cloud/cloud.h"

#include <stdlib.h>
#include <string.h>

#define CPUS_MAX 10000000 /* no cloud has as many in a region */

/* The next word of a list, *io behind it; NULL: there is none. */
static const char *next_word(const char **io, size_t *ret_len)
{
    const char *word = *io + strspn(*io, " \t,");
    *ret_len = strcspn(word, " \t,");
    *io = word + *ret_len;
    return *ret_len ? word : NULL;
}

/* Names stand in addresses. */
static bool is_region(const char *name, size_t len, const char *letters)
{
    return letters ? strspn(name, letters) >= len : strcspn(name, "/&") >= len;
}

int wanted_add(struct wanted *w, const char *key, const struct wanted_setting *setting,
               const char *name, size_t len, struct sq_err *err)
{
    struct wanted_region *r = &w->regions[w->n];
    if (w->n == REGIONS_MAX || len >= sizeof r->name ||
        !is_region(name, len, setting->letters))
        return sq_fail(err, SQ_EINVAL,
                       "%s: \"%.*s\" is no region: they are like %s, %d at most", key,
                       (int)len, name, setting->like, REGIONS_MAX);
    memcpy(r->name, name, len);
    r->name[len] = 0;
    r->cpus = SQ_UNKNOWN;
    w->n++;
    return 0;
}

static int read_quota(struct wanted_region *r, const char *key, const char *word,
                      size_t len, struct sq_err *err)
{
    char *end = NULL;
    r->cpus = strtoll(word, &end, 10);
    if (end != word + len || *word < '0' || *word > '9' || r->cpus > CPUS_MAX)
        return sq_fail(err, SQ_EINVAL, "%s: \"%.*s\" is no number of processors", key,
                       (int)len, word);
    return 0;
}

int wanted_read(struct sq_host *host, const struct wanted_setting *setting,
                struct wanted *ret, struct sq_err *err)
{
    const char *names = host->setting(host, setting->regions), *word;
    const char *quotas = host->setting(host, setting->quotas);
    size_t len;
    int n = 0, rc = 0;
    while (rc == 0 && names && (word = next_word(&names, &len)))
        rc = wanted_add(ret, setting->regions, setting, word, len, err);
    for (; rc == 0 && quotas && (word = next_word(&quotas, &len)); n++)
        if (n < ret->n)
            rc = read_quota(&ret->regions[n], setting->quotas, word, len, err);
    if (rc == 0 && n > 0 && n != ret->n)
        rc = sq_fail(err, SQ_EINVAL, "%s needs as many numbers as %s has names",
                     setting->quotas, setting->regions);
    return rc;
}

int wanted_quotas(const struct wanted *w, limit_fn ask, struct sq_provider *p,
                  sq_quota_fn each, void *arg, struct sq_call *call, struct sq_err *err)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < w->n; i++) {
        struct sq_quota q = {w->regions[i].name, w->regions[i].cpus};
        if (q.cpus == SQ_UNKNOWN)
            rc = ask(p, call, q.region, &q.cpus, err);
        if (rc == 0)
            rc = each(arg, &q);
    }
    return rc;
}
