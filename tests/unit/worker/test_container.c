/* The command lines of the engines, and what is made of their answers, word by word as
 * docker 20.10, docker 28 and podman 4.3 said it. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/container.h"
#include "worker/memo.h"

enum { ROOM = 1 << 20 };

/* Words joined by a character that none of them has. */
static const char *joined(char *const *words, struct sq_buf *out)
{
    sq_buf_clear(out);
    for (; words && *words; words++) {
        sq_buf_adds(out, *words);
        sq_buf_adds(out, words[1] ? "|" : "");
    }
    return out->len ? out->data : "";
}

#define LOCAL                                                                          \
    "--log-driver=local|--log-opt=max-size=1t|--log-opt=max-file=1|"                   \
    "--log-opt=compress=false|"
#define BEGIN(p)                                                                       \
    p "|create|--name=scitq-7-x|--label=scitq.worker=ab|--label=scitq.execution=7|"    \
      "--label=scitq.task=3|"
#define MOUNTS(d)                                                                      \
    "--mount|type=bind,source=" d "/input,target=/input|--mount|"                      \
    "type=bind,source=" d "/output,target=/output|--mount|"                            \
    "type=bind,source=" d "/resource,target=/resource,readonly|--mount|"               \
    "type=bind,source=" d "/tmp,target=/tmp|"
#define DATA "--mount|type=bind,source=/data,target=/data|"

static void test_create(void **state)
{
    static const struct {
        enum sq_runtime runtime;
        const char *dir, *image, *options, *command;
        bool init, data;
        const char *line; /* NULL: refused, with `why` */
        const char *why;
    } rows[] = {
        {SQ_DOCKER, "/w/1", "img", NULL, "sh -c 'a b'", true, false,
         BEGIN("/bin/docker") "--init|" LOCAL MOUNTS("/w/1") "-e|CPU=2|img|sh|-c|a b",
         NULL},
        {SQ_PODMAN, "/w/1", "img:1", NULL, "true", false, true,
         BEGIN("/bin/podman") "--log-driver=none|" MOUNTS("/w/1") DATA
         "-e|CPU=2|img:1|true",
         NULL},
        {SQ_DOCKER, "/w/1", "i", "-u 1:2 -e 'A=b c' --rm -d", "x --rm", false, false,
         BEGIN("/bin/docker") LOCAL MOUNTS("/w/1") "-e|CPU=2|-u|1:2|-e|A=b c|i|x|--rm",
         NULL},
        {SQ_DOCKER, "/w/1", "i", "--detach=true --rm=true --log-driver none", "x",
         false, false,
         BEGIN("/bin/docker") MOUNTS("/w/1") "-e|CPU=2|--log-driver|none|i|x", NULL},
        {SQ_DOCKER, "/w:1 x", "i", "", "x", false, false,
         BEGIN("/bin/docker") LOCAL MOUNTS("/w:1 x") "-e|CPU=2|i|x", NULL},
        {SQ_DOCKER, "/w", "i", "--rm=1 --detach=t --restart no -l a=scitq", "x", false,
         false,
         BEGIN("/bin/docker") LOCAL MOUNTS("/w") "-e|CPU=2|--restart|no|-l|a=scitq|i|x",
         NULL},
        {SQ_DOCKER, "/w", "i", "--restart=always", "x", false, false, NULL,
         "--restart would run the command again"},
        {SQ_DOCKER, "/w", "i", "--restart on-failure:2", "x", false, false, NULL,
         "--restart would run the command again"},
        {SQ_DOCKER, "/w", "i", "-l scitq.worker=x", "x", false, false, NULL,
         "labels that begin with scitq."},
        {SQ_DOCKER, "/w", "i", "--label=scitq.task=x", "x", false, false, NULL,
         "labels that begin with scitq."},
        {SQ_DOCKER, "/w", "", NULL, "x", false, false, NULL, "no name of an image"},
        {SQ_DOCKER, "/w", "-v/:/x", NULL, "x", false, false, NULL,
         "\"-v/:/x\" is no name of an image"},
        {SQ_DOCKER, "/w", "a b", NULL, "x", false, false, NULL, "no name of an image"},
        {SQ_DOCKER, "/w", "i", "-e 'A", "x", false, false, NULL,
         "the container's options: "},
        {SQ_DOCKER, "/w", "i", NULL, "x 'y", false, false, NULL, "never closed"},
        {SQ_DOCKER, "/w", "i", NULL, " ", false, false, NULL, "the command is empty"},
    };
    struct sq_arena arena;
    struct sq_buf text;
    struct sq_err err;
    sq_arena_init(&arena, ROOM);
    sq_buf_init(&text, ROOM);
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        const struct sq_container_spec s = {
            .runtime = rows[i].runtime,
            .program = rows[i].runtime == SQ_DOCKER ? "/bin/docker" : "/bin/podman",
            .image = rows[i].image,
            .options = rows[i].options,
            .command = rows[i].command,
            .dir = rows[i].dir,
            .name = "scitq-7-x",
            .worker = "ab",
            .execution_id = 7,
            .task_id = 3,
            .cpu = 2,
            .init = rows[i].init,
            .data = rows[i].data,
        };
        char **line = NULL;
        int rc = sq_container_create(&s, &arena, &line, &err);
        if (rows[i].line) {
            OK(err, rc);
            assert_string_equal(joined(line, &text), rows[i].line);
        } else {
            assert_int_equal(rc, SQ_EINVAL);
            assert_non_null(strstr(err.text, rows[i].why));
        }
    }
    sq_buf_fini(&text);
    sq_arena_fini(&arena);
}

