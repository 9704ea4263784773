/* scitq-manage against a stand-in server: what each verb asks, prints and returns;
 * every verb has help and reads every one of its options. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/manage/commands.h"
#include "tests/unit/cli/standin.h"

enum { WORDS = 40 };

#define TASK                                                                           \
    "{\"task_id\":7,\"name\":\"n\",\"status\":\"failed\",\"command\":\"echo a\","      \
    "\"creation_date\":\"2026-11-22T00:39:58.356026\",\"modification_date\":null,"     \
    "\"status_date\":null,\"batch\":\"B\",\"input\":null,"                             \
    "\"required_task_ids\":[1,2],\"retry\":0,\"use_cache\":false}"
#define WORKER                                                                         \
    "{\"worker_id\":3,\"name\":\"w\",\"status\":\"running\",\"concurrency\":2,"        \
    "\"creation_date\":\"d1\",\"last_contact_date\":\"d2\",\"batch\":\"B\","           \
    "\"memory\":31.5,\"permanent\":true}"
#define EXECUTION                                                                      \
    "{\"execution_id\":9,\"task_id\":7,\"worker_id\":3,\"status\":\"succeeded\","      \
    "\"return_code\":0,\"command\":\"echo a\",\"creation_date\":\"d\","                \
    "\"modification_date\":\"d\",\"latest\":true}"

static const struct rule rules[] = {
    {"GET", "/tasks/", "\"name\":\"none\"", 200, "[]"},
    {"GET", "/tasks/", "\"batch\":\"none\"", 200, "[]"},
    {"GET", "/tasks/", "\"batch\":\"rules\"", 200, "[]"},
    {"GET", "/tasks/", "\"after\":12", 200, "[]"},
    {"GET", "/tasks/", "\"after\":7", 200, "[]"},
    {"GET", "/tasks/", "\"after\":-", 500, "{\"message\":\"a negative key\"}"},
    {"GET", "/tasks/", "\"name\":\"twice\"", 200,
     "[{\"task_id\":7,\"name\":\"twice\",\"status\":\"failed\",\"batch\":\"B\"},"
     "{\"task_id\":12,\"name\":\"twice\",\"status\":\"failed\",\"batch\":\"B\"}]"},
    {"GET", "/tasks/", NULL, 200, "[" TASK "]"},
    {"GET", "/tasks/7", NULL, 200, TASK},
    {"GET", "/tasks/8", NULL, 200, "{\"task_id\":8,\"status\":\"pending\"}"},
    {"GET", "/tasks/12", NULL, 200, TASK},
    {"PUT", "/tasks/7", NULL, 200, TASK},
    {"PUT", "/tasks/8", NULL, 200, "{\"task_id\":8,\"status\":\"pending\"}"},
    {"PUT", "/tasks/12", NULL, 200, TASK},
    {"DELETE", "/tasks/7", NULL, 200, TASK},
    {"GET", "/tasks/7/why", NULL, 200,
     "{\"task_id\":7,\"reason\":\"failed\",\"sentence\":\"it failed\"}"},
    {"GET", "/workers/", "\"batch\":\"none\"", 200, "[]"},
    {"GET", "/workers/", "\"batch\":\"rules\"", 200, "[]"},
    {"GET", "/recruiter/", "\"batch\":\"rules\"", 200, "[{\"batch\":\"rules\"}]"},
    {"GET", "/recruiter/", NULL, 200, "[]"},
    {"DELETE", "/batch/rules", NULL, 200, "{\"result\":\"Ok\"}"},
    {"GET", "/workers/", "\"after\"", 200, "[]"},
    {"GET", "/workers/", NULL, 200, "[" WORKER "]"},
    {"PUT", "/workers/3", NULL, 200, WORKER},
    {"DELETE", "/workers/3", NULL, 200, WORKER},
    {"GET", "/batch/", NULL, 200,
     "[{\"batch\":\"B\",\"pending\":1,\"accepted\":null,\"running\":2,\"failed\":null,"
     "\"succeeded\":3,\"workers\":\"w,x\"}]"},
    {"PUT", "/batch/B/stop", NULL, 200, "{\"result\":\"Ok\"}"},
    {"PUT", "/batch/a%20b/stop", NULL, 200, "{\"result\":\"Ok\"}"},
    {"PUT", "/batch/B/go", NULL, 200, "{\"result\":\"Ok\"}"},
    {"DELETE", "/batch/B", NULL, 200, "{\"result\":\"Ok\"}"},
    {"GET", "/executions/", "\"after\"", 200, "[]"},
    {"GET", "/executions/", "\"task_id\":8", 200, "[]"},
    {"GET", "/executions/", "\"task_id\":99", 200, "[]"},
    {"GET", "/executions/", "\"task_id\":12", 200, "[{\"execution_id\":10}]"},
    {"GET", "/executions/10/log/stdout", NULL, 200, "the newest\n"},
    {"GET", "/executions/", NULL, 200, "[" EXECUTION "]"},
    {"GET", "/executions/9/log/stdout", NULL, 200, "out\n"},
    {"GET", "/executions/9/log/stderr", NULL, 200, "err\n"},
    {"GET", "/executions/9/log/stdout?follow=1", NULL, 200, "followed\n"},
    {"GET", "/executions/9/log/stderr?follow=1", NULL, 200, "followed err\n"},
    {"GET", "/events?kind=task&task_id=7", NULL, 200,
     "event: ready\nid: 0-1\ndata: {}\n\n"},
    {"GET", "/executions/9/output", NULL, 200, "{\"output\":\"out\\n\"}"},
    {"GET", "/flavor/", NULL, 200, "[]"},
    {0},
};

static struct standin *server;

/* Run a command line: its exit code; what it printed in *ret. */
static int manage_in(struct sq_cli *cli, const char *const *words, char **ret)
{
    size_t len, n = 0;
    char *argv[WORDS + 3] = {(char *)"-s", (char *)standin_address(server)};
    FILE *out = open_memstream(ret, &len);
    while (words[n]) {
        assert_true(n < WORDS);
        argv[n + 2] = (char *)words[n];
        n++;
    }
    sq_cli_init(cli, "scitq-manage", out);
    int code = sq_manage_run(cli, argv);
    fclose(out);
    return code;
}

