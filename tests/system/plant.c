/* A fault on purpose, linked only into scitq-server-planted, or preloaded:
 * test_plants.py shows with it that a leak or an overflow in a daemon really makes
 * `make check-asan` fail, a race `make check-tsan`; test_valgrind.py that valgrind sees
 * them.  $PLANT chooses: leak, overflow or race.  It happens before main(). */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void leak(void)
{
    volatile char *lost = malloc(100);
    if (lost)
        lost[0] = 1;
}

static void overflow(void)
{
    volatile size_t past = 8;
    volatile char *small = malloc(past);
    if (small)
        small[past] = 1;
    free((void *)small);
}

static volatile int shared;

static void *write_shared(void *arg)
{
    (void)arg;
    shared++;
    return NULL;
}

static void race(void)
{
    pthread_t other;
    if (pthread_create(&other, NULL, write_shared, NULL) != 0)
        return;
    shared++;
    pthread_join(other, NULL);
}

__attribute__((constructor)) static void plant(void)
{
    const char *what = getenv("PLANT");
    if (what && strcmp(what, "leak") == 0)
        leak();
    if (what && strcmp(what, "overflow") == 0)
        overflow();
    if (what && strcmp(what, "race") == 0)
        race();
}
