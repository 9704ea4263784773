/* A server inside the test: answers what the test laid down, remembers what was asked.
 *
 * Rules are looked at in order; the first whose method and path are equal and whose
 * `body_has` (NULL: anything) occurs in the request's body answers.  Without one the
 * answer is 404 with a message.  A thread a connection, HTTP/1.1 kept alive. */
#ifndef SQ_TESTS_CLI_STANDIN_H
#define SQ_TESTS_CLI_STANDIN_H

#include "tests/test.h"

struct rule {
    const char *method, *path, *body_has;
    int status;
    const char *answer;
};

struct standin;

/* `rules` ends with a NULL method and outlives the server. */
struct standin *standin_start(const struct rule *rules);
void standin_stop(struct standin *s);
const char *standin_address(const struct standin *s); /* "127.0.0.1:1234" */
/* Every request so far, "METHOD PATH BODY\n" each; valid until the next call. */
const char *standin_log(struct standin *s);

/* Run a group of tests with one, *server, that lives as long as they do. */
int standin_run(const struct CMUnitTest *tests, size_t n, const struct rule *rules,
                struct standin **server);

#endif
