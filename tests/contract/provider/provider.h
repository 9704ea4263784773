/* One table of tests over every provider.  A provider plugs in with a program of its
 * own that says what it is tried on:
 *
 *     static const struct target target = {.plugin = "azure", .flavor = …};
 *     int main(void)
 *     {
 *         return provider_main(&target);
 *     }
 *
 * Whatever a test does, what is left at the provider is counted by the target's own
 * `count`, which must not ask the plugin.  A target without `start` needs no server. */
#ifndef SQ_TESTS_PROVIDER_H
#define SQ_TESTS_PROVIDER_H

#include "tests/test.h"

#include <scitq/provider.h>

#include "lib/util.h"

/* What can go wrong on the other side; `set` is given how, NULL makes all well again.
 */
struct fault {
    const char *label, *how;
    /* A launch may fail under it (SQ_EIO and the like) as often as it likes; without
     * this flag its own tries must bring it through. */
    bool may_fail;
};

struct target {
    const char *plugin; /* its name, and the file's */
    const char *as;     /* NULL: the same */
    /* Settings of the test, "KEY=value", ended by NULL; more may come from `start`. */
    const char *const *settings;
    const char *flavor, *region; /* to launch */
    const char *other_region;    /* NULL: there is only one */
    const char *server;          /* of scitq, for SQ_PROVIDER_STARTS_WORKER */

    /* Once: start what it needs and set what it must know (setenv).  `folder` is empty
     * and the test's.  False: it is not installed, which was said. */
    bool (*start)(const char *folder);
    void (*stop)(void);
    /* Machines and remains of the owner at the provider, counted without the plugin;
     * `token` NULL: of all. */
    int (*count)(const char *owner, const char *token);
    /* Wait until what processes that were killed have asked for is done or dropped;
     * NULL: nothing of theirs outlives them. */
    void (*settle)(void);
    /* Make a machine stop, or say that it is broken, or vanish, from outside; NULL:
     * that cannot be. */
    void (*break_it)(const char *owner, const char *token);
    void (*vanish)(const char *owner, const char *token);
    const struct fault *faults; /* ended by a NULL label; NULL: none */
    void (*set_fault)(const char *how);
    int kills;  /* rounds of a launch killed in the middle, at most; 0: 20 */
    int cycles; /* at random, in ./check long; 0: 1000 */
    /* It cannot be told to make a machine once: a launch that was killed under a fault
     * may have asked for two, until a later call comes to its end. */
    bool makes_twins;
};

int provider_main(const struct target *target);

#endif