static int manage(const char *const *words, char **ret)
{
    struct sq_cli cli;
    int code = manage_in(&cli, words, ret);
    sq_cli_fini(&cli);
    return code;
}

struct line {
    const char *words[WORDS];
    int code;
    const char *prints;
    const char *asks; /* ends what was asked; NULL: not looked at */
};

static void check(const struct line *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *text;
        int code = manage(rows[i].words, &text);
        if (code != rows[i].code || strcmp(text, rows[i].prints) != 0)
            fail_msg("%s %s (row %zu): exit %d, printed\n%s", rows[i].words[0],
                     rows[i].words[1], i, code, text);
        free(text);
        const char *log = standin_log(server);
        size_t len = rows[i].asks ? strlen(rows[i].asks) : 0;
        if (len > strlen(log) || (len && strcmp(log + strlen(log) - len, rows[i].asks)))
            fail_msg("row %zu: it asked\n%s", i, log);
    }
}

static void test_lists(void **state)
{
    static const struct line rows[] = {
        {{"task", "list"},
         0,
         "task_id  name  status  command  creation_date               "
         "modification_date  status_date  batch\n"
         "7        n     failed  echo a   2026-11-22T00:39:58.356026  -                "
         "  -            B\n",
         "\"limit\":2000,\"after\":7}\n"},
        {{"task", "list", "-H", "-S", "failed", "-b", "none"},
         0,
         "",
         "GET /tasks/ {\"status\":\"failed\",\"batch\":\"none\",\"fields\":\"task_id,"
         "name,status,command,creation_date,modification_date,status_date,batch\","
         "\"limit\":2000}\n"
         "GET /tasks/ {\"batch\":\"none\",\"limit\":1,\"fields\":\"task_id\"}\n"
         "GET /workers/ {\"batch\":\"none\",\"limit\":1,\"fields\":\"worker_id\"}\n"
         "GET /recruiter/ {\"batch\":\"none\",\"limit\":1,\"fields\":\"batch\"}\n"},
        {{"task", "list", "--json", "-b", "none"}, 0, "[]\n", NULL},
        {{"worker", "list", "-H"}, 0, "3  w  running  2  d1  d2  B\n", NULL},
        {{"worker", "list", "-HL"},
         0,
         "3  w  running  2  d1  d2  B  -  -  -  31.5  -  -  -  -  -  -  true  -\n",
         NULL},
        {{"batch", "list"},
         0,
         "batch  pending  accepted  running  failed  succeeded  workers\n"
         "B      1        -         2        -       3          w,x\n",
         "GET /batch/ {}\n"},
        {{"execution", "list", "-i", "7", "-l", "1"},
         0,
         "execution_id  task_id  worker_id  status     command  creation_date  "
         "modification_date  latest\n"
         "9             7        3          succeeded  echo a   d              d       "
         "           true\n",
         "\"reverse\":true,\"limit\":1}\n"},
        {{"execution", "list", "-HL", "-l", "1"},
         0,
         "9  7  3  succeeded  echo a  d  d  true  0  -  -  -  -\n",
         "GET /executions/ {\"trunc\":1000,\"fields\":\"execution_id,task_id,"
         "worker_id,status,command,creation_date,modification_date,latest,return_code,"
         "pid,output_files,output,error\",\"reverse\":true,\"limit\":1}\n"},
        {{"flavor", "list", "-H", "--min-ram", "7.5", "--min-disk", "8"},
         0,
         "",
         "GET /flavor/ {\"min_ram\":7.5,\"min_disk\":8.0}\n"},
    };
    (void)state;
    check(rows, SQ_LEN(rows));
}

