/* Load on the public API by a client that shares no code with the server: raw sockets
 * and one epoll loop, so that on two cores the client costs little beside what it
 * measures (Python's http.client would be the bottleneck from 2,000 calls a second).
 *
 *   load PORT post CONNECTIONS COUNT    POST /tasks/, one at a time a connection
 *   load PORT latency COUNT             POST one `true`, ask until it succeeded
 *   load PORT idle WORKERS SECONDS      registered workers that wait for work
 *
 * prints one JSON object: rate in calls a second, times in microseconds. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MAX = 16384, EVENTS = 256 };

struct client {
    int fd;
    long worker_id;
    int64_t sent_us;
    size_t len;
    char answer[ANSWER_MAX];
};

static int port;

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void dial(struct client *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (void *)&to, sizeof to) < 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void ask(struct client *c, const char *method, const char *path,
                const char *body)
{
    char text[1024];
    int len =
        snprintf(text, sizeof text,
                 "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                 "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                 method, path, strlen(body), body);
    c->len = 0;
    c->sent_us = now_us();
    if (len >= (int)sizeof text || send(c->fd, text, (size_t)len, MSG_NOSIGNAL) != len)
        die("send");
}

/* Is the whole answer here?  Its status is then checked. */
static bool whole(struct client *c)
{
    c->answer[c->len] = 0;
    char *end = strstr(c->answer, "\r\n\r\n");
    if (!end)
        return false;
    char *length = strcasestr(c->answer, "\r\nContent-Length:");
    if (!length || length > end) {
        fprintf(stderr, "load: an answer without length: %s\n", c->answer);
        exit(1);
    }
    size_t body = strtoul(length + 17, NULL, 10);
    if (c->len < (size_t)(end + 4 - c->answer) + body)
        return false;
    if (strncmp(c->answer, "HTTP/1.1 20", 11) != 0) {
        fprintf(stderr, "load: %s\n", c->answer);
        exit(1);
    }
    return true;
}

/* What has come, without waiting for more; true when the answer is whole. */
static bool take(struct client *c)
{
    ssize_t n = recv(c->fd, c->answer + c->len, ANSWER_MAX - 1 - c->len, 0);
    if (n == 0)
        errno = ECONNRESET;
    if (n <= 0)
        die("recv");
    c->len += (size_t)n;
    return whole(c);
}

static const char *call(struct client *c, const char *method, const char *path,
                        const char *body)
{
    ask(c, method, path, body);
    while (!take(c))
        ;
    return strstr(c->answer, "\r\n\r\n") + 4;
}

/* The number after "key": in a JSON text. */
static long number(const char *json, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(json, quoted);
    return at ? atol(at + strlen(quoted)) : -1;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void report(int64_t *took, long n, int64_t whole_us)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    qsort(took, (size_t)n, sizeof *took, compare);
    printf("{\"rate\":%.1f,\"p50_us\":%ld,\"p99_us\":%ld,\"max_us\":%ld,"
           "\"client_cpu_s\":%.3f}\n",
           (double)n * 1e6 / (double)whole_us, (long)took[n / 2],
           (long)took[n * 99 / 100], (long)took[n - 1],
           (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
}

static int watch(struct client *clients, long n)
{
    int poll = epoll_create1(EPOLL_CLOEXEC);
    for (long i = 0; i < n; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &clients[i]};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, clients[i].fd, &e) < 0)
            die("epoll_ctl");
    }
    return poll;
}

static void run_post(struct client *clients, long n, long count)
{
    static const char body[] = "{\"command\":\"true\",\"batch\":\"post\"}";
    int64_t *took = calloc((size_t)count, sizeof *took), begin = now_us();
    int poll = watch(clients, n);
    long sent = 0, done = 0;
    for (; sent < n && sent < count; sent++)
        ask(&clients[sent], "POST", "/tasks/", body);
    while (done < count) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            struct client *c = events[i].data.ptr;
            if (!take(c))
                continue;
            took[done++] = now_us() - c->sent_us;
            if (sent++ < count)
                ask(c, "POST", "/tasks/", body);
        }
    }
    report(took, count, now_us() - begin);
    free(took);
}

/* From before the POST until an answer says succeeded; asked every half millisecond, as
 * a client in a hurry would. */
static int64_t one_task(struct client *c)
{
    char path[64];
    int64_t begin = now_us();
    long id = number(call(c, "POST", "/tasks/", "{\"command\":\"true\"}"), "task_id");
    snprintf(path, sizeof path, "/tasks/%ld", id);
    while (!strstr(call(c, "GET", path, ""), "\"succeeded\"")) {
        if (now_us() - begin > 60000000) {
            fprintf(stderr, "load: task %ld did not succeed\n", id);
            exit(1);
        }
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    return now_us() - begin;
}

static void run_latency(struct client *c, long count)
{
    int64_t *took = calloc((size_t)count, sizeof *took), begin = now_us();
    for (long i = 0; i < count; i++) {
        took[i] = one_task(c);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); /* idle again */
    }
    report(took, count, now_us() - begin);
    free(took);
}

static void wait_for_work(struct client *c, long i)
{
    char path[64], body[64];
    snprintf(path, sizeof path, "/workers/%ld/sync", c->worker_id);
    snprintf(body, sizeof body, "{\"spool\":\"idle%ld\",\"wait\":10}", i);
    ask(c, "PUT", path, body);
}

static void run_idle(struct client *clients, long n, long seconds)
{
    char body[256];
    for (long i = 0; i < n; i++) {
        dial(&clients[i]);
        snprintf(body, sizeof body,
                 "{\"name\":\"idle%ld\",\"hostname\":\"bench\",\"concurrency\":1,"
                 "\"batch\":\"idle%ld\",\"status\":\"running\",\"spool\":\"idle%ld\"}",
                 i, i % 100, i);
        const char *answer = call(&clients[i], "POST", "/workers/register", body);
        clients[i].worker_id = number(answer, "worker_id");
        wait_for_work(&clients[i], i);
    }
    int poll = watch(clients, n);
    printf("{\"registered\":%ld}\n", n);
    fflush(stdout);
    int64_t end = now_us() + seconds * 1000000;
    long polls = 0;
    for (int64_t left; (left = end - now_us()) > 0;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(poll, events, EVENTS, (int)(left / 1000) + 1);
        for (int i = 0; i < ready; i++) {
            struct client *c = events[i].data.ptr;
            if (!take(c))
                continue;
            polls++;
            wait_for_work(c, c - clients);
        }
    }
    printf("{\"polls\":%ld}\n", polls);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 3 ? argv[2] : "";
    long n = argc > 3 ? atol(argv[3]) : 0, more = argc > 4 ? atol(argv[4]) : 0;
    bool latency = strcmp(mode, "latency") == 0;
    if (n < 1 || (!latency && more < 1)) {
        fputs("usage: load PORT post|latency|idle ...\n", stderr);
        return 2;
    }
    port = atoi(argv[1]);
    long connections = latency ? 1 : n;
    struct client *clients = calloc((size_t)connections, sizeof *clients);
    if (!clients)
        die("calloc");
    bool idle = strcmp(mode, "idle") == 0;
    /* Those of idle workers one by one: the server closes what stays silent. */
    for (long i = 0; i < connections && !idle; i++)
        dial(&clients[i]);
    if (latency)
        run_latency(clients, n);
    else if (idle)
        run_idle(clients, n, more);
    else
        run_post(clients, n, more);
    free(clients);
    return 0;
}
