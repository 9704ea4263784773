/* What this machine is doing, from /proc, for the worker's row (product.md 5): load as
 * `12.0↓ / 0.3` (CPU % with its trend, I/O wait %), memory %, and a JSON text of load,
 * disks and network.  The files are kept open and read again each time. */
#ifndef SQ_WORKER_STATS_H
#define SQ_WORKER_STATS_H

#include <scitq/error.h>
#include "lib/jsonio.h"

enum sq_stats_file {
    SQ_PROC_STAT,
    SQ_PROC_MEMINFO,
    SQ_PROC_LOADAVG,
    SQ_PROC_DISKSTATS,
    SQ_PROC_NET,
    SQ_PROC_FILES
};

/* Counters since boot. */
struct sq_stats_sample {
    int64_t time;                             /* monotonic, microseconds */
    uint64_t cpu_total, cpu_idle, cpu_iowait; /* ticks */
    uint64_t disk_read, disk_written, net_sent, net_received; /* bytes */
    double memory_percent;
    char load[48]; /* "0.2 0.1 0.1" */
};

struct sq_stats {
    int files[SQ_PROC_FILES];
    struct sq_stats_sample last;
    double last_cpu; /* percent, for the trend */
};

void sq_stats_init(struct sq_stats *s);
void sq_stats_fini(struct sq_stats *s);
/* Take a sample and write {"load":…,"memory":…,"stats":…} against the last one. */
void sq_stats_write(struct sq_stats *s, struct sq_jw *w);

/* The parsers: texts of /proc, 0-terminated, into the sample. */
void sq_stats_parse_cpu(const char *text, struct sq_stats_sample *s);
void sq_stats_parse_memory(const char *text, struct sq_stats_sample *s);
void sq_stats_parse_load(const char *text, struct sq_stats_sample *s);
void sq_stats_parse_disks(const char *text, struct sq_stats_sample *s);
void sq_stats_parse_net(const char *text, struct sq_stats_sample *s);
/* "12.0↓ / 0.3" of two samples; *last_cpu is what the trend is against, and updated. */
void sq_stats_load_text(const struct sq_stats_sample *a,
                        const struct sq_stats_sample *b, double *last_cpu, char *text,
                        size_t size);

#endif
