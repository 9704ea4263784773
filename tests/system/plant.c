/* A fault on purpose, linked only into scitq-server-planted, or preloaded:
 * test_plants.py shows with it that a leak or an overflow in a daemon really makes
 * `make check-asan` fail, test_valgrind.py that valgrind sees them.  $PLANT chooses:
 * leak or overflow.  It happens before main(). */
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

__attribute__((constructor)) static void plant(void)
{
    const char *what = getenv("PLANT");
    if (what && strcmp(what, "leak") == 0)
        leak();
    if (what && strcmp(what, "overflow") == 0)
        overflow();
}
