/* A mock, started and spoken with: see mock.h. */
#include "tests/contract/provider/mock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/util.h"
#include "lib/web.h"

static struct {
    pid_t pid;
    int port;
    struct sq_web *web;
    struct sq_web_answer *answer;
} mock;

int mock_start(const char *name)
{
    char script[500], line[100];
    struct sq_err err;
    int out[2];
    const char *top = getenv("top_srcdir");
    snprintf(script, sizeof script, "%s/tests/servers/%s.py", top ? top : ".", name);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    mock.pid = fork();
    if (mock.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out[1], 1);
        execlp("python3", "python3", "-B", script, "0", (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *f = fdopen(out[0], "r");
    if (!f || !fgets(line, sizeof line, f) || sscanf(line, "port=%d", &mock.port) != 1)
        fail_msg("%s does not start", script);
    fclose(f);
    OK(err, sq_web_new(&mock.web, &err));
    return mock.port;
}

void mock_stop(void)
{
    if (mock.pid <= 0)
        return;
    kill(mock.pid, SIGKILL);
    while (waitpid(mock.pid, NULL, 0) < 0 && errno == EINTR)
        ;
    sq_web_answer_free(mock.answer);
    sq_web_free(mock.web);
}

const char *mock_ask(const char *method, const char *path, const char *body)
{
    static const struct sq_web_header json = {"Content-Type", "application/json"};
    char url[2000];
    struct sq_err err;
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", mock.port, path);
    const struct sq_web_request q = {.method = method,
                                     .url = url,
                                     .headers = &json,
                                     .n_headers = body ? 1 : 0,
                                     .body = body,
                                     .body_len = body ? strlen(body) : 0,
                                     .tries = 1};
    sq_web_answer_free(mock.answer);
    mock.answer = NULL;
    OK(err, sq_web_call(mock.web, NULL, &q, &mock.answer, &err));
    if (mock.answer->status < 200 || mock.answer->status > 299)
        fail_msg("%s %s: %d %s", method, path, mock.answer->status, mock.answer->body);
    return mock.answer->body;
}

/* By a connection of its own, which the mock sees after those of the dead. */
void mock_settle(void)
{
    struct sq_err err;
    sq_web_free(mock.web);
    OK(err, sq_web_new(&mock.web, &err));
    mock_ask("GET", "/_mock/quiet", NULL);
}

json_t *ask(const char *path)
{
    json_t *answer = json_loads(mock_ask("GET", path, NULL), JSON_DECODE_ANY, NULL);
    assert_non_null(answer);
    return answer;
}

void order(const char *path, const char *body)
{
    mock_ask("POST", path, body);
}

void none_refused(void)
{
    json_t *refused = ask("/_mock/refused");
    if (json_array_size(refused) > 0)
        fail_msg("refused: %s", json_dumps(json_array_get(refused, 0), 0));
    json_decref(refused);
}
