/* Flavors and regions as the settings have them: LOCAL_FLAVORS is a list of
 * name:cpu:ram:disk:cost:eviction[:tags], LOCAL_REGIONS a list of names.  Without them,
 * one flavor of this machine's processor, memory and disk, in one region. */
#include "providers/local/local.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int parse_flavor(const char *word, struct flavor *f, struct sq_err *err)
{
    char end;
    memset(f, 0, sizeof *f);
    int n = sscanf(word, "%99[^:]:%d:%lf:%lf:%lf:%d:%15[A-Z]%c", f->name, &f->cpu,
                   &f->ram_gb, &f->disk_gb, &f->cost, &f->eviction, f->tags, &end);
    if ((n != 6 && n != 7) || f->cpu < 1 || !(f->ram_gb >= 0 && f->ram_gb < 1e9) ||
        !(f->disk_gb >= 0 && f->disk_gb < 1e9) || !(f->cost >= 0 && f->cost < 1e9) ||
        f->eviction < 0 || f->eviction > 100)
        return sq_fail(err, SQ_EINVAL,
                       "LOCAL_FLAVORS: %.60s is not "
                       "name:cpu:ram_GB:disk_GB:cost:eviction_%%[:TAGS]",
                       word);
    return 0;
}

static void default_flavor(struct flavor *f)
{
    struct statvfs fs;
    double pages = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    *f = (struct flavor){.name = "local", .cpu = 1, .ram_gb = pages / 1e9};
    if (statvfs("/", &fs) == 0)
        f->disk_gb = (double)fs.f_blocks * (double)fs.f_frsize / 1e9;
}

static int read_flavors(struct sq_host *host, struct catalog *c, struct sq_err *err)
{
    const char *text = host->setting(host, "LOCAL_FLAVORS");
    char *rest = NULL, *copy = strdup(text ? text : "");
    int rc = copy ? 0 : sq_fail(err, SQ_ENOMEM, "out of memory for flavors");
    for (char *w = rc ? NULL : strtok_r(copy, " ", &rest); rc == 0 && w;
         w = strtok_r(NULL, " ", &rest))
        rc = c->n_flavors == FLAVORS_MAX
                 ? sq_fail(err, SQ_EINVAL, "LOCAL_FLAVORS has more than %d flavors",
                           FLAVORS_MAX)
                 : parse_flavor(w, &c->flavors[c->n_flavors++], err);
    if (rc == 0 && c->n_flavors == 0)
        default_flavor(&c->flavors[c->n_flavors++]);
    free(copy);
    return rc;
}

static int read_regions(struct sq_host *host, struct catalog *c, struct sq_err *err)
{
    const char *at = host->setting(host, "LOCAL_REGIONS");
    for (at += strspn(at, " "); *at; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");
        if (c->n_regions == REGIONS_MAX || len >= SQ_WORD_SIZE)
            return sq_fail(err, SQ_EINVAL,
                           "LOCAL_REGIONS has too many or too long a %s", "name");
        memcpy(c->regions[c->n_regions++], at, len);
        at += len;
    }
    return c->n_regions ? 0 : sq_fail(err, SQ_EINVAL, "LOCAL_REGIONS names no region");
}

int catalog_read(struct sq_host *host, struct catalog *ret, struct sq_err *err)
{
    memset(ret, 0, sizeof *ret);
    int rc = read_flavors(host, ret, err);
    return rc ? rc : read_regions(host, ret, err);
}