static void test_json_lists_hold_whole_objects(void **state)
{
    static const char *const words[] = {"task", "list", "--json", NULL};
    char *text;
    (void)state;
    assert_int_equal(manage(words, &text), 0);
    json_t *list = json_loads(text, 0, NULL);
    assert_int_equal(json_array_size(list), 1);
    assert_non_null(json_object_get(json_array_get(list, 0), "required_task_ids"));
    json_decref(list);
    free(text);
}

static void test_changes(void **state)
{
    static const struct line rows[] = {
        {{"task", "relaunch", "-i", "7"},
         0,
         "Task 7 relaunched: failed\n",
         "PUT /tasks/7 {\"status\":\"waiting\"}\n"},
        {{"task", "relaunch", "-i", "8"},
         0,
         "Task 8 relaunched: pending\n",
         "PUT /tasks/8 {\"status\":\"pending\"}\n"},
        {{"task", "relaunch", "-n", "twice"},
         0,
         "Task 12 relaunched: failed\n",
         "PUT /tasks/12 {\"status\":\"waiting\"}\n"},
        {{"task", "delete", "-n", "x"}, 0, "Task 7 deleted\n", "DELETE /tasks/7 \n"},
        {{"task", "update", "-i", "7", "-N", "new", "-c", "true", "-d", "", "-j", "/a",
          "-j", "/b", "-R", "3,4", "--run-timeout", "5"},
         0,
         "Task 7 updated: failed\n",
         "PUT /tasks/7 {\"name\":\"new\",\"command\":\"true\",\"container\":null,"
         "\"input\":\"/a /b\",\"run_timeout\":5,\"required_task_ids\":[3,4]}\n"},
        {{"task", "update", "-i", "7", "--run-timeout", "", "--download-timeout="},
         0,
         "Task 7 updated: failed\n",
         "PUT /tasks/7 {\"run_timeout\":null,\"download_timeout\":null}\n"},
        {{"worker", "update", "-n", "w", "-S", "paused", "-C", "4"},
         0,
         "Worker 3 updated: running\n",
         "PUT /workers/3 {\"status\":\"paused\",\"concurrency\":4}\n"},
        {{"worker", "delete", "-i", "3"},
         0,
         "Worker 3 (w) deleted\n",
         "DELETE /workers/3 \n"},
        {{"batch", "stop", "-n", "B", "a b", "--kill"},
         0,
         "Batch B stopped\nBatch a b stopped\n",
         "PUT /batch/B/stop {\"signal\":9}\nPUT /batch/a%20b/stop {\"signal\":9}\n"},
        {{"batch", "stop", "-n", "B", "-N", "20"},
         0,
         "Batch B stopped\n",
         "PUT /batch/B/stop {\"signal\":20}\n"},
        {{"batch", "go", "-n", "B", "--cont"},
         0,
         "Batch B goes on\n",
         "PUT /batch/B/go {\"signal\":18}\n"},
        {{"batch", "delete", "-n", "B", "--json"},
         0,
         "{\n  \"B\": {\n    \"result\": \"Ok\"\n  }\n}\n",
         "DELETE /batch/B \n"},
        {{"batch", "delete", "-n", "rules"},
         0,
         "Batch rules deleted\n",
         "DELETE /batch/rules \n"},
        {{"task", "why", "-i", "7"}, 0, "Task 7: it failed\n", NULL},
        {{"task", "-i", "7", "why"}, 0, "Task 7: it failed\n", NULL},
        {{"task", "-n", "list", "why"}, 0, "Task 7: it failed\n", NULL},
        {{"worker", "-b", "none", "list", "-H"}, 0, "", NULL},
    };
    (void)state;
    check(rows, SQ_LEN(rows));
}

