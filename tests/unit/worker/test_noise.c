/* Everything that reads what others wrote is fed damaged texts: a seed with bytes
 * changed, cut, doubled, spliced.  What is asserted is little: no crash (a sanitized
 * build sees more), an answer, and files that can be opened again after.  The sequence
 * is the same at every run; SCITQ_TEST_LONG=1: a hundred times more of it. */
#include "tests/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/http/lift.h"
#include "lib/conf.h"
#include "lib/jsonio.h"
#include "lib/log.h"
#include "lib/uri.h"
#include "lib/words.h"
#include "tests/unit/lib/damage.h"
#include "tests/unit/lib/scratch.h"
#include "worker/message.h"
#include "worker/spool.h"
#include "worker/supervisor/journal.h"
#include "worker/supervisor/proto.h"

enum { TEXT_MAX = DAMAGE_MAX, ROUNDS = 2000, FILE_ROUNDS = 200 };

static struct rng rng = {1};

static int count_element(void *arg, int64_t index, const char *text, size_t len,
                         struct sq_err *err)
{
    json_t *json = NULL;
    (void)arg;
    (void)index;
    int code = sq_json_parse(text, len, &json, err);
    json_decref(json);
    return code;
}

static void read_array(const char *text, size_t len)
{
    struct sq_json_split s;
    struct sq_err err;
    sq_json_split_init(&s, "array", 1000);
    size_t half = len / 2;
    if (sq_json_split_feed(&s, text, half, count_element, NULL, &err) == 0 &&
        sq_json_split_feed(&s, text + half, len - half, count_element, NULL, &err) == 0)
        sq_json_split_end(&s, &err);
    sq_json_split_fini(&s);
}

static void read_lifted(const char *text, size_t len, struct sq_arena *arena)
{
    struct sq_buf out;
    struct sq_lifted lifted;
    struct sq_err err;
    sq_buf_init(&out, 2 * TEXT_MAX);
    assert_int_equal(sq_lift("data", text, len, arena, &out, &lifted, &err), 0);
    for (size_t i = 0; i < lifted.n; i++)
        assert_true(lifted.texts[i].text >= text &&
                    lifted.texts[i].text + lifted.texts[i].len <= text + len);
    sq_buf_fini(&out);
}

static void read_text(const char *text, size_t len)
{
    struct sq_arena arena;
    struct sq_err err;
    struct sq_uri uri;
    struct sq_answer answer;
    char **words;
    size_t n;
    sq_arena_init(&arena, 1 << 20);
    sq_words_split(text, &arena, &words, &n, &err);
    sq_uri_parse(text, &arena, &uri, &err);
    sq_uri_check_list(text, 0, &err);
    sq_answer_parse(text, len, &arena, &answer, &err);
    sq_answer_message(text, len, &arena);
    read_lifted(text, len, &arena);
    read_array(text, len);
    sq_arena_fini(&arena);
}

static void test_texts(void **state)
{
    static const char *const seeds[] = {
        "sh -c 'echo \"a\\\\ b\" $X' \"q\\\"q\" plain\\ word ''",
        "s3@opt@two://bucket/key/deep%20name|untar|mv:folder",
        "file:///a/b http://h:1/x|gunzip run+fastq@sra@filter_r1://ERR1",
        "{\"acked\":45,\"worker\":{\"worker_id\":3,\"concurrency\":8,\"permanent\":"
        "true},"
        "\"executions\":[{\"execution_id\":9,\"task\":{\"task_id\":4,\"command\":\"x\"}"
        "}],"
        "\"signals\":[{\"signal_id\":4,\"execution_id\":8,\"signal\":15}],"
        "\"withdrawn\":[8],\"settings\":{\"poll_s\":10}}",
        "[{\"command\":\"a\",\"required_task_ids\":[\"#0\",1]}, [[]], "
        "\"\\ud83d\\ude00\", "
        "1e5, null]",
        "{\"records\":[{\"seq\":1,\"data\":\"aGVs\"},{\"data\" : "
        "\"\",\"x\":\"data\"}]}",
    };
    (void)state;
    for (size_t i = 0; i < SQ_LEN(seeds); i++)
        for (int k = damage_rounds(ROUNDS); k; k--) {
            size_t len;
            char *text = damage_copy(&rng, seeds[i], strlen(seeds[i]), &len);
            read_text(text, len);
            free(text);
        }
}