/* A mount's fields are separated by commas: a path may hold some. */
static void test_a_path_with_commas(void **state)
{
    struct sq_arena arena;
    struct sq_buf text;
    struct sq_err err;
    char **line;
    const struct sq_container_spec s = {.program = "d",
                                        .image = "i",
                                        .command = "x",
                                        .dir = "/a,\"b",
                                        .name = "n",
                                        .worker = "w"};
    sq_arena_init(&arena, ROOM);
    sq_buf_init(&text, ROOM);
    OK(err, sq_container_create(&s, &arena, &line, &err));
    assert_non_null(strstr(joined(line, &text), "|type=bind,\"source=/a,\"\"b/input\","
                                                "target=/input|"));
    sq_buf_fini(&text);
    sq_arena_fini(&arena);
}

static void test_calls(void **state)
{
    static const struct {
        enum sq_runtime runtime;
        enum sq_container_verb verb;
        int signal;
        const char *line;
    } rows[] = {
        {SQ_DOCKER, SQ_CT_START, 0, "/p|start|--attach|ID"},
        {SQ_PODMAN, SQ_CT_START, 0, "/p|start|--attach|--sig-proxy=false|ID"},
        {SQ_PODMAN, SQ_CT_WAIT, 0, "/p|wait|ID"},
        {SQ_DOCKER, SQ_CT_KILL, 9, "/p|kill|--signal=9|ID"},
        {SQ_PODMAN, SQ_CT_KILL, 2, "/p|kill|--signal=2|ID"},
        {SQ_DOCKER, SQ_CT_STOP, 0, "/p|stop|ID"},
        {SQ_DOCKER, SQ_CT_PAUSE, 0, "/p|pause|ID"},
        {SQ_PODMAN, SQ_CT_RESUME, 0, "/p|unpause|ID"},
        {SQ_DOCKER, SQ_CT_REMOVE, 0, "/p|rm|--force|--volumes|ID"},
        {SQ_DOCKER, SQ_CT_LIST, 0,
         "/p|ps|--all|--no-trunc|--filter=label=scitq.worker=ID|"
         "--format={{.ID}} {{.Names}}"},
    };
    struct sq_arena arena;
    struct sq_buf text;
    sq_arena_init(&arena, ROOM);
    sq_buf_init(&text, ROOM);
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        const struct sq_container_call c = {.runtime = rows[i].runtime,
                                            .program = "/p",
                                            .verb = rows[i].verb,
                                            .id = "ID",
                                            .signal = rows[i].signal};
        assert_string_equal(joined(sq_container_line(&c, &arena), &text), rows[i].line);
    }
    const struct sq_container_call follow = {
        .program = "/p", .verb = SQ_CT_FOLLOW, .id = "ID", .have = {10, 0}};
    char **line = sq_container_line(&follow, &arena);
    assert_string_equal(line[0], "/bin/sh");
    assert_string_equal(joined(line + 3, &text), "follow|11|1|/p|logs|--follow|ID");
    sq_arena_fini(&arena);
    /* What does not fit into memory is no shorter line. */
    sq_arena_init(&arena, 64);
    assert_null(sq_container_line(&follow, &arena));
    sq_arena_fini(&arena);
    sq_buf_fini(&text);
}

