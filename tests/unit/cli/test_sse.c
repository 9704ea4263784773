/* Server-Sent Events as they come: cut anywhere, ended badly, too long. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/sse.h"

/* What was heard, an event a line: "name|data|id so far". */
struct heard {
    struct sq_sse sse;
    struct sq_buf text;
    int fail_at; /* the event that is not taken; 0: none */
    int n;
};

static int hear(void *arg, const struct sq_sse_event *e, struct sq_err *err)
{
    struct heard *h = arg;
    if (++h->n == h->fail_at)
        return sq_fail(err, SQ_EIO, "no more");
    sq_buf_addf(&h->text, "%s|%.60s|%s\n", e->name, e->data, h->sse.id);
    return 0;
}

static void begin(struct heard *h)
{
    memset(h, 0, sizeof *h);
    sq_sse_init(&h->sse, hear, h);
    sq_buf_init(&h->text, 100000);
    sq_buf_adds(&h->text, "");
}

static void end(struct heard *h)
{
    sq_sse_fini(&h->sse);
    sq_buf_fini(&h->text);
}

static const struct {
    const char *what, *text, *heard, *id;
} rows[] = {
    {"one", "event: task\nid: a-1\ndata: {\"task_id\":5}\n\n",
     "task|{\"task_id\":5}|a-1\n", "a-1"},
    {"two, the second without its own id", "event: x\nid: 1\ndata: a\n\ndata: b\n\n",
     "x|a|1\nmessage|b|1\n", "1"},
    {"an id alone", ":\nid: 7\n\n", "", "7"},
    {"lines of data", "data: a\ndata:b\ndata:  c\ndata\n\n", "message|a\nb\n c\n|\n",
     ""},
    {"CRLF", "event: x\r\nid: 2\r\ndata: a\r\n\r\n", "x|a|2\n", "2"},
    {"comments and what nobody knows", ": hello\nretry: 5\nwhat: 6\nwhat\ndata: a\n\n",
     "message|a|\n", ""},
    {"blank lines", "\n\n\ndata: a\n\n\n\n", "message|a|\n", ""},
    {"not whole: its id does not count", "id: 1\ndata: a\n\nid: 2\ndata: b\n",
     "message|a|1\n", "1"},
    {"an event without data", "event: x\nid: 3\n\ndata: a\n\n", "message|a|3\n", "3"},
    {"no id any more", "id: 3\ndata: a\n\nid\ndata: b\n\n", "message|a|3\nmessage|b|\n",
     ""},
};

static void test_events(void **state)
{
    struct sq_err err;
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++)
        for (size_t cut = 0; cut <= strlen(rows[i].text); cut++) {
            struct heard h;
            begin(&h);
            OK(err, sq_sse_take(&h.sse, rows[i].text, cut, &err));
            OK(err, sq_sse_take(&h.sse, rows[i].text + cut, strlen(rows[i].text) - cut,
                                &err));
            if (strcmp(h.text.data, rows[i].heard) || strcmp(h.sse.id, rows[i].id))
                fail_msg("%s, cut at %zu: heard\n%sid %s", rows[i].what, cut,
                         h.text.data, h.sse.id);
            end(&h);
        }
}

static void test_again(void **state)
{
    struct heard h;
    struct sq_err err;
    (void)state;
    begin(&h);
    static const char first[] = "id: 1\ndata: a\n\nevent: x\nid: 2\ndata: b\nda";
    static const char second[] = "ta: never\ndata: c\n\n";
    OK(err, sq_sse_take(&h.sse, first, strlen(first), &err));
    sq_sse_again(&h.sse);
    OK(err, sq_sse_take(&h.sse, second, strlen(second), &err));
    assert_string_equal(h.text.data, "message|a|1\nmessage|c|1\n");
    end(&h);
}

/* A line, and an event of many lines, above the limit: somebody has to look. */
static void test_too_long(void **state)
{
    static char line[1 << 20];
    struct heard h;
    struct sq_err err;
    (void)state;
    for (int lines = 0; lines < 2; lines++) {
        begin(&h);
        memset(line, 'x', sizeof line);
        OK(err, sq_sse_take(&h.sse, "event: task\nid: 8\ndata: ", 24, &err));
        for (int i = 0; i < (SQ_SSE_DATA_MAX >> 20) + 1; i++) {
            OK(err, sq_sse_take(&h.sse, line, sizeof line, &err));
            if (lines)
                OK(err, sq_sse_take(&h.sse, "\ndata: ", 7, &err));
        }
        assert_true(h.sse.line.cap + h.sse.data.cap <= 2 * SQ_SSE_DATA_MAX + 2);
        OK(err, sq_sse_take(&h.sse, "\n\ndata: a\n\n", 11, &err));
        assert_string_equal(h.text.data, "reset|{}|8\nmessage|a|8\n");
        end(&h);
    }
}

static void test_an_id_too_long_is_none(void **state)
{
    char text[SQ_SSE_ID + 100];
    struct heard h;
    struct sq_err err;
    (void)state;
    begin(&h);
    snprintf(text, sizeof text, "id: %0*d\ndata: a\n\n", SQ_SSE_ID, 1);
    OK(err, sq_sse_take(&h.sse, text, strlen(text), &err));
    assert_string_equal(h.text.data, "message|a|\n");
    end(&h);
}

static void test_a_listener_that_ends_it(void **state)
{
    static const char text[] = "data: a\n\ndata: b\n\ndata: c\n\n";
    struct heard h;
    struct sq_err err;
    (void)state;
    begin(&h);
    h.fail_at = 2;
    assert_int_equal(sq_sse_take(&h.sse, text, strlen(text), &err), SQ_EIO);
    assert_string_equal(h.text.data, "message|a|\n");
    end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_an_id_too_long_is_none),
        cmocka_unit_test(test_a_listener_that_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
