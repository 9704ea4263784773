/* Why a playbook failed: lines of ansible-playbook 2.14 against the sentences that a
 * job's log ends with. */
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "core/fleet/fault.h"
#include "lib/util.h"

enum { LINES_MAX = 8 };

static const struct {
    const char *lines[LINES_MAX];
    const char *text;
} rows[] = {
    {{"PLAY [Wait for the machine] ****", "TASK [reach : Wait for SSH] ****",
      "ok: [w1]"},
     ""},
    {{"TASK [reach : Wait for SSH] *****************",
      "fatal: [w1]: UNREACHABLE! => {\"changed\": false, \"msg\": \"Failed to connect "
      "to "
      "the host via ssh: ssh: connect to host 10.77.0.9 port 22: No route to host\", "
      "\"unreachable\": true}"},
     "at \"reach : Wait for SSH\", w1: Failed to connect to the host via ssh: ssh: "
     "connect "
     "to host 10.77.0.9 port 22: No route to host"},
    /* Where a program failed its last words say more than that it did. */
    {{"TASK [worker : Build it] ***",
      "fatal: [w1]: FAILED! => {\"changed\": true, \"cmd\": \"make\", \"msg\": "
      "\"non-zero "
      "return code\", \"rc\": 2, \"stderr\": \"a\\nfoo.c:1: error: x\\n\\n\", "
      "\"stdout\": \"out\"}"},
     "at \"worker : Build it\", w1: exit code 2: foo.c:1: error: x"},
    {{"TASK [b] ***", "fatal: [w1]: FAILED! => {\"msg\": \"non-zero return code\", "
                      "\"rc\": 1, \"stderr\": "
                      "\"\", \"stdout\": \"only here\"}"},
     "at \"b\", w1: exit code 1: only here"},
    {{"TASK [b] ***",
      "fatal: [w1]: FAILED! => {\"msg\": \"non-zero return code\", \"rc\": 1}"},
     "at \"b\", w1: exit code 1"},
    {{"TASK [c] ***", "fatal: [w1 -> localhost]: FAILED! => {\"msg\": \"MODULE "
                      "FAILURE\\nSee stdout/stderr "
                      "for the exact error\", \"module_stderr\": "
                      "\"Traceback\\nOSError: No space\\n\"}"},
     "at \"c\", w1 -> localhost: OSError: No space"},
    /* The first one counts; one that is ignored does not. */
    {{"TASK [one] ***", "fatal: [w1]: FAILED! => {\"msg\": \"a\\n b\"}", "...ignoring",
      "TASK [two] ***", "failed: [w1] (item=x) => {\"msg\": \"second\"}",
      "fatal: [w1]: FAILED! => {\"msg\": \"third\"}", "RUNNING HANDLER [Restart] ***",
      "fatal: [w1]: FAILED! => {\"msg\": \"fourth\"}"},
     "at \"two\", w1: second"},
    {{"TASK [two] ***", "fatal: [w1]: FAILED! => {\"msg\": \"kept\"}",
      "RUNNING HANDLER [Restart [all]] ***", "...ignoring"},
     "at \"two\", w1: kept"},
    {{"RUNNING HANDLER [Restart [all]] ***",
      "fatal: [w1]: FAILED! => {\"msg\": \"x\"}"},
     "at \"Restart [all]\", w1: x"},
    /* What is not as it should be is told as it came. */
    {{"fatal: [w1]: FAILED! => {\"msg\": \"cut of"}, "at \"\", w1: {\"msg\": \"cut of"},
    {{"fatal: [w1]: FAILED!"}, "at \"\", w1: fatal: [w1]: FAILED!"},
    {{"fatal: [w1"}, "at \"\", : fatal: [w1"},
    {{"fatal: [w1]: FAILED! => [1]"}, "at \"\", w1: [1]"},
    {{"fatal: [w1]: FAILED! => {\"msg\": 3}"}, "at \"\", w1: {\"msg\": 3}"},
    {{"fatal: [w1]: FAILED! => {}"}, "at \"\", w1: {}"},
    {{"ERROR! the playbook: /x/deploy.yml could not be found", "ERROR! more"},
     "the playbook: /x/deploy.yml could not be found"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_fleet_fault f = {.text = ""};
        for (size_t k = 0; k < LINES_MAX && rows[i].lines[k]; k++)
            sq_fleet_fault_line(&f, rows[i].lines[k], strlen(rows[i].lines[k]));
        assert_string_equal(f.text, rows[i].text);
    }
}

/* Lines have up to 1 MiB; what is kept of them has an end. */
static void test_long(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    static const char *const heads[] = {"TASK [", "fatal: [", "fatal: [w]: F! => ",
                                        "fatal: [w]: F! => {\"msg\": \"", "ERROR! "};
    char *line = malloc(N + 1);
    assert_non_null(line);
    for (size_t i = 0; i < SQ_LEN(heads); i++) {
        struct sq_fleet_fault f = {.text = ""};
        memset(line, 'x', N);
        line[N] = 0;
        memcpy(line, heads[i], strlen(heads[i]));
        memcpy(line + N - 4, "\"}] *", 4);
        sq_fleet_fault_line(&f, line, N);
        assert_true(strlen(f.text) < sizeof f.text);
        assert_true(i == 0 || strlen(f.text) > 200 || f.text[0] == 'a');
        sq_fleet_fault_line(&f, line, N);
    }
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
