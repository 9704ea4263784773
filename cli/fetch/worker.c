/* Jobs from JSON, run several at a time, answered line by line. */
#include "cli/fetch/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/fetch/anchor.h"
#include "cli/fetch/digest.h"
#include "cli/fetch/move.h"
#include "cli/fetch/orders.h"
#include "cli/fetch/report.h"
#include "cli/fetch/tree.h"
#include "cli/fetch/watch.h"
#include "lib/file.h"
#include "lib/jsonio.h"

/* A list of jobs: more than any task's inputs (a task row is 4 MiB at most). */
enum { LIST_BYTES = 64 * 1024 * 1024, EXIT_BAD_LIST = 2 };

struct worker {
    struct sq_fetch *fetch;
    struct sq_orders orders;
    struct sq_reports reports;
};

typedef int op_fn(struct sq_job *job, const struct sq_order *o, struct sq_place *place,
                  struct sq_answer *a, struct sq_err *err);

static int open_to(const char *to, struct sq_anchor *ret, struct sq_err *err)
{
    int rc = sq_anchor_open(to, ret, err);
    if (rc == SQ_ENOENT && (rc = sq_mkdirs(to, 0777, err)) == 0)
        rc = sq_anchor_open(to, ret, err);
    return rc;
}

static int op_get(struct sq_job *job, const struct sq_order *o, struct sq_place *place,
                  struct sq_answer *a, struct sq_err *err)
{
    struct sq_anchor to;
    if (!o->to || *o->to != '/')
        return sq_fail(err, SQ_EINVAL, "get needs \"to\", an absolute path");
    int rc = sq_order_check(o, err);
    if (rc == 0)
        rc = open_to(o->to, &to, err);
    if (rc)
        return rc;
    rc = sq_get(job, place, to.path, NULL, &a->moved, err);
    if (rc)
        sq_anchor_show(&to, err);
    sq_anchor_close(&to);
    return rc;
}

static int no_action(const struct sq_place *to, struct sq_err *err)
{
    return to->uri.action
               ? sq_fail(err, SQ_EINVAL, "%.200s: |%s is for what is fetched", to->text,
                         to->uri.action)
               : 0;
}

static int op_check(struct sq_job *job, const struct sq_order *o,
                    struct sq_place *place, struct sq_answer *a, struct sq_err *err)
{
    (void)o;
    (void)a;
    int rc = no_action(place, err);
    return rc ? rc : sq_put_check(job, place, err);
}

static int op_put(struct sq_job *job, const struct sq_order *o, struct sq_place *place,
                  struct sq_answer *a, struct sq_err *err)
{
    struct stat st;
    if (!o->from || *o->from != '/')
        return sq_fail(err, SQ_EINVAL, "put needs \"from\", an absolute path");
    int rc = no_action(place, err);
    if (rc)
        return rc;
    if (lstat(o->from, &st) != 0)
        return sq_fail(err, sq_errno_code(errno), "cannot look at %.300s: %s", o->from,
                       strerror(errno));
    if (S_ISREG(st.st_mode)) /* opened by name it may be another by then */
        return sq_fail(err, SQ_EINVAL,
                       "%.300s is a file: what is in a folder is stored", o->from);
    rc = sq_put_held(job, o->from, place, &a->moved, err);
    if (rc == 0 && o->hash) /* without one it is stored all the same */
        sq_digest_moved(job, o->from, &a->moved, &a->digest, NULL);
    return rc;
}

/* A file's size and date; or those of everything in a folder. */
static int op_info(struct sq_job *job, const struct sq_order *o, struct sq_place *place,
                   struct sq_answer *a, struct sq_err *err)
{
    (void)o;
    if (!place->folder)
        return sq_tree_look(job, place, SQ_WANT_DATE, &a->moved.source, err);
    struct sq_tree tree;
    sq_tree_init(&tree);
    int rc = sq_tree_list(job, place, SQ_WANT_DATE | SQ_LIST_RECURSIVE, &tree, err);
    if (rc == 0) {
        sq_tree_keep_files(&tree, NULL, 0);
        sq_digest_listing(&tree, a->listing);
    }
    sq_tree_fini(&tree);
    return rc;
}

static int op_hash(struct sq_job *job, const struct sq_order *o, struct sq_place *place,
                   struct sq_answer *a, struct sq_err *err)
{
    return o->names ? sq_digest_names(job, place, o->names, &a->digest, err)
                    : sq_digest_place(job, place, &a->digest, err);
}