static void test_states(void **state)
{
    static const struct {
        const char *text;
        bool good;
        struct sq_container_state want;
    } rows[] = {
        {"exited 7 false local \n", true, {SQ_CT_ENDED, 7, false, true, ""}},
        {"exited 137 true json-file \n", true, {SQ_CT_ENDED, 137, true, false, ""}},
        {"running 0 false local \n", true, {SQ_CT_ALIVE, 0, false, true, ""}},
        {"paused 0 false k8s-file \n", true, {SQ_CT_ALIVE, 0, false, false, ""}},
        {"configured 0 false none \n", true, {SQ_CT_MADE, 0, false, false, ""}},
        {"created 127 false local OCI runtime:\n exec: \"x\": unknown\n",
         true,
         {SQ_CT_MADE, 127, false, true, "OCI runtime:  exec: \"x\": unknown"}},
        {"", false, {0}},
        {"[]\n", false, {0}},
        {"exited x false local\n", false, {0}},
        {"happy 0 false local\n", false, {0}},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_container_state s = {0};
        assert_int_equal(sq_container_parse(rows[i].text, &s), rows[i].good);
        assert_int_equal(s.phase, rows[i].want.phase);
        assert_int_equal(s.exit_code, rows[i].want.exit_code);
        assert_int_equal(s.oom, rows[i].want.oom);
        assert_int_equal(s.logged, rows[i].want.logged);
        assert_string_equal(s.error, rows[i].want.error);
    }
}

static void test_ids(void **state)
{
    char id[SQ_CT_ID];
    int64_t execution_id = 0;
    assert_true(sq_container_parse_id("0123456789abcdef\n", id));
    assert_string_equal(id, "0123456789abcdef");
    assert_true(sq_container_parse_id("a warning\nfeedfeedfeed\n\n", id));
    assert_string_equal(id, "feedfeedfeed");
    assert_false(sq_container_parse_id("", id));
    assert_false(sq_container_parse_id("feedfeedfeed x\n", id));
    assert_false(sq_container_parse_id("feed\n", id));
    assert_true(
        sq_container_parse_listed("feedfeedfeed scitq-12-ab-cd\nx", id, &execution_id));
    assert_int_equal(execution_id, 12);
    assert_true(sq_container_parse_listed("feedfeedfeed mine", id, &execution_id));
    assert_int_equal(execution_id, -1);
    assert_false(sq_container_parse_listed("", id, &execution_id));
}

static void test_complaints(void **state)
{
    static const struct {
        const char *error;
        enum sq_container_complaint complaint;
        const char *sentence;
    } rows[] = {
        {"Unable to find image 'img' locally\nError response from daemon: pull access "
         "denied for img\n",
         SQ_CT_IMAGE,
         "docker has no image img and cannot get it: pull access denied "
         "for img"},
        {"Error: initializing source docker://img: reading manifest\n", SQ_CT_IMAGE,
         "docker has no image img and cannot get it: initializing source"},
        {"unknown flag: --bad\nSee 'docker create --help'.\n", SQ_CT_OPTIONS,
         "docker refuses the container's options: unknown flag: --bad"},
        {"unknown flag: --bad\n\nUsage:  docker create [OPTIONS] IMAGE\n\nRun 'docker "
         "create --help' for more information\n",
         SQ_CT_OPTIONS, "docker refuses the container's options: unknown flag: --bad"},
        {"Cannot connect to the Docker daemon at unix:///x. Is the docker daemon "
         "running?\n",
         SQ_CT_DOWN, "docker does not answer; is its service running? Cannot connect"},
        {"Error response from daemon: failed to create task: exec: \"x\": executable "
         "file not found in $PATH: unknown\nError: failed to start containers: 12\n",
         SQ_CT_COMMAND,
         "the command cannot be run in the image img: failed to create task: exec: "},
        {"Error response from daemon: Minimum memory limit allowed is 6MB\n",
         SQ_CT_OTHER,
         "docker cannot run a container of img: Minimum memory limit allowed is 6MB"},
        {"", SQ_CT_OTHER, "docker cannot run a container of img: it does not say why"},
        {"Error: inspecting object: no such container 12\n", SQ_CT_ABSENT, NULL},
        {"Error: No such object: 12\n", SQ_CT_ABSENT, NULL},
        {"Error response from daemon: Cannot kill container: 12: Container 12 is not "
         "running\n",
         SQ_CT_IDLE, NULL},
        {"Error: \"12\" is not running, can't pause: container state improper\n",
         SQ_CT_IDLE, NULL},
    };
    char text[800];
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        assert_int_equal(sq_container_complaint(rows[i].error), rows[i].complaint);
        sq_container_explain(SQ_DOCKER, "img", rows[i].error, text, sizeof text);
        if (rows[i].sentence)
            assert_memory_equal(text, rows[i].sentence, strlen(rows[i].sentence));
    }
}

