/* The feed of changes: what is read after a number, what is forgotten, whose numbers.
 */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "core/http/feed.h"

static struct sq_feed *feed(void)
{
    struct sq_feed *f;
    struct sq_err err = {0};
    assert_int_equal(sq_feed_new(&f, &err), 0);
    return f;
}

static void add_tasks(struct sq_feed *f, int64_t first, int n)
{
    struct sq_changes c;
    sq_changes_init(&c);
    for (int i = 0; i < n; i++)
        sq_changes_task(&c, first + i);
    sq_feed_add(f, &c);
    sq_changes_fini(&c);
}

static void test_changes_are_read_in_their_order(void **state)
{
    struct sq_feed *f = feed();
    struct sq_feed_change got[8];
    struct sq_changes c;
    (void)state;
    assert_int_equal(sq_feed_last(f), 0);
    assert_int_equal(sq_feed_read(f, 0, got, 8), 0);
    sq_changes_init(&c);
    sq_changes_task(&c, 5);
    sq_changes_worker(&c, 6);
    sq_changes_job(&c, 7);
    sq_changes_execution(&c, 8);
    sq_changes_output(&c, 9); /* no change of a row */
    sq_feed_add(f, &c);
    sq_changes_fini(&c);
    assert_int_equal(sq_feed_last(f), 4);
    assert_int_equal(sq_feed_read(f, 0, got, 8), 4);
    static const struct sq_feed_change all[] = {{1, 6, SQ_FEED_WORKER},
                                                {2, 7, SQ_FEED_JOB},
                                                {3, 8, SQ_FEED_EXECUTION},
                                                {4, 5, SQ_FEED_TASK}};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(got[i].number, all[i].number);
        assert_int_equal(got[i].id, all[i].id);
        assert_int_equal(got[i].kind, all[i].kind);
    }
    assert_int_equal(sq_feed_read(f, 1, got, 2), 2);
    assert_int_equal(got[1].number, 3);
    assert_int_equal(sq_feed_read(f, 4, got, 8), 0);
    assert_int_equal(sq_feed_read(f, 5, got, 8), -1); /* nobody has said that one */
    assert_int_equal(sq_feed_read(f, INT64_MAX, got, 8), -1);
    assert_int_equal(sq_feed_read(f, INT64_MIN + 1, got, 8), -1);
    sq_feed_free(f);
}

static void test_the_oldest_are_forgotten(void **state)
{
    struct sq_feed *f = feed();
    struct sq_feed_change got[1];
    (void)state;
    add_tasks(f, 1, SQ_FEED_ROOM);
    assert_int_equal(sq_feed_read(f, 0, got, 1), 1);
    assert_int_equal(got[0].id, 1);
    add_tasks(f, SQ_FEED_ROOM + 1, 1);
    assert_int_equal(sq_feed_read(f, 0, got, 1), -1);
    assert_int_equal(sq_feed_read(f, 1, got, 1), 1);
    assert_int_equal(got[0].id, 2);
    add_tasks(f, 1, 3 * SQ_FEED_ROOM);
    assert_int_equal(sq_feed_read(f, sq_feed_last(f) - SQ_FEED_ROOM, got, 1), 1);
    assert_int_equal(sq_feed_read(f, sq_feed_last(f) - SQ_FEED_ROOM - 1, got, 1), -1);
    sq_feed_free(f);
}

static void test_when_anything_may_have_changed_nothing_is_known(void **state)
{
    struct sq_feed *f = feed();
    struct sq_feed_change got[2];
    struct sq_changes c;
    (void)state;
    add_tasks(f, 1, 2);
    sq_changes_init(&c);
    c.failed = true;
    sq_changes_task(&c, 9);
    sq_feed_add(f, &c);
    sq_changes_fini(&c);
    assert_int_equal(sq_feed_read(f, 2, got, 2), -1);
    assert_int_equal(sq_feed_read(f, sq_feed_last(f), got, 2), 0);
    add_tasks(f, 5, 1);
    assert_int_equal(sq_feed_read(f, sq_feed_last(f) - 1, got, 2), 1);
    assert_int_equal(got[0].id, 5);
    sq_feed_free(f);
}

static void test_numbers_of_another_process_are_nobodys(void **state)
{
    struct sq_feed *one = feed(), *other = feed();
    char text[SQ_FEED_TEXT];
    (void)state;
    sq_feed_text(one, 812, text);
    assert_int_equal(sq_feed_parse(one, text), 812);
    assert_true(sq_feed_parse(other, text) == SQ_NULL);
    static const char *const odd[] = {"", "-", "812", "x-812", "-9223372036854775808"};
    for (size_t i = 0; i < SQ_LEN(odd); i++)
        assert_true(sq_feed_parse(one, odd[i]) == SQ_NULL);
    strcat(text, "0x");
    assert_true(sq_feed_parse(one, text) == SQ_NULL);
    sq_feed_free(one);
    sq_feed_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_are_read_in_their_order),
        cmocka_unit_test(test_the_oldest_are_forgotten),
        cmocka_unit_test(test_when_anything_may_have_changed_nothing_is_known),
        cmocka_unit_test(test_numbers_of_another_process_are_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
