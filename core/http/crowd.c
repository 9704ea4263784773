/* A table by address.  An entry lives while a connection is counted in it, or for the
 * minute in which its wrong tokens count; what is over is dropped when a new one is
 * made and there are many.  A connection comes before wrong tokens: these are forgotten
 * where the table is full of them, else whoever has addresses enough would keep out
 * everybody else. */
#include "core/http/crowd.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1024, ENTRIES_MAX = 2 * SQ_CROWD_ALL, V6_BYTES = 8 };
static const int64_t SECOND_US = 1000000, MINUTE_US = 60000000,
                     FAR_FUTURE = INT64_MAX - 1;

struct sq_crowd_entry {
    unsigned char key[SQ_ADDRESS_BYTES];
    int inside, wrong;
    int64_t since; /* of the minute that `wrong` counts */
    struct sq_crowd_entry *next;
};

struct sq_crowd {
    pthread_mutex_t lock;
    struct sq_crowd_entry *buckets[BUCKETS];
    int inside, entries;
    int64_t swept; /* when it was full */
};

int sq_crowd_new(struct sq_crowd **ret, struct sq_err *err)
{
    struct sq_crowd *c = calloc(1, sizeof *c);
    if (!c)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    pthread_mutex_init(&c->lock, NULL);
    *ret = c;
    return 0;
}

/* Drop what is not needed at `now`; INT64_MAX: everything. */
static void sweep(struct sq_crowd *c, int64_t now)
{
    for (int i = 0; i < BUCKETS; i++)
        for (struct sq_crowd_entry **at = &c->buckets[i]; *at;) {
            struct sq_crowd_entry *e = *at;
            bool over = now == INT64_MAX ||
                        (e->inside == 0 && (!e->wrong || now - e->since > MINUTE_US));
            if (!over) {
                at = &e->next;
                continue;
            }
            *at = e->next;
            free(e);
            c->entries--;
        }
}

/* Who fills it makes it be looked through once a second, not once an address. */
static void make_room(struct sq_crowd *c, int64_t now)
{
    if (c->entries < ENTRIES_MAX)
        return;
    if (now != FAR_FUTURE) {
        if (now - c->swept < SECOND_US)
            return;
        c->swept = now;
    }
    sweep(c, now);
}

void sq_crowd_free(struct sq_crowd *c)
{
    if (!c)
        return;
    sweep(c, INT64_MAX);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static void make_key(const unsigned char *address, unsigned char key[SQ_ADDRESS_BYTES])
{
    static const unsigned char zeroes[10];
    bool v4 = memcmp(address, zeroes, sizeof zeroes) == 0;
    memset(key, 0, SQ_ADDRESS_BYTES);
    memcpy(key, address, v4 ? SQ_ADDRESS_BYTES : V6_BYTES);
}

static struct sq_crowd_entry **bucket(struct sq_crowd *c, const unsigned char *key)
{
    uint64_t h = 0;
    for (int i = 0; i < SQ_ADDRESS_BYTES; i++)
        h = (h ^ key[i]) * UINT64_C(0x100000001B3);
    return &c->buckets[(h ^ h >> 32) % BUCKETS];
}

/* The entry of an address, made where there is none; NULL: there are too many. */
static struct sq_crowd_entry *find(struct sq_crowd *c, const unsigned char *address,
                                   int64_t now)
{
    unsigned char key[SQ_ADDRESS_BYTES];
    make_key(address, key);
    for (struct sq_crowd_entry *e = *bucket(c, key); e; e = e->next)
        if (memcmp(e->key, key, sizeof key) == 0)
            return e;
    make_room(c, now);
    struct sq_crowd_entry *e = c->entries < ENTRIES_MAX ? calloc(1, sizeof *e) : NULL;
    if (!e)
        return NULL;
    memcpy(e->key, key, sizeof key);
    e->next = *bucket(c, key);
    *bucket(c, key) = e;
    c->entries++;
    return e;
}

bool sq_crowd_enter(struct sq_crowd *c, const unsigned char *address,
                    struct sq_place *place)
{
    pthread_mutex_lock(&c->lock);
    struct sq_crowd_entry *e =
        c->inside < SQ_CROWD_ALL ? find(c, address, FAR_FUTURE) : NULL;
    bool room = e && e->inside < SQ_CROWD_ADDRESS;
    if (room) {
        e->inside++;
        c->inside++;
        place->entry = e;
    }
    pthread_mutex_unlock(&c->lock);
    return room;
}

static void remove_entry(struct sq_crowd *c, struct sq_crowd_entry *e)
{
    struct sq_crowd_entry **at = bucket(c, e->key);
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    free(e);
    c->entries--;
}

void sq_crowd_leave(struct sq_crowd *c, struct sq_place *place)
{
    struct sq_crowd_entry *e = place->entry;
    if (!e)
        return;
    place->entry = NULL;
    pthread_mutex_lock(&c->lock);
    c->inside--;
    if (--e->inside == 0 && !e->wrong)
        remove_entry(c, e);
    pthread_mutex_unlock(&c->lock);
}

int sq_crowd_wrong(struct sq_crowd *c, const unsigned char *address, int64_t now)
{
    int count = 0;
    pthread_mutex_lock(&c->lock);
    struct sq_crowd_entry *e = find(c, address, now);
    if (e) {
        if (!e->wrong || now - e->since > MINUTE_US) {
            e->wrong = 0;
            e->since = now;
        }
        if (e->wrong < INT32_MAX)
            e->wrong++;
        count = e->wrong;
    }
    pthread_mutex_unlock(&c->lock);
    return count;
}
