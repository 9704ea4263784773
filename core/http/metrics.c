/* GET /metrics, for Prometheus and what reads its text: counts from the database at the
 * moment they are asked for, so that none can drift, and the process's own.
 *
 * Source: Prometheus' "Exposition formats", text format 0.0.4. */
#include "core/http/steps.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config.h"
#include "core/store/counts.h"

struct family {
    const char *what, *help;
};

static const struct family families[] = {
    {"executions", "Executions that are assigned, accepted or running, by status."},
    {"jobs", "Jobs of the fleet, by status."},
    {"tasks", "Tasks by batch and status."},
    {"workers", "Workers by batch and status."},
};

struct page {
    struct sq_buf *out;
    const char *what; /* of the family under way */
};

/* Backslashes, quotes and newlines are escaped there. */
static void add_label(struct sq_buf *out, const char *name, const char *value)
{
    sq_buf_addf(out, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            sq_buf_addc(out, '\\');
        if (*value == '\n')
            sq_buf_adds(out, "\\n");
        else
            sq_buf_addc(out, *value);
    }
    sq_buf_addc(out, '"');
}

static void begin(struct page *p, const char *what)
{
    for (size_t i = 0; i < SQ_LEN(families); i++)
        if (strcmp(families[i].what, what) == 0) {
            p->what = families[i].what;
            sq_buf_addf(p->out, "# HELP scitq_%s %s\n# TYPE scitq_%s gauge\n", what,
                        families[i].help, what);
        }
}

static void add_count(void *arg, const struct sq_count *c)
{
    struct page *p = arg;
    if (!p->what || strcmp(p->what, c->what) != 0)
        begin(p, c->what);
    sq_buf_addf(p->out, "scitq_%s{", c->what);
    if (c->batch) {
        add_label(p->out, "batch", c->batch);
        sq_buf_addc(p->out, ',');
    }
    add_label(p->out, "status", c->status);
    sq_buf_addf(p->out, "} %lld\n", (long long)c->n);
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void add_process(struct sq_buf *out)
{
    struct rusage used;
    long long size, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        if (fscanf(f, "%lld %lld", &size, &resident) != 2)
            resident = 0;
        fclose(f);
    }
    getrusage(RUSAGE_SELF, &used);
    sq_buf_addf(out,
                "# HELP scitq_build_info The server's version.\n"
                "# TYPE scitq_build_info gauge\n"
                "scitq_build_info{version=\"" PACKAGE_VERSION "\"} 1\n"
                "# HELP process_cpu_seconds_total Processor time used.\n"
                "# TYPE process_cpu_seconds_total counter\n"
                "process_cpu_seconds_total %.6f\n"
                "# HELP process_resident_memory_bytes Resident memory.\n"
                "# TYPE process_resident_memory_bytes gauge\n"
                "process_resident_memory_bytes %lld\n",
                seconds(used.ru_utime) + seconds(used.ru_stime),
                resident * sysconf(_SC_PAGESIZE));
}

int sq_metrics(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    struct page page = {.out = &r->out};
    int code = sq_counts_read(db, add_count, &page, err);
    if (code)
        return code;
    add_process(&r->out);
    r->content_type = "text/plain; version=0.0.4; charset=utf-8";
    return 0;
}
