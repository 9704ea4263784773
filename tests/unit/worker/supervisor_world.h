/* A supervisor of one's own for a test: a state directory, the real program, the events
 * that came, and fifos by which a test knows that processes live or are gone. */
#ifndef SQ_TESTS_SUPERVISOR_WORLD_H
#define SQ_TESTS_SUPERVISOR_WORLD_H

#include "tests/test.h"
#include <sys/types.h>
#include "worker/supervisor_client.h"

enum { WORLD_EVENTS = 256, WORLD_TEXT = 400 };

struct world_event {
    struct sq_sup_event e;
    char text[WORLD_TEXT];
};

struct world {
    struct world *next; /* made before it */
    int pidfd;          /* of the supervisor it has or had last, or -1 */
    char dir[64];       /* holds state/, work/, out, err, fifos */
    char state_dir[80];
    struct sq_sup *s;
    struct world_event events[WORLD_EVENTS]; /* not yet waited for */
    int n;
    bool without_groups;
    bool leaves_log; /* the test made the supervisor complain */
};

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
/* Run all with control groups as the machine has them, then all without. */
int world_run(const struct CMUnitTest *tests, size_t n);
/* Only the former: for tests that are about the groups. */
int world_run_with_groups(const struct CMUnitTest *tests, size_t n);

/* cmocka fixtures.  Teardown ends the supervisor, however the test ended, that of
 * worlds set up since, too, and checks that it left nothing: no complaint (a
 * sanitizer's neither) in its log, no group. */
int world_setup(void **state);
int world_teardown(void **state);

void world_open(struct world *w); /* and wait for READY */
void world_close(struct world *w);
pid_t world_supervisor(const struct world *w);

/* Start `sh -c script` in work/, with $W for the world's folder. */
void world_sh(struct world *w, int64_t id, const char *script);
void world_spawn(struct world *w, int64_t id, char *const *argv, char *const *envp);
/* The next event of this kind and id (-1: any); others stay.  Fails after 30 s. */
struct sq_sup_event world_wait(struct world *w, enum sq_sup_event_kind kind,
                               int64_t id);
/* Wait for the exit and forget it; the wait status. */
int world_end(struct world *w, int64_t id);
/* Everything asked before was done when this returns. */
void world_sync(struct world *w);
bool world_has(const struct world *w, enum sq_sup_event_kind kind, int64_t id);

/* The output of the last command, 0-terminated; borrowed until the next call. */
const char *world_out(struct world *w, const char *name, size_t *ret_len);

/* A fifo named `name`, open for reading.  Who opens it for writing keeps it from
 * ending: fifo_line reads what they say, fifo_end waits until they are all gone. */
int fifo_new(struct world *w, const char *name);
void fifo_line(int fd, char *line, size_t size);
void fifo_end(int fd);
void fifo_remove(struct world *w, const char *name);
/* Write `text` `times` times to a fifo that the test holds open. */
void world_write(struct world *w, const char *name, const char *text, int times);
void wait_pid_end(pid_t pid); /* of any process */

#endif
