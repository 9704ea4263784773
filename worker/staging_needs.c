/* Resources: each is waited for until it is linked, and in use until the stage is
 * freed.
 */
#include "worker/staging_impl.h"

#include <stdlib.h>
#include <string.h>

static void linked(void *arg, const char *why)
{
    struct sq_stage_need *n = arg;
    if (n->s->canceled || n->s->failed)
        n->use = NULL; /* it was given up, and is gone now */
    n->waiting = false;
    sq_stage_end_part(n->s, why);
}

/* One part: it may be over before this returns. */
static void want(struct sq_stage *s, const char *uri, int to)
{
    struct sq_stage_need *n = &s->needs[s->n_needs++];
    *n = (struct sq_stage_need){.s = s, .waiting = true};
    s->parts++;
    struct sq_use *use = sq_resource_use(&s->t->staging.resources, uri, to, linked, n);
    if (use) {
        n->use = use;
        return;
    }
    n->waiting = false;
    sq_stage_end_part(s, "cannot use the folder of resources in BASE_WORKDIR");
}

bool sq_stage_use_resources(struct sq_stage *s, int to)
{
    struct sq_stage_uri *v = NULL;
    size_t n = 0;
    bool ok = sq_uris_add(s->e->resource, false, &v, &n);
    s->needs = ok && n ? calloc(n, sizeof *s->needs) : NULL;
    ok = ok && (!n || s->needs);
    for (size_t i = 0; ok && i < n && !s->failed; i++) {
        if (v[i].done)
            continue;
        want(s, v[i].text, to);
        if (to < 0) {
            s->needs[s->n_needs - 1].waiting = false;
            s->parts--;
        }
    }
    sq_uris_free(v, n);
    return ok;
}

void sq_stage_give_up(struct sq_stage *s)
{
    for (size_t i = 0; i < s->n_needs; i++) {
        struct sq_stage_need *n = &s->needs[i];
        if (!n->use || !n->waiting || !sq_resource_end_use(n->use))
            continue;
        n->use = NULL;
        n->waiting = false;
        s->parts--;
    }
}
