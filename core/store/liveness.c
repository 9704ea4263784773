/* Contacts in memory: a hash table by worker id under one mutex.  Contacts touch
 * memory only; flush, called every few seconds in the writer, takes what is new out
 * of the table and writes it in one statement.
 *
 * **The rule**: a worker is silent for as long as this process was there to hear it and
 * did not.  Silence is counted by a clock of our own that follows the monotonic one
 * (which knows neither steps nor suspension), but by at most TICK_MAX_US from one
 * sweep to the next: in a longer gap the process was stopped, its machine frozen or its
 * database away, and nobody was heard then.  A worker that this process has not heard
 * of yet is silent since the first sweep that saw its row.  Where other processes hear
 * workers too, a contact that was not in a row at the last sweep was heard now.
 * Wall-clock times are written for people to read; they decide only whether, just after
 * a start, another process of an identity may be alive (sq_worker_register). */
#include "core/store/liveness.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/set.h"

enum {
    BUCKETS = 4096,
    TICK_MAX_US = 4000000, /* two sweeps */
    LATE_US = 2000000      /* a message sent before a goodbye is not later than this */
};
#define FORGET_US INT64_C(3600000000) /* where nobody judges */

struct contact {
    int64_t worker_id;
    int64_t time;       /* wall clock, to be shown */
    int64_t heard;      /* our clock: silence counts from here */
    uint64_t seen;      /* the last sweep that saw its row running or offline */
    bool spoke;         /* heard of, not only seen */
    bool left;          /* it said goodbye: a late message does not bring it back */
    int64_t left_at;    /* ...our clock */
    bool offline;       /* its row, as the last sweep saw it... */
    int64_t row_time;   /* ...with this contact */
    char *load, *stats; /* NULL: nothing newer than the row */
    double memory;
    bool unwritten;
    struct contact *next;
};

struct sq_liveness {
    pthread_mutex_t lock;
    struct contact *buckets[BUCKETS];
    size_t n;
    int64_t (*monotonic)(void);
    bool others;
    int64_t ticked; /* monotonic: when… */
    int64_t clock;  /* …our clock had this value */
    uint64_t sweeps;
};

int sq_liveness_new(int64_t (*monotonic)(void), bool others, struct sq_liveness **ret,
                    struct sq_err *err)
{
    struct sq_liveness *l = calloc(1, sizeof *l);
    if (!l)
        return sq_fail(err, SQ_ENOMEM, "out of memory for the workers' contacts");
    pthread_mutex_init(&l->lock, NULL);
    l->monotonic = monotonic;
    l->others = others;
    l->ticked = monotonic();
    *ret = l;
    return 0;
}

static void contact_free(struct contact *c)
{
    free(c->load);
    free(c->stats);
    free(c);
}

