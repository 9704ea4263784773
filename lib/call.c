/* Calls of nobody: see call.h. */
#include "lib/call.h"

static int always(const struct sq_call *call)
{
    (void)call;
    return 1;
}

static int never(const struct sq_call *call)
{
    (void)call;
    return 0;
}

void sq_call_no_progress(struct sq_call *call, int64_t done, int64_t total)
{
    (void)call;
    (void)done;
    (void)total;
}

struct sq_call sq_call_alone(void)
{
    return (struct sq_call){
        .canceled = never, .cancel_fd = -1, .progress = sq_call_no_progress};
}

struct sq_call sq_call_canceled(int cancel_fd)
{
    return (struct sq_call){
        .canceled = always, .cancel_fd = cancel_fd, .progress = sq_call_no_progress};
}
