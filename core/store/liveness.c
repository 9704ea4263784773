/* Contacts in memory: a hash table by worker id under one mutex.  Contacts touch
 * memory only; flush, called every few seconds in the writer, takes what is new out
 * of the table and writes it in one statement. */
#include "core/store/liveness.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

enum { BUCKETS = 4096 };

struct contact {
    int64_t worker_id;
    int64_t time;
    char *load, *stats; /* NULL: nothing newer than the row */
    double memory;
    bool unwritten;
    struct contact *next;
};

struct sq_liveness {
    pthread_mutex_t lock;
    struct contact *buckets[BUCKETS];
    size_t n;
    int64_t started; /* silence counts from here at the earliest */
};

int sq_liveness_new(struct sq_liveness **ret, struct sq_err *err)
{
    struct sq_liveness *l = calloc(1, sizeof *l);
    if (!l)
        return sq_fail(err, SQ_ENOMEM, "out of memory for the workers' contacts");
    pthread_mutex_init(&l->lock, NULL);
    l->started = sq_now();
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
    *c = (struct contact){.worker_id = worker_id, .memory = NAN, .next = *head};
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
    if (c) {
        if (time > c->time)
            c->time = time;
        c->unwritten = true;
        keep(&c->load, load);
        keep(&c->stats, stats);
        if (!isnan(memory))
            c->memory = memory;
    }
    pthread_mutex_unlock(&l->lock);
}

void sq_liveness_overlay(struct sq_liveness *l, struct sq_worker *w,
                         struct sq_arena *arena)
{
    pthread_mutex_lock(&l->lock);
    const struct contact *c = find(l, w->worker_id);
    if (c && c->unwritten) {
        if (w->last_contact_date == SQ_NULL || c->time > w->last_contact_date)
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

int64_t sq_liveness_last(struct sq_liveness *l, int64_t worker_id)
{
    pthread_mutex_lock(&l->lock);
    const struct contact *c = find(l, worker_id);
    int64_t time = c ? c->time : SQ_NULL;
    pthread_mutex_unlock(&l->lock);
    return time;
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

/* Forget workers silent for long: their rows say the rest, or are gone. */
static void forget_silent(struct sq_liveness *l, int64_t before)
{
    for (int i = 0; i < BUCKETS; i++)
        for (struct contact **at = &l->buckets[i]; *at;) {
            struct contact *c = *at;
            if (c->unwritten || c->time >= before) {
                at = &c->next;
                continue;
            }
            *at = c->next;
            contact_free(c);
            l->n--;
        }
}

int sq_liveness_flush(struct sq_liveness *l, struct sq_tx *tx, int64_t offline_us,
                      struct sq_err *err)
{
    struct sq_contact *contacts = NULL;
    size_t n = 0;
    pthread_mutex_lock(&l->lock);
    int code = take(l, tx, &contacts, &n);
    forget_silent(l, tx->now - 10 * offline_us);
    pthread_mutex_unlock(&l->lock);
    if (code)
        return sq_fail(err, code, "out of memory for the contacts of %zu workers",
                       l->n);
    if (n > 0)
        code = sq_worker_contacts(tx, contacts, n, err);
    int64_t limit = tx->now - offline_us;
    if (code == 0)
        code =
            sq_worker_liveness(tx, limit >= l->started ? limit : SQ_NULL, limit, err);
    return code;
}
