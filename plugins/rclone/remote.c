/* What a remote can do, asked of rclone once for each and remembered. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/rclone/command.h"

/* The answer is some 4 KiB. */
enum { ANSWER_MAX = 1 << 18 };

struct answer {
    char *text;
    size_t len;
};

static int collect(void *arg, const char *line, size_t len)
{
    struct answer *a = arg;
    char *more;
    if (a->len + len > ANSWER_MAX)
        return 0;
    more = realloc(a->text, a->len + len + 1);
    if (!more)
        return 0;
    a->text = more;
    memcpy(a->text + a->len, line, len);
    a->len += len;
    return 0;
}

/* rclone says "no dates" as a precision of a hundred years. */
static struct remote *parse(const struct answer *a, const char *proto)
{
    json_t *json = json_loadb(a->text ? a->text : "", a->len, 0, NULL);
    const json_t *can = json_object_get(json, "Features");
    int64_t precision = json_integer_value(json_object_get(json, "Precision"));
    struct remote *r = can ? calloc(1, sizeof *r) : NULL;
    if (r) {
        r->proto = strdup(proto);
        r->has_buckets = json_is_true(json_object_get(can, "BucketBased"));
        r->can_move = json_is_true(json_object_get(can, "Move"));
        r->can_copy = json_is_true(json_object_get(can, "Copy"));
        r->precision_ns =
            precision > 86400 * INT64_C(1000000000) ? INT64_MAX : precision;
    }
    json_decref(json);
    if (r && !r->proto) {
        free(r);
        r = NULL;
    }
    return r;
}

int remote_get(struct sq_storage *s, const struct sq_location *at, struct sq_call *call,
               const struct remote **ret, struct sq_err *err)
{
    struct remote *r;
    struct answer answer = {0};
    struct command c;
    int rc;
    for (r = s->remotes; r; r = r->next)
        if (strcmp(r->proto, at->proto) == 0) {
            *ret = r;
            return 0;
        }
    command_init(&c, s, call, "backend");
    c.is_quiet = 1;
    command_add(&c, "features");
    command_addf(&c, "%s:", at->proto);
    c.out = collect;
    c.arg = &answer;
    rc = command_run(&c, "reach", at, err);
    command_fini(&c);
    r = rc ? NULL : parse(&answer, at->proto);
    free(answer.text);
    if (rc)
        return rc;
    if (!r)
        return sq_fail(err, SQ_EPROTO,
                       "rclone backend features %s: printed something else: is this "
                       "rclone 1.60 or later?",
                       at->proto);
    r->next = s->remotes;
    s->remotes = r;
    *ret = r;
    return 0;
}

static void *ask(void *arg)
{
    struct asking *a = arg;
    struct sq_err ignored;
    remote_get(a->s, a->at, a->call, &a->remote, &ignored);
    return NULL;
}

void remote_ask(struct asking *a, struct sq_storage *s, const struct sq_location *at,
                struct sq_call *call)
{
    *a = (struct asking){.s = s, .at = at, .call = call};
    a->is_running = pthread_create(&a->thread, NULL, ask, a) == 0;
    if (!a->is_running)
        ask(a);
}

const struct remote *remote_told(struct asking *a)
{
    if (a->is_running)
        pthread_join(a->thread, NULL);
    a->is_running = 0;
    return a->remote;
}

void remotes_free(struct sq_storage *s)
{
    while (s->remotes) {
        struct remote *next = s->remotes->next;
        free(s->remotes->proto);
        free(s->remotes);
        s->remotes = next;
    }
}
