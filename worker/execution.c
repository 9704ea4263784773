/* The states of an execution as data.  An event that has no row changes nothing: late
 * news (an exit told twice, a withdrawal of what has just ended) is harmless. */
#include "worker/execution.h"

static const struct row {
    enum sq_exec_state from;
    enum sq_exec_event event;
    enum sq_exec_state to;
} rows[] = {
    {SQ_STATE_ASSIGNED, SQ_EV_ACCEPT, SQ_STATE_DOWNLOADING},
    {SQ_STATE_ASSIGNED, SQ_EV_UNABLE, SQ_STATE_REPORTING},
    {SQ_STATE_ASSIGNED, SQ_EV_KILL, SQ_STATE_REPORTING},
    {SQ_STATE_ASSIGNED, SQ_EV_GIVE_BACK, SQ_STATE_REPORTING},
    {SQ_STATE_ASSIGNED, SQ_EV_WITHDRAWN, SQ_STATE_DONE},

    {SQ_STATE_DOWNLOADING, SQ_EV_FETCHED, SQ_STATE_WAITING},
    {SQ_STATE_DOWNLOADING, SQ_EV_UNABLE, SQ_STATE_REPORTING},
    {SQ_STATE_DOWNLOADING, SQ_EV_KILL, SQ_STATE_REPORTING},
    {SQ_STATE_DOWNLOADING, SQ_EV_WITHDRAWN, SQ_STATE_DONE},

    {SQ_STATE_WAITING, SQ_EV_SLOT, SQ_STATE_STARTING},
    {SQ_STATE_WAITING, SQ_EV_UNABLE, SQ_STATE_REPORTING},
    {SQ_STATE_WAITING, SQ_EV_KILL, SQ_STATE_REPORTING},
    {SQ_STATE_WAITING, SQ_EV_WITHDRAWN, SQ_STATE_DONE},

    {SQ_STATE_STARTING, SQ_EV_STARTED, SQ_STATE_RUNNING},
    {SQ_STATE_STARTING, SQ_EV_UNABLE, SQ_STATE_REPORTING},
    {SQ_STATE_STARTING, SQ_EV_NOT_STARTED, SQ_STATE_REPORTING},
    {SQ_STATE_STARTING, SQ_EV_EXITED, SQ_STATE_UPLOADING},
    {SQ_STATE_STARTING, SQ_EV_LOST, SQ_STATE_UPLOADING},
    {SQ_STATE_STARTING, SQ_EV_AGAIN, SQ_STATE_WAITING},
    {SQ_STATE_STARTING, SQ_EV_WITHDRAWN, SQ_STATE_KILLING},

    {SQ_STATE_RUNNING, SQ_EV_EXITED, SQ_STATE_UPLOADING},
    {SQ_STATE_RUNNING, SQ_EV_LOST, SQ_STATE_UPLOADING},
    {SQ_STATE_RUNNING, SQ_EV_WITHDRAWN, SQ_STATE_KILLING},

    {SQ_STATE_UPLOADING, SQ_EV_UPLOADED, SQ_STATE_REPORTING},
    {SQ_STATE_UPLOADING, SQ_EV_KILL, SQ_STATE_REPORTING},
    {SQ_STATE_UPLOADING, SQ_EV_WITHDRAWN, SQ_STATE_DONE},

    {SQ_STATE_REPORTING, SQ_EV_ACKNOWLEDGED, SQ_STATE_DONE},
    {SQ_STATE_REPORTING, SQ_EV_WITHDRAWN, SQ_STATE_DONE},

    {SQ_STATE_KILLING, SQ_EV_EXITED, SQ_STATE_DONE},
    {SQ_STATE_KILLING, SQ_EV_NOT_STARTED, SQ_STATE_DONE},
    {SQ_STATE_KILLING, SQ_EV_LOST, SQ_STATE_DONE},
};

enum sq_exec_state sq_exec_next(enum sq_exec_state state, enum sq_exec_event event)
{
    for (size_t i = 0; i < SQ_LEN(rows); i++)
        if (rows[i].from == state && rows[i].event == event)
            return rows[i].to;
    return state;
}

bool sq_exec_holds_slot(enum sq_exec_state state)
{
    return state == SQ_STATE_STARTING || state == SQ_STATE_RUNNING ||
           state == SQ_STATE_KILLING;
}

bool sq_exec_holds_place(enum sq_exec_state state)
{
    return state == SQ_STATE_DOWNLOADING || state == SQ_STATE_WAITING ||
           state == SQ_STATE_STARTING || state == SQ_STATE_RUNNING;
}

const char *sq_exec_state_name(enum sq_exec_state state)
{
    static const char *const names[] = {
        "assigned",  "downloading", "waiting", "starting", "running",
        "uploading", "reporting",   "killing", "done",
    };
    return (size_t)state < SQ_LEN(names) ? names[state] : "?";
}
