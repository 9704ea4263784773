/* The reference that task rates are measured against: a bare loop of posix_spawn and
 * wait, with a number of children in flight.
 *
 *   spawn PARALLEL COUNT COMMAND [ARGUMENT…]
 *
 * prints commands a second. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void start(char **argv)
{
    pid_t pid;
    int rc = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);
    if (rc == 0)
        return;
    fprintf(stderr, "spawn: %s: %s\n", argv[0], strerror(rc));
    exit(1);
}

int main(int argc, char **argv)
{
    long parallel = argc > 3 ? atol(argv[1]) : 0, count = argc > 3 ? atol(argv[2]) : 0;
    if (parallel < 1 || count < 1) {
        fputs("usage: spawn PARALLEL COUNT COMMAND [ARGUMENT...]\n", stderr);
        return 2;
    }
    double begin = now_s();
    long started = 0, ended = 0;
    while (ended < count) {
        while (started < count && started - ended < parallel) {
            start(argv + 3);
            started++;
        }
        if (wait(NULL) > 0)
            ended++;
        else if (errno != EINTR)
            return 1;
    }
    printf("%.1f\n", (double)count / (now_s() - begin));
    return 0;
}