static int op_copy(struct sq_job *job, const struct sq_order *o, struct sq_place *place,
                   struct sq_answer *a, struct sq_err *err)
{
    struct sq_place to;
    struct sq_moved unnamed; /* they were named by who asks */
    if (!o->to || !o->names)
        return sq_fail(err, SQ_EINVAL, "copy needs \"to\", a URI, and \"names\"");
    int rc = sq_place_parse(o->to, &a->moved.arena, &to, err);
    if (rc)
        return rc;
    sq_moved_init(&unnamed);
    rc = sq_names_copy(job, place, o->names, &to, &unnamed, err);
    sq_moved_fini(&unnamed);
    return rc;
}

static op_fn *find_op(const char *name)
{
    static const struct {
        const char *name;
        op_fn *run;
    } ops[] = {{"get", op_get},   {"put", op_put},   {"check", op_check},
               {"info", op_info}, {"hash", op_hash}, {"copy", op_copy}};
    for (size_t i = 0; i < SQ_LEN(ops); i++)
        if (strcmp(ops[i].name, name) == 0)
            return ops[i].run;
    return NULL;
}

static int run_op(struct sq_job *job, const struct sq_order *o, struct sq_answer *a,
                  struct sq_err *err)
{
    struct sq_place place;
    op_fn *run = find_op(o->op);
    int rc = run ? sq_place_parse(o->uri, &a->moved.arena, &place, err)
                 : sq_fail(err, SQ_EINVAL, "there is no op \"%.100s\"", o->op);
    if (rc == 0)
        rc = run(job, o, &place, a, err);
    return rc && sq_job_stopped(job) ? sq_job_stop_error(job, err) : rc;
}

/* Every order is answered, so none is an error here. */
static int run_order(void *arg, size_t i, struct sq_err *err)
{
    struct worker *w = arg;
    struct sq_order *o = &w->orders.all[i];
    struct sq_err why = {0};
    struct sq_answer a;
    struct sq_job job;
    (void)err;
    sq_answer_init(&a);
    int rc = sq_job_open(w->fetch, o->id, o->uri, &job, &why);
    if (rc == 0) {
        rc = run_op(&job, o, &a, &why);
        a.bytes = atomic_load(&job.moved_bytes);
        sq_job_close(&job);
    }
    if (rc)
        sq_report_failed(&w->reports, o->id, &why);
    else
        sq_report_done(&w->reports, o->id, &a);
    sq_answer_fini(&a);
    return 0;
}

static int run_orders(void *arg)
{
    struct worker *w = arg;
    return sq_each(w->fetch->parallel, w->orders.n, run_order, w, NULL);
}

static void tick(void *arg, struct sq_job *job)
{
    struct worker *w = arg;
    int64_t moved = atomic_load(&job->moved_bytes);
    if (w->reports.broken) { /* for nobody: this one, and those to come */
        atomic_store(&w->fetch->stop, SQ_STOP_KILLED);
        sq_job_stop(job, SQ_STOP_KILLED);
    }
    if (moved == job->told_bytes)
        return;
    job->told_bytes = moved;
    sq_report_progress(&w->reports, job->id, moved, atomic_load(&job->total_bytes));
}

/* ---- the list */

static int read_list(json_t **ret, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    sq_buf_init(&text, LIST_BYTES);
    int rc = sq_read_all(STDIN_FILENO, &text, err);
    return rc ? rc : sq_json_parse(text.data, text.len, ret, err);
}

static int run_list(struct worker *w)
{
    struct sq_err err = {0};
    int signal_came = 0;
    struct sq_watch watch = {.fetch = w->fetch,
                             .work = run_orders,
                             .arg = w,
                             .every_ms = 1000,
                             .tick = tick,
                             .tick_arg = w};
    w->fetch->timeout_s = w->orders.timeout_s;
    w->fetch->no_replace = true;
    sq_orders_sweep(&w->orders);
    sq_reports_init(&w->reports);
    int rc = sq_watch_run(&watch, &signal_came, &err);
    if (rc)
        fprintf(stderr, "scitq-fetch: %s\n", err.text);
    if (signal_came || w->reports.broken)
        rc = SQ_ECANCELED;
    sq_reports_fini(&w->reports);
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

int sq_fetch_worker(struct sq_fetch *f)
{
    struct worker w = {.fetch = f};
    struct sq_err err = {0};
    json_t *list = NULL;
    int code = EXIT_BAD_LIST;
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* nobody is left to read */
    int rc = read_list(&list, &err);
    if (rc == 0)
        rc = sq_orders_read(list, &w.orders, &err);
    if (rc)
        fprintf(stderr, "scitq-fetch: the job list: %s\n", err.text);
    else
        code = run_list(&w);
    sq_orders_fini(&w.orders);
    json_decref(list);
    return code;
}
