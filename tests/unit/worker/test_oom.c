/* The kernel's log of those killed for lack of memory; a socket that keeps records
 * apart plays it. */
#include "tests/test.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/util.h"
#include "worker/oom.h"

#define ID "44dd17262de0"
#define KILL(of)                                                                       \
    "6,46840,36542337659,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),"      \
    "oom_memcg=/libpod_parent/libpod-" of ",task_memcg=/libpod_parent/libpod-" of      \
    ",task=sh,pid=4862,uid=0\n SUBSYSTEM=x\n"

static void test_log(void **state)
{
    static const struct {
        const char *records[4];
        int named;
    } rows[] = {
        {{NULL}, 0},
        {{KILL("another")}, 0},
        {{KILL("another"), KILL(ID), KILL("a third")}, 1},
        {{"6,1,2,-;veth of " ID " left promiscuous mode\n", KILL("another")}, 0},
        {{"6,1,2,-;" ID "\n", KILL("a" ID "b")}, 1},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds),
                         0);
        for (size_t k = 0; k < 4 && rows[i].records[k]; k++) {
            size_t len = strlen(rows[i].records[k]);
            assert_int_equal(write(fds[1], rows[i].records[k], len), len);
        }
        assert_int_equal(sq_oom_log_names(fds[0], ID), rows[i].named);
        close(fds[1]);
        close(fds[0]);
    }
    assert_int_equal(sq_oom_log_names(-1, ID), -1);
}

/* What this machine has: one log that tells nobody of that name, or none to read. */
static void test_machine(void **state)
{
    assert_true(sq_oom_kills() >= -1);
    assert_true(sq_oom_logged("no container has this name") <= 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
