/* What SQ_CLEANUP calls when a variable goes out of scope keeps errno, since it runs
 * between a failure and the caller who reads its reason. */
#include "lib/util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void sq_freep(void *ptr_to_ptr)
{
    int saved = errno;
    void *p;
    memcpy(&p, ptr_to_ptr, sizeof p);
    free(p);
    errno = saved;
}

void sq_closep(int *fd)
{
    int saved = errno;
    if (*fd >= 0)
        close(*fd);
    errno = saved;
}

int sq_by_int64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}
