/* Output: appended in any pieces, read back by byte and by character as a decoder of
 * the whole would have it, tails, 1.3's text. */
#include "tests/contract/domain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/log.h"
#include "lib/utf8.h"

/* Text of one, two, three and four bytes, NUL, a lone continuation, a cut sequence. */
static const char SAMPLE[] = "plain\n\xc3\xa9t\xc3\xa9 \xe2\x82\xac \0\xf0\x9f\x98\x80 "
                             "\x80 \xe2\x82 end \xff";

static void sample(struct sq_buf *out, size_t times)
{
    for (size_t i = 0; i < times; i++)
        sq_buf_add(out, SAMPLE, sizeof SAMPLE - 1);
}

static int append(struct contract *c, const struct sq_log_chunk *chunks, size_t n)
{
    struct sq_err err = {0};
    contract_begin(c);
    int code = sq_log_append(&c->tx, chunks, n, &err);
    if (code)
        sq_db_rollback(c->db);
    else
        contract_commit(c);
    return code;
}

/* To the standard output, at its end. */
static void append_all(struct contract *c, int64_t e, const struct sq_buf *all)
{
    struct sq_log_chunk chunk = {.execution_id = e,
                                 .stream = SQ_STDOUT,
                                 .start = SQ_NULL,
                                 .data = all->data,
                                 .len = all->len};
    assert_int_equal(append(c, &chunk, 1), 0);
}

static int64_t running(struct contract *c)
{
    int64_t e = assign(c, make_task(c, NULL, 0), make_worker(c, "w"));
    assert_int_equal(step(c, e, SQ_EXEC_RUNNING), 0);
    return e;
}

static void assert_bytes(struct contract *c, int64_t e, const struct sq_buf *want,
                         int64_t start, size_t max)
{
    struct sq_err err = {0};
    SQ_CLEANUP(sq_buf_fini) struct sq_buf got;
    sq_buf_init(&got, 100 << 20);
    OK(err, sq_log_read(c->db, e, SQ_STDOUT, start, max, &got, &err));
    size_t left = (size_t)start < want->len ? want->len - (size_t)start : 0;
    assert_int_equal(got.len, left < max ? left : max);
    if (got.len)
        assert_memory_equal(got.data, want->data + start, got.len);
}

/* Everything as text, page by page of about `max` bytes from character `from`. */
static void read_text(struct contract *c, int64_t e, int64_t from, size_t max,
                      struct sq_buf *out)
{
    struct sq_err err = {0};
    do {
        int64_t next;
        OK(err, sq_log_text(c->db, e, SQ_STDOUT, from, max, out, &next, &err));
        assert_true(next == SQ_NULL || next > from);
        from = next;
    } while (from != SQ_NULL);
}

static void decode(const struct sq_buf *bytes, int64_t from, struct sq_buf *out)
{
    struct sq_utf8 u = {0};
    sq_utf8_feed(&u, bytes->data, bytes->len, out, &from);
    sq_utf8_finish(&u, out, &from);
}

static void assert_text(struct contract *c, int64_t e, const struct sq_buf *bytes,
                        int64_t from, size_t max)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf want, got;
    sq_buf_init(&want, 100 << 20);
    sq_buf_init(&got, 100 << 20);
    decode(bytes, from, &want);
    read_text(c, e, from, max, &got);
    assert_int_equal(got.len, want.len);
    if (want.len)
        assert_memory_equal(got.data, want.data, want.len);
}

