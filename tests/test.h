/* The one include of every cmocka test, in the order cmocka wants. */
#ifndef SQ_TESTS_TEST_H
#define SQ_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <scitq/error.h>

/* Assert that a call succeeded, printing its sentence when it did not. */
#define OK(err, call)                                                                  \
    do {                                                                               \
        int ok_code_ = (call);                                                         \
        if (ok_code_ != 0)                                                             \
            fail_msg("%s: %s: %s", #call, sq_code_name(ok_code_), (err).text);         \
    } while (0)

#endif