static void test_ends_of_the_error_stream(void **state)
{
    static const struct {
        const char *end;
        int code;
        const char *why;
        size_t foreign;
    } rows[] = {
        {"", 0, "", 0},
        {"a\nb\n", 0, "", 0},
        {"x\n[FATAL tini (7)] exec foo: bar failed: No such file or directory\n", 127,
         "No such file or directory", 0},
        {"[FATAL tini (6)] exec /bin failed: Permission denied\n", 126,
         "Permission denied", 0},
        {"ERROR (catatonit:6): failed to exec pid1: No such file or directory\n", 127,
         "No such file or directory", 0},
        {"[FATAL tini (7)] exec foo failed: No such file or directory\nmore\n", 0, "",
         0},
        {"b\nunexpected EOF\n", 0, "", 15},
        {"half a lineunexpected EOF\n", 0, "", 15},
        {"unexpected EOF\nmore\n", 0, "", 0},
        {"b\ntime=\"1\" level=error msg=\"error waiting for container: x\"\n", 0, "",
         58},
        {"b\ntime=\"1\" of the task's own\n", 0, "", 0},
    };
    char why[100];
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        why[0] = 0;
        assert_int_equal(sq_container_init_failed(rows[i].end, why, sizeof why),
                         rows[i].code);
        assert_string_equal(why, rows[i].why);
        assert_int_equal(sq_container_client_words(rows[i].end), rows[i].foreign);
    }
}

static void test_where_the_program_is(void **state)
{
    char dir[] = "/tmp/scitq-ctXXXXXX", path[100], file[100];
    struct sq_arena arena;
    struct sq_err err;
    const char *found;
    enum sq_runtime r;
    assert_true(sq_runtime_parse("podman", &r) && r == SQ_PODMAN);
    assert_false(sq_runtime_parse("Docker", &r));
    assert_non_null(mkdtemp(dir));
    sq_arena_init(&arena, ROOM);
    assert_false(sq_container_has_data(dir));
    assert_false(sq_container_has_data("/no/such/folder"));
    snprintf(file, sizeof file, "%s/data", dir);
    assert_int_equal(symlink("/nowhere", file), 0);
    assert_true(sq_container_has_data(dir));
    unlink(file);
    snprintf(path, sizeof path, ":./x:/no/such:%s", dir);
    assert_int_equal(sq_runtime_find(SQ_DOCKER, path, &arena, &found, &err), SQ_ENOENT);
    assert_string_equal(err.text, "there is no docker in the PATH");
    snprintf(file, sizeof file, "%s/docker", dir);
    assert_int_equal(symlink("/bin/true", file), 0);
    OK(err, sq_runtime_find(SQ_DOCKER, path, &arena, &found, &err));
    assert_string_equal(found, file);
    unlink(file);
    rmdir(dir);
    sq_arena_fini(&arena);
}

static void test_memo(void **state)
{
    static const struct sq_memo rows[] = {
        {.command = "echo \"a\nb\""},
        {.command = "\001 odd"},
        {.command = "x", .container = "img"},
        {.command = "x 'y'",
         .container = "img",
         .container_options = "-e \"A=é\"",
         .runtime = "podman",
         .container_id = "feed"},
    };
    struct sq_arena arena;
    struct sq_buf text;
    struct sq_err err;
    sq_arena_init(&arena, ROOM);
    sq_buf_init(&text, ROOM);
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        const char *const want[] = {rows[i].command, rows[i].container,
                                    rows[i].container_options, rows[i].runtime,
                                    rows[i].container_id};
        struct sq_memo m;
        sq_buf_clear(&text);
        sq_memo_write(&rows[i], &text);
        OK(err, sq_memo_read(text.data, &arena, &m, &err));
        const char *const got[] = {m.command, m.container, m.container_options,
                                   m.runtime, m.container_id};
        for (size_t k = 0; k < SQ_LEN(want); k++)
            if (want[k])
                assert_string_equal(got[k], want[k]);
            else
                assert_null(got[k]);
        assert_int_equal(i == 0, strcmp(text.data, rows[i].command) == 0);
    }
    struct sq_memo m;
    assert_int_equal(sq_memo_read("\001{\"container\":\"x\"}", &arena, &m, &err),
                     SQ_EINVAL);
    assert_int_equal(sq_memo_read("\001{", &arena, &m, &err), SQ_EINVAL);
    sq_buf_fini(&text);
    sq_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_a_path_with_commas),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_complaints),
        cmocka_unit_test(test_ends_of_the_error_stream),
        cmocka_unit_test(test_where_the_program_is),
        cmocka_unit_test(test_memo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
