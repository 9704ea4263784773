/* The states of an execution: every state x event is decided here. */
#include "tests/test.h"

#include <string.h>

#include "worker/execution.h"

/* One line a state, one letter an event, in the order of `columns`; the letter
 * is the state that follows, '.' the same one. */
static const char *const expected[SQ_STATES] = {
    [SQ_STATE_ASSIGNED] = "D.P........PNP",  [SQ_STATE_DOWNLOADING] = ".WP........PN.",
    [SQ_STATE_WAITING] = "..PS.......PN.",   [SQ_STATE_STARTING] = "..P.RPUUW...K.",
    [SQ_STATE_RUNNING] = "......UU....K.",   [SQ_STATE_UPLOADING] = ".........P.PN.",
    [SQ_STATE_REPORTING] = "..........N.N.", [SQ_STATE_KILLING] = ".....NNN......",
    [SQ_STATE_DONE] = "..............",
};
static const char letters[SQ_STATES] = {
    [SQ_STATE_ASSIGNED] = 'A',  [SQ_STATE_DOWNLOADING] = 'D',
    [SQ_STATE_WAITING] = 'W',   [SQ_STATE_STARTING] = 'S',
    [SQ_STATE_RUNNING] = 'R',   [SQ_STATE_UPLOADING] = 'U',
    [SQ_STATE_REPORTING] = 'P', [SQ_STATE_KILLING] = 'K',
    [SQ_STATE_DONE] = 'N',
};
/* The columns of `expected`. */
static const enum sq_exec_event columns[] = {
    SQ_EV_ACCEPT,       SQ_EV_FETCHED, SQ_EV_UNABLE,    SQ_EV_SLOT,      SQ_EV_STARTED,
    SQ_EV_NOT_STARTED,  SQ_EV_EXITED,  SQ_EV_LOST,      SQ_EV_AGAIN,     SQ_EV_UPLOADED,
    SQ_EV_ACKNOWLEDGED, SQ_EV_KILL,    SQ_EV_WITHDRAWN, SQ_EV_GIVE_BACK,
};

static void test_every_state_and_event(void **state)
{
    assert_int_equal(SQ_LEN(columns), SQ_EVENTS);
    for (int s = 0; s < SQ_STATES; s++)
        for (size_t c = 0; c < SQ_LEN(columns); c++) {
            char want = expected[s][c] == '.' ? letters[s] : expected[s][c];
            char got = letters[sq_exec_next((enum sq_exec_state)s, columns[c])];
            if (got != want)
                fail_msg("%s, event %d: %c, not %c",
                         sq_exec_state_name((enum sq_exec_state)s), columns[c], got,
                         want);
        }
}

static void test_slots_are_held_from_start_to_exit(void **state)
{
    static const bool holds[SQ_STATES] = {[SQ_STATE_STARTING] = true,
                                          [SQ_STATE_RUNNING] = true,
                                          [SQ_STATE_KILLING] = true};
    for (int s = 0; s < SQ_STATES; s++)
        assert_int_equal(sq_exec_holds_slot((enum sq_exec_state)s), holds[s]);
}

static void test_places_are_held_until_the_end(void **state)
{
    static const bool holds[SQ_STATES] = {[SQ_STATE_DOWNLOADING] = true,
                                          [SQ_STATE_WAITING] = true,
                                          [SQ_STATE_STARTING] = true,
                                          [SQ_STATE_RUNNING] = true};
    for (int s = 0; s < SQ_STATES; s++)
        assert_int_equal(sq_exec_holds_place((enum sq_exec_state)s), holds[s]);
}

static void test_every_state_has_a_name(void **state)
{
    for (int s = 0; s < SQ_STATES; s++)
        assert_string_not_equal(sq_exec_state_name((enum sq_exec_state)s), "?");
    assert_string_equal(sq_exec_state_name(SQ_STATES), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_state_and_event),
        cmocka_unit_test(test_slots_are_held_from_start_to_exit),
        cmocka_unit_test(test_places_are_held_until_the_end),
        cmocka_unit_test(test_every_state_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