void sq_liveness_free(struct sq_liveness *l)
{
    if (!l)
        return;
    for (int i = 0; i < BUCKETS; i++)
        for (struct contact *c = l->buckets[i], *next; c; c = next) {
            next = c->next;
            contact_free(c);
        }
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* What our clock shows: under the lock. */
static int64_t clock_now(const struct sq_liveness *l)
{
    int64_t since = l->monotonic() - l->ticked;
    return l->clock + (since > TICK_MAX_US ? TICK_MAX_US : since);
}

static void tick(struct sq_liveness *l)
{
    l->clock = clock_now(l);
    l->ticked = l->monotonic();
    l->sweeps++;
}

static struct contact **bucket(struct sq_liveness *l, int64_t worker_id)
{
    return &l->buckets[(uint64_t)worker_id * UINT64_C(0x9E3779B97F4A7C15) >> 52];
}

static struct contact *find(struct sq_liveness *l, int64_t worker_id)
{
    struct contact *c = *bucket(l, worker_id);
    while (c && c->worker_id != worker_id)
        c = c->next;
    return c;
}

static struct contact *find_or_add(struct sq_liveness *l, int64_t worker_id)
{
    struct contact *c = find(l, worker_id);
    if (c)
        return c;
    c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    struct contact **head = bucket(l, worker_id);
    *c = (struct contact){.worker_id = worker_id,
                          .time = SQ_NULL,
                          .heard = clock_now(l),
                          .memory = NAN,
                          .next = *head};
    *head = c;
    l->n++;
    return c;
}

/* Replace a kept text; out of memory keeps the older one, which is a true one too. */
static void keep(char **kept, const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (!copy)
        return;
    free(*kept);
    *kept = copy;
}

void sq_liveness_contact(struct sq_liveness *l, int64_t worker_id, int64_t time,
                         const char *load, double memory, const char *stats)
{
    pthread_mutex_lock(&l->lock);
    struct contact *c = find_or_add(l, worker_id);
    /* It may have come back by another process. */
    if (c && l->others && c->left && clock_now(l) - c->left_at > LATE_US)
        c->left = false;
    if (c) {
        c->time = time;
        c->heard = clock_now(l);
        c->spoke = c->unwritten = true;
        keep(&c->load, load);
        keep(&c->stats, stats);
        if (!isnan(memory))
            c->memory = memory;
    }
    pthread_mutex_unlock(&l->lock);
}

/* Newer than what the row that somebody has just read says?  Also while a sweep is
 * writing it, and the row has it not yet. */
static bool is_news(const struct contact *c, const struct sq_worker *w)
{
    return c->unwritten || (c->spoke && c->time > w->last_contact_date);
}

void sq_liveness_overlay(struct sq_liveness *l, struct sq_worker *w,
                         struct sq_arena *arena)
{
    pthread_mutex_lock(&l->lock);
    const struct contact *c = find(l, w->worker_id);
    if (c && is_news(c, w)) {
        w->last_contact_date = c->time;
        if (c->load)
            w->load = sq_arena_strdup(arena, c->load);
        if (c->stats)
            w->stats = sq_arena_strdup(arena, c->stats);
        if (!isnan(c->memory))
            w->memory = c->memory;
    }
    pthread_mutex_unlock(&l->lock);
}

static void set_left(struct sq_liveness *l, int64_t worker_id, bool left)
{
    pthread_mutex_lock(&l->lock);
    struct contact *c = find_or_add(l, worker_id);
    if (c) {
        c->left = left;
        c->left_at = clock_now(l);
    }
    pthread_mutex_unlock(&l->lock);
}

void sq_liveness_left(struct sq_liveness *l, int64_t worker_id)
{
    set_left(l, worker_id, true);
}

void sq_liveness_returned(struct sq_liveness *l, int64_t worker_id)
{
    set_left(l, worker_id, false);
}

int64_t sq_liveness_silence(struct sq_liveness *l, int64_t worker_id)
{
    pthread_mutex_lock(&l->lock);
    const struct contact *c = find(l, worker_id);
    int64_t silence = SQ_NULL;
    if (c && c->left)
        silence = INT64_MAX;
    else if (c && c->spoke)
        silence = clock_now(l) - c->heard;
    pthread_mutex_unlock(&l->lock);
    return silence;
}

/* Move what is new into an array whose texts are in the transaction's arena. */
static int take(struct sq_liveness *l, struct sq_tx *tx, struct sq_contact **ret,
                size_t *ret_n)
{
    struct sq_contact *taken = sq_arena_array(tx->arena, l->n + 1, sizeof *taken);
    size_t n = 0;
    if (!taken)
        return SQ_ENOMEM;
    for (int i = 0; i < BUCKETS; i++)
        for (struct contact *c = l->buckets[i]; c; c = c->next) {
            if (l->others && c->left) /* in the row it would bring it back */
                c->unwritten = false;
            if (!c->unwritten)
                continue;
            taken[n++] = (struct sq_contact){
                .worker_id = c->worker_id,
                .time = c->time,
                .load = sq_arena_strdup(tx->arena, c->load),
                .stats = sq_arena_strdup(tx->arena, c->stats),
                .memory = c->memory,
            };
            c->unwritten = false;
        }
    *ret = taken;
    *ret_n = n;
    return 0;
}

/* Forget workers silent for long that the sweep does not follow: their rows say the
 * rest, or are gone. */
static void forget_silent(struct sq_liveness *l, int64_t before)
{
    for (int i = 0; i < BUCKETS; i++)
        for (struct contact **at = &l->buckets[i]; *at;) {
            struct contact *c = *at;
            if (c->unwritten || c->seen == l->sweeps || c->heard >= before) {
                at = &c->next;
                continue;
            }
            *at = c->next;
            contact_free(c);
            l->n--;
        }
}

/* Workers that change, by what becomes of them. */
struct verdicts {
    struct sq_set silent, back, lost;
};

/* What other processes heard stands in the row.  Of one that has just gone offline,
 * or come back, it is what they heard before. */
static void hear_row(const struct sq_liveness *l, struct contact *c,
                     const struct sq_worker_life *w)
{
    bool known = c->seen && c->offline == w->offline;
    if (known && w->contact != c->row_time) {
        c->heard = l->clock;
        c->spoke = true;
    } else if (!known) {
        c->heard = w->offline && c->seen ? c->heard : l->clock;
        c->spoke = false;
    }
    c->offline = w->offline;
    c->row_time = w->contact;
}

static void judge(struct sq_liveness *l, const struct sq_worker_life *w,
                  const struct sq_delays *delays, struct verdicts *v)
{
    struct contact *c = find_or_add(l, w->worker_id);
    if (!c)
        return; /* out of memory: nothing is known, nothing changes */
    if (l->others)
        hear_row(l, c, w);
    int64_t silence = l->clock - c->heard;
    c->seen = l->sweeps;
    if (!w->offline && silence > delays->offline_us)
        sq_set_int(&v->silent, w->worker_id);
    else if (w->offline && c->spoke && !c->left && silence <= delays->offline_us)
        sq_set_int(&v->back, w->worker_id);
    else if (w->offline && delays->lost_us > 0 && silence > delays->lost_us)
        sq_set_int(&v->lost, w->worker_id);
}

static int apply(struct sq_tx *tx, struct verdicts *v, struct sq_err *err)
{
    int code = 0;
    if (v->silent.n)
        code = sq_worker_set_offline(tx, sq_set_text(&v->silent), true, err);
    if (!code && v->back.n)
        code = sq_worker_set_offline(tx, sq_set_text(&v->back), false, err);
    if (!code && v->lost.n)
        code = sq_worker_lost(tx, sq_set_text(&v->lost), err);
    return code;
}

static int judge_all(struct sq_liveness *l, struct sq_tx *tx,
                     const struct sq_delays *delays, struct sq_err *err)
{
    struct sq_worker_life *w;
    size_t n;
    struct verdicts v;
    int code = sq_worker_lives(tx, &w, &n, err);
    if (code)
        return code;
    sq_set_init(&v.silent);
    sq_set_init(&v.back);
    sq_set_init(&v.lost);
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < n; i++)
        judge(l, &w[i], delays, &v);
    forget_silent(l, l->clock - 10 * delays->offline_us);
    pthread_mutex_unlock(&l->lock);
    code = apply(tx, &v, err);
    sq_set_fini(&v.silent);
    sq_set_fini(&v.back);
    sq_set_fini(&v.lost);
    return code;
}

int sq_liveness_flush(struct sq_liveness *l, struct sq_tx *tx,
                      const struct sq_delays *delays, struct sq_err *err)
{
    struct sq_contact *contacts = NULL;
    size_t n = 0;
    pthread_mutex_lock(&l->lock);
    tick(l);
    int code = take(l, tx, &contacts, &n);
    pthread_mutex_unlock(&l->lock);
    if (code)
        return sq_fail(err, code, "out of memory for the contacts of %zu workers",
                       l->n);
    if (n > 0)
        code = sq_worker_contacts(tx, contacts, n, err);
    if (code || delays)
        return code ? code : judge_all(l, tx, delays, err);
    pthread_mutex_lock(&l->lock);
    forget_silent(l, l->clock - FORGET_US);
    pthread_mutex_unlock(&l->lock);
    return 0;
}