static void test_frames(void **state)
{
    struct sq_buf whole;
    struct sq_frame_signal req = {7, 15};
    (void)state;
    sq_buf_init(&whole, TEXT_MAX);
    for (int i = 0; i < 3; i++)
        sq_frame_add(&whole, SQ_FRAME_SIGNAL, &req, sizeof req, "text");
    for (int k = damage_rounds(ROUNDS); k; k--) {
        size_t at = 0;
        struct sq_frame f;
        struct sq_buf in = {.max_bytes = TEXT_MAX};
        in.data = damage_copy(&rng, whole.data, whole.len, &in.len);
        in.cap = in.len + 1;
        while (sq_frame_next(&in, &at, &f) > 0) {
            assert_true(f.data >= in.data && f.data + f.len <= in.data + in.len);
            sq_frame_fixed(&f, &req, sizeof req);
        }
        free(in.data);
    }
    sq_buf_fini(&whole);
}

/* Files: each damaged one is read, written to, and read again. */

static void read_settings(const char *path)
{
    static const struct sq_conf_key keys[] = {
        {.name = "NAME", .kind = SQ_CONF_TEXT, .help = "x"}, {.name = NULL}};
    struct sq_conf *conf = NULL;
    struct sq_err err;
    if (sq_conf_load(keys, path, NULL, NULL, &conf, &err) == 0)
        sq_conf_free(conf);
}

static void test_settings(void **state)
{
    static const char seed[] = "# c\nNAME=\"a \\\" b\" # c\nexport NAME='x'\nOTHER=1\n";
    struct scratch *s = *state;
    for (int k = damage_rounds(FILE_ROUNDS); k; k--) {
        size_t len;
        char *text = damage_copy(&rng, seed, sizeof seed - 1, &len);
        read_settings(scratch_write(s, "conf", text, len));
        free(text);
    }
}

static size_t make_spool(const char *path, char text[TEXT_MAX])
{
    struct sq_spool spool;
    struct sq_err err;
    OK(err, sq_spool_open(&spool, path, &err));
    for (int i = 0; i < 12; i++) {
        struct sq_record r = {.execution_id = i % 3 + 1,
                              .kind = (enum sq_record_kind)(i % 3),
                              .stream = SQ_STDOUT,
                              .length = i,
                              .text = i % 3 ? "a note" : NULL};
        OK(err, sq_spool_add(&spool, &r, &err));
    }
    sq_spool_commit(&spool);
    sq_spool_close(&spool);
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, TEXT_MAX / 2);
    close(fd);
    assert_true(n > 0);
    return (size_t)n;
}

static void test_spools(void **state)
{
    struct scratch *s = *state;
    char seed[TEXT_MAX];
    const char *path = scratch_path(s, "spool");
    size_t seed_len = make_spool(path, seed), len;
    for (int k = damage_rounds(FILE_ROUNDS); k; k--) {
        struct sq_spool spool;
        struct sq_err err;
        struct sq_record r = {.execution_id = 77, .kind = SQ_RECORD_STATUS};
        char *text = damage_copy(&rng, seed, seed_len, &len);
        write_file(path, text, len);
        free(text);
        OK(err, sq_spool_open(&spool, path, &err));
        OK(err, sq_spool_add(&spool, &r, &err));
        sq_spool_commit(&spool);
        sq_spool_close(&spool);
        OK(err, sq_spool_open(&spool, path, &err));
        assert_true(spool.n > 0 && spool.records[spool.n - 1].execution_id == 77);
        sq_spool_close(&spool);
    }
}

static void last_id(void *arg, const struct sq_frame_event *exit, off_t at)
{
    (void)at;
    *(int64_t *)arg = exit->id;
}

static void test_journals(void **state)
{
    struct scratch *s = *state;
    struct sq_journal j;
    struct sq_err err;
    char seed[TEXT_MAX];
    int64_t id;
    off_t at;
    const char *path = scratch_path(s, "journal");
    for (id = 1; id < 6; id++) {
        OK(err, sq_journal_open(&j, AT_FDCWD, path, last_id, &(int64_t){0}, &err));
        OK(err, sq_journal_append(&j, &(struct sq_frame_event){.id = id}, &at, &err));
        sq_journal_close(&j);
    }
    int fd = open(path, O_RDONLY);
    size_t len, seed_len = (size_t)read(fd, seed, TEXT_MAX / 2);
    close(fd);
    for (int k = damage_rounds(FILE_ROUNDS); k; k--) {
        char *text = damage_copy(&rng, seed, seed_len, &len);
        write_file(path, text, len);
        free(text);
        OK(err, sq_journal_open(&j, AT_FDCWD, path, last_id, &id, &err));
        OK(err, sq_journal_append(&j, &(struct sq_frame_event){.id = 77}, &at, &err));
        sq_journal_close(&j);
        OK(err, sq_journal_open(&j, AT_FDCWD, path, last_id, &id, &err));
        assert_int_equal(id, 77);
        sq_journal_close(&j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_frames),
        cmocka_unit_test_setup_teardown(test_settings, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_spools, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_journals, scratch_setup, scratch_teardown),
    };
    /* Every damaged file is worth a warning, which nobody reads here. */
    sq_log_open(&(struct sq_log_conf){.level = SQ_LOG_ERROR}, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
