/* What the plugins of clouds share, linked into each: the regions that settings want,
 * the token of a login, what is sold, and small things about texts and waiting.
 *
 * Nothing here knows a cloud.  What is named in an error is the plugin's to say. */
#ifndef SQ_CLOUD_H
#define SQ_CLOUD_H

#include <stdbool.h>

#include <jansson.h>

#include <scitq/provider.h>

enum {
    REGIONS_MAX = 64,
    PAGES_MAX = 1000 /* of one list: a server that never ends it is not believed */
};

/* ---- wanted.c: the regions to take machines from, and what may run in each ---- */

struct wanted {
    struct wanted_region {
        char name[SQ_WORD_SIZE];
        int64_t cpus; /* of the settings; SQ_UNKNOWN: ask the provider */
    } regions[REGIONS_MAX];
    int n;
};

/* The settings that name them, lists of words. */
struct wanted_setting {
    const char *regions, *quotas; /* "AZURE_REGIONS", "AZURE_CPUQUOTAS" */
    const char *like;             /* "swedencentral", for the error's sentence */
    const char *letters;          /* that a name consists of; NULL: any but / and & */
};

/* SQ_EINVAL, with the setting and the word that is none. */
int wanted_read(struct sq_host *host, const struct wanted_setting *setting,
                struct wanted *ret, struct sq_err *err);
/* One more, `name` being the value of the setting `key`. */
int wanted_add(struct wanted *w, const char *key, const struct wanted_setting *setting,
               const char *name, size_t len, struct sq_err *err);

/* Ask the cloud how many processors it allows in a region; SQ_UNKNOWN: any number. */
typedef int (*limit_fn)(struct sq_provider *p, struct sq_call *call, const char *region,
                        int64_t *ret, struct sq_err *err);
/* The limit of each, by the settings, else by `ask`. */
int wanted_quotas(const struct wanted *w, limit_fn ask, struct sq_provider *p,
                  sq_quota_fn each, void *arg, struct sq_call *call,
                  struct sq_err *err);

/* ---- token.c: what a login gave ---- */

struct token {
    char *text; /* NULL: none */
    int64_t until_ms;
};

/* Keep a copy of `text`, which no log shows from now on, for somewhat less than its
 * life; 0: that was not told. */
int token_keep(struct sq_host *host, struct token *t, const char *text, int64_t life_s,
               struct sq_err *err);
bool token_is_good(const struct token *t);
/* On CLOCK_MONOTONIC. */
int64_t now_ms(void);

/* ---- sales.c: what there is and what it costs ---- */

/* A size of machine. */
struct size {
    char name[SQ_WORD_SIZE], gpu[64], tags[4];
    int cpu;
    double ram_gb, disk_gb, gpumem_gb;
};

/* A size in a region. */
struct sale {
    size_t size; /* index into sizes */
    char region[SQ_WORD_SIZE];
    double cost; /* 0: not known */
    int eviction;
};

struct sales {
    bool any_case; /* the cloud writes one size's name now so, now so */
    struct size *sizes;
    struct sale *sales;
    size_t n_sizes, n_sales, room_sizes, room_sales;
};

/* Note that `size` is sold in a region, once; SQ_ENOMEM. */
int sales_add(struct sales *s, const struct size *size, const char *region, double cost,
              struct sq_err *err);
/* The sale of a size in a region; NULL: none. */
struct sale *sales_find(struct sales *s, const char *size, const char *region);
void sales_free(struct sales *s);
/* Tell the sizes; the sales, or those alone whose cost is known. */
int sales_flavors(const struct sales *s, sq_flavor_fn each, void *arg);
int sales_offers(const struct sales *s, bool priced, sq_offer_fn each, void *arg);

/* ---- small.c ---- */

/* The text of a field of an object, "" where there is none. */
const char *text_of(const json_t *object, const char *key);
/* Copy with a final 0, cut if longer. */
void copy(char *ret, size_t size, const char *text);
/* Percent-encoded, to be freed; NULL: out of memory. */
char *escape(const char *text);
/* Tell how far a call is, if anybody wants to know. */
void tell(struct sq_call *call, int percent);
/* Between two looks at something under way: `said_ms` if it is above 0, else a pause
 * that grows with *io_ms (0 at first). */
int pause_more(struct sq_host *host, struct sq_call *call, int64_t said_ms,
               int64_t *io_ms, struct sq_err *err);
int no_memory(struct sq_err *err);

#endif