static void test_pieces_are_one_stream(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t e = running(c), size;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf all;
    sq_buf_init(&all, 1 << 20);
    sample(&all, 20);
    size_t at = 0;
    for (size_t piece = 1; at < all.len; piece = piece % 7 + 1) {
        size_t some = all.len - at < piece ? all.len - at : piece;
        struct sq_log_chunk two[] = {{.execution_id = e,
                                      .stream = SQ_STDOUT,
                                      .start = (int64_t)at,
                                      .data = all.data + at,
                                      .len = some},
                                     {.execution_id = e,
                                      .stream = SQ_STDERR,
                                      .start = SQ_NULL,
                                      .data = "e",
                                      .len = 1}};
        assert_int_equal(append(c, two, 2), 0);
        at += some;
    }
    OK(err, sq_log_size(c->db, e, SQ_STDOUT, &size, &err));
    assert_int_equal(size, all.len);
    step(c, e, SQ_EXEC_FAILED); /* the cut sequence at the end is final now */
    for (int64_t start = 0; start < (int64_t)all.len + 3; start += 41)
        for (size_t max = 1; max < 2000; max *= 7)
            assert_bytes(c, e, &all, start, max);
    for (int64_t from = 0; from < (int64_t)all.len; from += 23)
        assert_text(c, e, &all, from, 100);
    assert_text(c, e, &all, 0, 1);
}

static void test_repeats_are_skipped_and_gaps_refused(void **state)
{
    struct contract *c = *state;
    int64_t e = running(c);
    SQ_CLEANUP(sq_buf_fini) struct sq_buf want;
    sq_buf_init(&want, 1000);
    sq_buf_adds(&want, "hello world");
    struct sq_log_chunk chunk = {
        .execution_id = e, .stream = SQ_STDOUT, .start = 0, .data = "hello", .len = 5};
    assert_int_equal(append(c, &chunk, 1), 0);
    assert_int_equal(append(c, &chunk, 1), 0);
    chunk.start = 3;
    chunk.data = "lo world";
    chunk.len = 8;
    assert_int_equal(append(c, &chunk, 1), 0);
    assert_bytes(c, e, &want, 0, 100);
    chunk.start = 12;
    assert_int_equal(append(c, &chunk, 1), SQ_EPROTO);
    assert_bytes(c, e, &want, 0, 100);
    chunk.execution_id = 99; /* gone: nothing */
    assert_int_equal(append(c, &chunk, 1), 0);
    chunk.execution_id = e;
    chunk.owner = 77; /* not this worker's */
    chunk.start = SQ_NULL;
    assert_int_equal(append(c, &chunk, 1), 0);
    assert_bytes(c, e, &want, 0, 100);
}

static void test_large_output_is_cut_into_rows(void **state)
{
    struct contract *c = *state;
    int64_t e = running(c);
    SQ_CLEANUP(sq_buf_fini) struct sq_buf all;
    sq_buf_init(&all, 10 << 20);
    sample(&all, 60000); /* 2 MB */
    append_all(c, e, &all);
    assert_int_equal(contract_int(c->db, "select count(*) from execution_log"),
                     (all.len + SQ_LOG_CHUNK_MAX - 1) / SQ_LOG_CHUNK_MAX);
    step(c, e, SQ_EXEC_SUCCEEDED);
    assert_bytes(c, e, &all, 0, 10 << 20);
    assert_bytes(c, e, &all, 700001, 300000);
    assert_text(c, e, &all, 0, 50000);
    assert_text(c, e, &all, 1000003, 1 << 20);
}

static void test_tails(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t e = running(c), quiet = running(c);
    SQ_CLEANUP(sq_buf_fini) struct sq_buf all, got;
    sq_buf_init(&all, 1 << 20);
    sq_buf_init(&got, 1 << 20);
    for (int i = 0; i < 100000; i++)
        sq_buf_adds(&all, "\xe2\x82\xac");
    append_all(c, e, &all);
    step(c, e, SQ_EXEC_SUCCEEDED);
    step(c, quiet, SQ_EXEC_SUCCEEDED);
    struct sq_execution done = execution_of(c, e);
    assert_int_equal(strlen(done.output), SQ_LOG_TAIL / 3 * 3);
    assert_memory_equal(done.output, "\xe2\x82\xac", 3);
    assert_null(done.error);
    assert_null(execution_of(c, quiet).output);
    OK(err, sq_log_text_tail(c->db, e, SQ_STDOUT, 2, &got, &err));
    assert_string_equal(got.data, "\xe2\x82\xac\xe2\x82\xac");
    sq_buf_clear(&all);
    sq_buf_adds(&all, "late");
    append_all(c, e, &all); /* 1.3's workers may */
    done = execution_of(c, e);
    assert_string_equal(done.output + strlen(done.output) - 4, "late");
}

