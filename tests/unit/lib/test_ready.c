/* Telling that a daemon is ready, both ways, and what else a service manager hears. */
#include "tests/test.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/notify.h"
#include "lib/ready.h"

static void test_descriptors(void **state)
{
    (void)state;
    int pair[2], fd = -7;
    assert_int_equal(pipe(pair), 0);
    char text[20];
    snprintf(text, sizeof text, "%d", pair[1]);
    assert_true(sq_ready_parse(text, &fd));
    assert_int_equal(fd, pair[1]);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    static const char *const wrong[] = {"", "x", "1x", "-1", "99999999999", "9999"};
    for (size_t i = 0; i < SQ_LEN(wrong); i++)
        assert_false(sq_ready_parse(wrong[i], &fd));
    assert_int_equal(fd, pair[1]);
    sq_ready_tell(fd);
    char got[20] = "";
    assert_int_equal(read(pair[0], got, sizeof got), 8);
    assert_string_equal(got, "READY=1\n");
    assert_int_equal(read(pair[0], got, sizeof got), 0); /* closed */
    close(pair[0]);
}

static void test_notify_socket(void **state)
{
    (void)state;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char name[60];
    snprintf(name, sizeof name, "@scitq-test-ready-%d", (int)getpid());
    memcpy(at.sun_path + 1, name + 1, strlen(name) - 1);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (void *)&at, len), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    sq_ready_tell(-1);
    char got[20] = "";
    assert_int_equal(recv(fd, got, sizeof got, MSG_DONTWAIT), 8);
    assert_string_equal(got, "READY=1\n");
    int64_t before = sq_monotonic(), said;
    sq_notify_reloading();
    char words[100] = "";
    assert_true(recv(fd, words, sizeof words - 1, MSG_DONTWAIT) > 0);
    assert_int_equal(sscanf(words, "RELOADING=1\nMONOTONIC_USEC=%" SCNd64 "\n", &said),
                     1);
    assert_true(said >= before && said <= sq_monotonic());
    setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
    sq_ready_tell(-1); /* a warning, no more */
    unsetenv("NOTIFY_SOCKET");
    sq_notify("STOPPING=1\n");
    assert_int_equal(recv(fd, words, sizeof words, MSG_DONTWAIT), -1);
    close(fd);
}

static void test_watchdog(void **state)
{
    (void)state;
    char own[20];
    snprintf(own, sizeof own, "%d", (int)getpid());
    const struct {
        const char *socket, *usec, *pid;
        int64_t period_us;
    } rows[] = {
        {"@x", "3000000", own, 1500000},
        {"@x", "3000000", NULL, 1500000},
        {"@x", "1", own, 1},
        {"@x", NULL, own, 0},
        {NULL, "3000000", own, 0},
        {"@x", "3000000", "1", 0},
        {"@x", "0", own, 0},
        {"@x", "-3", own, 0},
        {"@x", "3s", own, 0},
        {"@x", "99999999999999999999", own, 0},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        const char *const v[][2] = {{"NOTIFY_SOCKET", rows[i].socket},
                                    {"WATCHDOG_USEC", rows[i].usec},
                                    {"WATCHDOG_PID", rows[i].pid}};
        for (size_t k = 0; k < SQ_LEN(v); k++)
            if (v[k][1])
                setenv(v[k][0], v[k][1], 1);
            else
                unsetenv(v[k][0]);
        assert_int_equal(sq_notify_period_us(), rows[i].period_us);
    }
    unsetenv("NOTIFY_SOCKET");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_notify_socket),
        cmocka_unit_test(test_watchdog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