static void test_outputs(void **state)
{
    static const struct line rows[] = {
        {{"task", "output", "-i", "7"}, 0, "out\n", NULL},
        {{"task", "output", "-i", "7", "-o"}, 0, "out\n", NULL},
        {{"task", "output", "-i", "7", "-e"}, 0, "err\n", NULL},
        {{"task", "output", "-i", "7", "--follow"}, 1, "followed\n", NULL},
        {{"task", "output", "-i", "7", "-o", "--follow"}, 1, "followed\n", NULL},
        {{"task", "output", "-i", "7", "--follow", "--json"},
         1,
         "{\n  \"output\": \"out\\n\",\n  \"execution_id\": 9\n}\n",
         "GET /executions/9/output {\"output\":true,\"error\":true}\n"},
        {{"execution", "output", "-x", "9", "-H", "-o"}, 0, "out\n", NULL},
        {{"execution", "output", "-i", "7", "-C", "execution_id,status", "-e"},
         0,
         "execution_id  status\n9             succeeded\nerr\n",
         NULL},
        {{"execution", "output", "-n", "twice", "-H", "-o"}, 0, "the newest\n", NULL},
        {{"execution", "output", "-x", "9", "--json"},
         0,
         "{\n  \"output\": \"out\\n\",\n  \"execution_id\": 9\n}\n",
         "GET /executions/9/output {\"output\":true,\"error\":true}\n"},
        {{"execution", "output", "-x", "9", "--json", "-l", "1", "-e"},
         0,
         "[\n  {\n    \"output\": \"out\\n\",\n    \"execution_id\": 9\n  }\n]\n",
         "GET /executions/9/output {\"output\":false,\"error\":true}\n"},
    };
    (void)state;
    check(rows, SQ_LEN(rows));
}

static void test_trouble_is_exit_1(void **state)
{
    static const struct line rows[] = {
        {{"task", "relaunch", "-n", "none"}, 1, "", NULL},
        {{"task", "delete", "-n", "twice"}, 1, "", NULL},
        {{"task", "delete", "-i", "99"}, 1, "", NULL},
        {{"task", "output", "-i", "8"}, 1, "", NULL},
        {{"task", "output", "-i", "99"}, 1, "", NULL},
        {{"batch", "stop", "-n", "B", "none"}, 1, "", NULL},
        {{"execution", "output", "-i", "7", "-N", "-1"}, 1, "", NULL},
        {{"execution", "output", "-n", "none"},
         1,
         "",
         "\"fields\":\"task_id,name,status,creation_date,batch\",\"limit\":2000}\n"},
        {{"worker", "deploy", "-f", "x", "-r", "y", "-P", "z"}, 1, "", NULL},
    };
    (void)state;
    check(rows, SQ_LEN(rows));
    assert_null(strstr(standin_log(server), "DELETE /tasks/12"));
}

static void test_misuse_is_exit_2(void **state)
{
    static const char *const rows[][WORDS] = {
        {NULL},
        {"task"},
        {"tusk", "list"},
        {"task", "lost"},
        {"task", "list", "-S", "bogus"},
        {"task", "list", "word"},
        {"plugin", "check"},
        {"plugin", "check", "a", "b"},
        {"task", "list", "-H", "-H"},
        {"task", "relaunch"},
        {"task", "relaunch", "-i", "1", "-n", "x"},
        {"task", "relaunch", "-i", "one"},
        {"task", "update", "-i", "7"},
        {"task", "update", "-i", "7", "-R", "x"},
        {"task", "update", "-i", "7", "-o", "s3://"},
        {"task", "update", "-i", "7", "-o", "/a|untar"},
        {"task", "update", "-i", "7", "-j", "s3:/a"},
        {"task", "update", "-i", "7", "-d", "\xff"},
        {"task", "output", "-i", "7", "-o", "-e"},
        {"worker", "update", "-i", "3"},
        {"worker", "deploy", "-f", "x", "-r", "y"},
        {"worker", "list", "-C", "3"},
        {"batch", "stop"},
        {"batch", "stop", "-n", "B", "-N", "5"},
        {"batch", "stop", "-n", "B", "--kill", "--term"},
        {"batch", "go", "-n", "B", "-N", "9"},
        {"execution", "output", "-x", "9", "-C", "bogus"},
        {"execution", "output", "-x", "9", "-C", ","},
        {"execution", "output", "-x", "9", "-N", "1"},
        {"flavor", "list", "--min-ram", "much"},
        {"flavor", "list", "--min-ram", "1e3"},
        {"flavor", "list", "--min-ram", "-1"},
        {"flavor", "list", "--min-disk", "1."},
        {"flavor", "list", "--min-disk", ""},
        {"execution", "output", "-x", ""},
        {"-t", "0", "task", "list"},
        {"-s", "http://", "-s", "x", "task", "list"},
    };
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        char *text;
        int code = manage(rows[i], &text);
        if (code != 2 || *text)
            fail_msg("row %zu: exit %d: %s", i, code, text);
        free(text);
    }
}

