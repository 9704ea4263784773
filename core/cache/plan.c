/* From the texts of tasks to questions, and from answers to keys. */
#include "core/cache/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <scitq/md5.h>

#include "lib/uri.h"

static int no_memory(struct sq_err *err)
{
    return sq_fail(err, SQ_ENOMEM, "out of memory for what tasks run on");
}

/* One that is malformed makes the task impossible to reuse; it fails on a worker. */
static int take_parts(struct sq_plan *plan, struct sq_plan_item *item, const char *list,
                      struct sq_err *err)
{
    const char *p;
    size_t len;
    while ((p = sq_uri_next(&list, &len))) {
        char *text = sq_arena_memdup(plan->arena, p, len);
        struct sq_uri uri;
        int rc = text ? sq_uri_parse(text, plan->arena, &uri, err) : no_memory(err);
        if (rc == SQ_EINVAL) {
            item->possible = false;
            item->why = "a URI is malformed";
            return 0;
        }
        if (rc)
            return rc;
        text[strcspn(text, "|")] = 0;
        item->parts[item->n_parts++] =
            (struct sq_plan_part){.uri = text, .action = uri.action};
    }
    return 0;
}

static int make_item(struct sq_plan *plan, const struct sq_cache_work *work,
                     struct sq_plan_item *item, struct sq_err *err)
{
    size_t most = sq_uri_count(work->input) + sq_uri_count(work->resource);
    *item = (struct sq_plan_item){.work = work, .possible = true};
    if (sq_uri_count(work->output) != 1) {
        item->possible = false;
        item->why = "it has no output folder";
        return 0;
    }
    item->parts = sq_arena_array(plan->arena, most + 1, sizeof *item->parts);
    int rc = item->parts ? take_parts(plan, item, work->input, err) : no_memory(err);
    item->n_inputs = item->n_parts;
    return rc || !item->possible ? rc : take_parts(plan, item, work->resource, err);
}

/* Every part of every possible item, to be sorted by its URI. */
static struct sq_plan_part **collect(struct sq_plan *plan, size_t *ret_n)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->n_items; i++)
        n += plan->items[i].possible ? plan->items[i].n_parts : 0;
    struct sq_plan_part **all = sq_arena_array(plan->arena, n + 1, sizeof(void *));
    n = 0;
    for (size_t i = 0; all && i < plan->n_items; i++)
        for (size_t k = 0; plan->items[i].possible && k < plan->items[i].n_parts; k++)
            all[n++] = &plan->items[i].parts[k];
    *ret_n = n;
    return all;
}

static int by_uri(const void *a, const void *b)
{
    const struct sq_plan_part *const *x = a, *const *y = b;
    return strcmp((*x)->uri, (*y)->uri);
}

static int make_questions(struct sq_plan *plan, bool outputs, struct sq_err *err)
{
    size_t n = 0;
    struct sq_plan_part **all = collect(plan, &n);
    plan->questions =
        sq_arena_array(plan->arena, n + plan->n_items + 1, sizeof *plan->questions);
    if (!all || !plan->questions)
        return no_memory(err);
    qsort(all, n, sizeof *all, by_uri);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(all[i]->uri, all[i - 1]->uri) != 0)
            plan->questions[plan->n_questions++] =
                (struct sq_question){.op = "hash", .uri = all[i]->uri};
        all[i]->question = plan->n_questions - 1;
    }
    for (size_t i = 0; outputs && i < plan->n_items; i++) {
        const struct sq_cache_work *w = plan->items[i].work;
        if (!plan->items[i].possible)
            continue;
        plan->items[i].output = plan->n_questions;
        plan->questions[plan->n_questions++] =
            (struct sq_question){.op = "hash",
                                 .uri = w->output,
                                 .names = w->output_files ? w->output_files : ""};
    }
    return 0;
}

int sq_plan_make(const struct sq_cache_work *works, size_t n, bool outputs,
                 struct sq_arena *arena, struct sq_plan *ret, struct sq_err *err)
{
    *ret = (struct sq_plan){.arena = arena, .n_items = n};
    ret->items = sq_arena_array(arena, n + 1, sizeof *ret->items);
    int rc = ret->items ? 0 : no_memory(err);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = make_item(ret, &works[i], &ret->items[i], err);
    return rc ? rc : make_questions(ret, outputs, err);
}

static void add_state(struct sq_md5 *m, const struct sq_plan_part *part,
                      const struct sq_question *q)
{
    char length[32];
    snprintf(length, sizeof length, "%zu:", strlen(part->uri));
    sq_md5_add(m, length, strlen(length));
    sq_md5_add(m, part->uri, strlen(part->uri));
    sq_md5_add(m, q->state, strlen(q->state));
}

bool sq_plan_answer(const struct sq_plan *plan, struct sq_plan_item *item,
                    struct sq_plan_answer *ret)
{
    struct sq_md5 state;
    struct sq_cache_part *parts =
        item->possible ? sq_arena_array(plan->arena, item->n_parts + 1, sizeof *parts)
                       : NULL;
    if (!parts) {
        item->why = item->why ? item->why : "out of memory";
        return false;
    }
    ret->here = false;
    sq_md5_init(&state);
    for (size_t i = 0; i < item->n_parts; i++) {
        const struct sq_question *q = &plan->questions[item->parts[i].question];
        if (!q->done) {
            item->why = q->why;
            return false;
        }
        parts[i] = (struct sq_cache_part){item->parts[i].action, q->content};
        ret->here |= q->here;
        add_state(&state, &item->parts[i], q);
    }
    sq_md5_end(&state, ret->state);
    sq_cache_key(item->work, parts, item->n_inputs, parts + item->n_inputs,
                 item->n_parts - item->n_inputs, ret->key);
    return true;
}

/* The same folder is written with or without its last slash, a path with or without
 * its protocol. */
static const char *without_proto(const char *uri)
{
    return strncmp(uri, "file://", 7) == 0 ? uri + 7 : uri;
}

static size_t without_slash(const char *uri)
{
    size_t len = strlen(uri);
    while (len > 1 && uri[len - 1] == '/')
        len--;
    return len;
}

bool sq_plan_same_folder(const char *a, const char *b)
{
    a = without_proto(a);
    b = without_proto(b);
    size_t len = without_slash(a);
    return len == without_slash(b) && memcmp(a, b, len) == 0;
}

bool sq_plan_same_storage(const char *a, const char *b)
{
    const char *x = strstr(a, "://"), *y = strstr(b, "://");
    size_t n = x ? strcspn(a, ":@") : 4, k = y ? strcspn(b, ":@") : 4;
    return n == k && memcmp(x ? a : "file", y ? b : "file", n) == 0;
}
