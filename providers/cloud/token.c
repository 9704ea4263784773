/* The token of a login: kept by our own clock, whatever the cloud's says, and renewed
 * before it expires, since an operation that began with it goes on for a while. */
#include "providers/cloud/cloud.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int token_keep(struct sq_host *host, struct token *t, const char *text, int64_t life_s,
               struct sq_err *err)
{
    free(t->text);
    t->text = strdup(text);
    if (!t->text)
        return no_memory(err);
    host->hide(host, text);
    /* Five minutes early; a life that is not told is taken for short. */
    life_s = life_s > 600 ? life_s - 300 : life_s > 0 ? life_s / 2 : 60;
    t->until_ms = now_ms() + life_s * 1000;
    return 0;
}

bool token_is_good(const struct token *t)
{
    return t->text && now_ms() < t->until_ms;
}