static void test_a_server_that_is_down(void **state)
{
    char *words[] = {(char *)"-s", (char *)"127.0.0.1:1", (char *)"task",
                     (char *)"list", NULL};
    struct sq_cli cli;
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    (void)state;
    sq_cli_init(&cli, "scitq-manage", out);
    assert_int_equal(sq_manage_run(&cli, words), 1);
    sq_cli_fini(&cli);
    fclose(out);
    assert_int_equal(len, 0);
    free(text);
}

static void test_every_verb_has_help(void **state)
{
    (void)state;
    for (const struct sq_object *o = sq_objects; o->name; o++)
        for (size_t v = 0; o->verbs[v]; v++) {
            const char *name = o->verbs[v]->name;
            const char *words[] = {o->name, *name ? name : "--help",
                                   *name ? "--help" : NULL, NULL};
            char *text, option[40];
            assert_int_equal(manage(words, &text), 0);
            for (const struct sq_opt *p = o->verbs[v]->options; p->name; p++) {
                snprintf(option, sizeof option, "--%s", p->name);
                assert_non_null(strstr(text, option));
            }
            free(text);
        }
}

/* A value that option `o` accepts, in `text`. */
static const char *value_for(const struct sq_opt *o, char text[40])
{
    if (o->choices)
        snprintf(text, 40, "%.*s", (int)strcspn(o->choices, " "), o->choices);
    else if (o->kind == SQ_OPT_INT)
        snprintf(text, 40, "%lld", (long long)(o->min > 0 ? o->min : 0));
    else if (o->kind == SQ_OPT_REAL)
        strcpy(text, "1.5");
    else if (strcmp(o->name, "columns") == 0)
        strcpy(text, "status");
    else if (strcmp(o->name, "input") == 0 || strcmp(o->name, "output") == 0)
        strcpy(text, "/B");
    else
        strcpy(text, strcmp(o->name, "requirements") == 0 ? "1" : "B");
    return text;
}

/* Run a verb with every option, of each group the `pick`th, and remember in `used`
 * which were asked for.  False when no group has so many. */
static bool run_with_all(const struct sq_object *object, const struct sq_verb *verb,
                         int pick, bool *used)
{
    char values[WORDS][40], names[WORDS][40], *text;
    const char *words[WORDS] = {object->name, verb->name};
    int seen[8] = {0};
    size_t n = 2, i;
    bool picked = pick == 0;
    for (i = 0; verb->options[i].name; i++) {
        const struct sq_opt *o = &verb->options[i];
        if (o->group && seen[o->group]++ != pick)
            continue;
        picked |= o->group > 0;
        snprintf(names[i], sizeof names[i], "--%s", o->name);
        words[n++] = names[i];
        if (o->kind != SQ_OPT_FLAG)
            words[n++] = value_for(o, values[i]);
        assert_true(n < WORDS);
    }
    if (verb->word)
        words[n++] = "x";
    struct sq_cli cli;
    if (picked)
        manage_in(&cli, words, &text);
    for (i = 0; picked && verb->options[i].name; i++)
        used[i] |= cli.args.given[1][i].used;
    if (picked) {
        free(text);
        sq_cli_fini(&cli);
    }
    return picked;
}

static void test_every_option_is_read(void **state)
{
    (void)state;
    for (const struct sq_object *o = sq_objects; o->name; o++)
        for (size_t v = 0; o->verbs[v]; v++) {
            bool used[WORDS] = {0};
            if (strcmp(o->name, "db") == 0)
                continue; /* becomes another program */
            for (int pick = 0; run_with_all(o, o->verbs[v], pick, used); pick++)
                ;
            for (size_t i = 0; o->verbs[v]->options[i].name; i++)
                if (!used[i])
                    fail_msg("%s %s never looks at --%s", o->name, o->verbs[v]->name,
                             o->verbs[v]->options[i].name);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_json_lists_hold_whole_objects),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_trouble_is_exit_1),
        cmocka_unit_test(test_misuse_is_exit_2),
        cmocka_unit_test(test_a_server_that_is_down),
        cmocka_unit_test(test_every_verb_has_help),
        cmocka_unit_test(test_every_option_is_read),
    };
    return standin_run(tests, SQ_LEN(tests), rules, &server);
}
