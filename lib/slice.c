/* Slices: only SCHED_OTHER has them, and its nice value is kept. */
#include "lib/slice.h"

#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As the kernel's first version of struct sched_attr. */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

enum { SHORT_NS = 100000 };

static __attribute__((no_sanitize("address", "undefined"))) void
set_slice(uint64_t runtime_ns)
{
    struct attributes a = {0}; /* valgrind does not see it being filled in */
    if (syscall(SYS_sched_getattr, 0, &a, sizeof a, 0) != 0 || a.policy != SCHED_OTHER)
        return;
    a.size = sizeof a;
    a.runtime_ns = runtime_ns;
    syscall(SYS_sched_setattr, 0, &a, 0);
}

void sq_slice_shorten(void)
{
    set_slice(SHORT_NS);
}

__attribute__((no_sanitize("address", "undefined"))) void sq_slice_restore(void)
{
    set_slice(0);
}
