/* A mock of tests/servers as the other side of a provider. */
#ifndef SQ_TESTS_MOCK_H
#define SQ_TESTS_MOCK_H

#include "tests/test.h"

#include <jansson.h>

/* Start NAME.py and answer its port; it ends with the program. */
int mock_start(const char *name);
void mock_stop(void);
/* One call to it, JSON both ways (`body` NULL: none); the answer's text, until the next
 * call; fails the test when there is none of 2xx. */
const char *mock_ask(const char *method, const char *path, const char *body);
/* A target's `settle` (provider.h). */
void mock_settle(void);

/* What it answers to GET; the caller's reference. */
json_t *ask(const char *path);
/* What it is told. */
void order(const char *path, const char *body);
/* Never was a request refused for its form. */
void none_refused(void);

#endif
