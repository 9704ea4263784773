/* Telling that a daemon is ready, both ways. */
#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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
    setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
    sq_ready_tell(-1); /* a warning, no more */
    unsetenv("NOTIFY_SOCKET");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_notify_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
