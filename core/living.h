/* The settings while the server runs: those it was started with, and on SIGHUP those of
 * its file as it is then.
 *
 * A new set is read and checked as a whole, with the files of tokens and certificate
 * that it names, before anything of it counts; where something is wrong nothing changes
 * and the log says what.  All that differs is said, a line each.  Sets that were
 * replaced are kept to the end, since their texts are borrowed everywhere: a few KiB
 * for each time that somebody changes the file. */
#ifndef SQ_CORE_LIVING_H
#define SQ_CORE_LIVING_H

#include "core/guard.h"
#include "core/settings.h"
#include "core/store/tuning.h"

struct sq_living {
    const struct sq_options *options;
    const struct sq_settings *settings; /* that count now */
    struct sq_tuned tuned;              /* what the rooms take of them */
    struct sq_guard *guard;             /* NULL: nobody is served */
    void (*changed)(void *arg);         /* another set counts */
    void *arg;
    struct sq_tuning first;
    struct sq_living_set *sets;
};

/* Everything is borrowed. */
void sq_living_init(struct sq_living *l, const struct sq_options *options,
                    const struct sq_settings *settings);
/* Read all of it again, and open the log file again.  Main's thread. */
void sq_living_reload(struct sq_living *l);
/* Nobody reads a setting any more. */
void sq_living_fini(struct sq_living *l);

#endif