static void test_an_unfinished_sequence_waits(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t e = running(c), next = 0;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf got;
    sq_buf_init(&got, 1000);
    struct sq_log_chunk chunk = {.execution_id = e,
                                 .stream = SQ_STDOUT,
                                 .start = SQ_NULL,
                                 .data = "a\xe2\x82",
                                 .len = 3};
    assert_int_equal(append(c, &chunk, 1), 0);
    OK(err, sq_log_text(c->db, e, SQ_STDOUT, 0, 100, &got, &next, &err));
    assert_string_equal(got.data, "a");
    assert_true(next == SQ_NULL);
    chunk.data = "\xac!";
    chunk.len = 2;
    assert_int_equal(append(c, &chunk, 1), 0);
    sq_buf_clear(&got);
    OK(err, sq_log_text(c->db, e, SQ_STDOUT, 1, 100, &got, &next, &err));
    assert_string_equal(got.data, "\xe2\x82\xac!");
}

static void test_text_of_1_3(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t e = running(c), size, next;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf old, got;
    sq_buf_init(&old, 1000);
    sq_buf_init(&got, 1000);
    sq_buf_adds(&old, "\xc3\xa9t\xc3\xa9");
    OK(err, sq_log_size(c->db, e, SQ_STDOUT, &size, &err));
    assert_int_equal(size, 0);
    contract_sql(c->db, "update execution set output = '\xc3\xa9t\xc3\xa9'");
    OK(err, sq_log_size(c->db, e, SQ_STDOUT, &size, &err));
    assert_int_equal(size, 5);
    assert_bytes(c, e, &old, 0, 100);
    assert_bytes(c, e, &old, 2, 2);
    assert_text(c, e, &old, 1, 4);
    OK(err, sq_log_text_tail(c->db, e, SQ_STDOUT, 2, &got, &err));
    assert_string_equal(got.data, "t\xc3\xa9");
    struct sq_log_chunk chunk = {.execution_id = e,
                                 .stream = SQ_STDOUT,
                                 .start = SQ_NULL,
                                 .data = "!",
                                 .len = 1};
    assert_int_equal(append(c, &chunk, 1), 0); /* goes after it */
    sq_buf_adds(&old, "!");
    assert_bytes(c, e, &old, 0, 100);
    sq_buf_clear(&got);
    OK(err, sq_log_text(c->db, e, SQ_STDERR, 0, 100, &got, &next, &err));
    assert_int_equal(got.len, 0);
    assert_true(next == SQ_NULL);
}

static void test_put_output_replaces_the_log(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t e = running(c);
    SQ_CLEANUP(sq_buf_fini) struct sq_buf want;
    sq_buf_init(&want, 1000);
    sq_buf_adds(&want, "new");
    struct sq_log_chunk chunk = {.execution_id = e,
                                 .stream = SQ_STDOUT,
                                 .start = SQ_NULL,
                                 .data = "old text",
                                 .len = 8};
    assert_int_equal(append(c, &chunk, 1), 0);
    struct sq_execution ret, values = {.output = (char[]){"new"}};
    contract_begin(c);
    OK(err,
       sq_execution_update(&c->tx, e, &values, SQ_BIT(SQ_EXEC_F_OUTPUT), &ret, &err));
    contract_commit(c);
    assert_bytes(c, e, &want, 0, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_are_one_stream),
        cmocka_unit_test(test_repeats_are_skipped_and_gaps_refused),
        cmocka_unit_test(test_large_output_is_cut_into_rows),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_an_unfinished_sequence_waits),
        cmocka_unit_test(test_text_of_1_3),
        cmocka_unit_test(test_put_output_replaces_the_log),
    };
    return contract_main(tests, SQ_LEN(tests));
}
