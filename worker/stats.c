/* Stats: one sample every few seconds, differences between two. */
#include "worker/stats.h"

#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/clock.h"

enum { TEXT_MAX = 64 << 10, MOUNTS_MAX = 16, SECTOR = 512 };

static const char *const paths[] = {
    [SQ_PROC_STAT] = "/proc/stat",       [SQ_PROC_MEMINFO] = "/proc/meminfo",
    [SQ_PROC_LOADAVG] = "/proc/loadavg", [SQ_PROC_DISKSTATS] = "/proc/diskstats",
    [SQ_PROC_NET] = "/proc/net/dev",
};

void sq_stats_parse_cpu(const char *text, struct sq_stats_sample *s)
{
    unsigned long long n[8] = {0};
    if (sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &n[0], &n[1], &n[2],
               &n[3], &n[4], &n[5], &n[6], &n[7]) < 5)
        return;
    for (size_t i = 0; i < SQ_LEN(n); i++)
        s->cpu_total += n[i];
    s->cpu_idle = n[3] + n[4];
    s->cpu_iowait = n[4];
}

static double meminfo(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at ? strtod(at + strlen(key), NULL) : 0;
}

void sq_stats_parse_memory(const char *text, struct sq_stats_sample *s)
{
    double total = meminfo(text, "MemTotal:"), free = meminfo(text, "MemAvailable:");
    s->memory_percent = total > 0 ? 100 * (total - free) / total : 0;
}

void sq_stats_parse_load(const char *text, struct sq_stats_sample *s)
{
    double a, b, c;
    if (sscanf(text, "%lf %lf %lf", &a, &b, &c) == 3)
        snprintf(s->load, sizeof s->load, "%.1f %.1f %.1f", a, b, c);
}

/* Whole disks only: a partition's bytes are its disk's too. */
static bool is_disk(const char *name)
{
    size_t len = strlen(name);
    if (strncmp(name, "loop", 4) == 0 || strncmp(name, "ram", 3) == 0 ||
        strncmp(name, "dm-", 3) == 0 || strncmp(name, "md", 2) == 0 ||
        strncmp(name, "sr", 2) == 0)
        return false;
    if (strncmp(name, "nvme", 4) == 0 || strncmp(name, "mmcblk", 6) == 0)
        return strchr(name + 4, 'p') == NULL;
    return len > 0 && (name[len - 1] < '0' || name[len - 1] > '9');
}

void sq_stats_parse_disks(const char *text, struct sq_stats_sample *s)
{
    char name[64];
    unsigned long long read, written;
    for (const char *line = text; line && *line;) {
        if (sscanf(line, " %*u %*u %63s %*u %*u %llu %*u %*u %*u %llu", name, &read,
                   &written) == 3 &&
            is_disk(name)) {
            s->disk_read += read * SECTOR;
            s->disk_written += written * SECTOR;
        }
        line = strchr(line, '\n');
        line += line != NULL;
    }
}

void sq_stats_parse_net(const char *text, struct sq_stats_sample *s)
{
    for (const char *line = text; line && *line;) {
        unsigned long long received, sent;
        const char *colon = strchr(line, ':'), *end = strchr(line, '\n');
        const char *name = line + strspn(line, " ");
        if (colon && (!end || colon < end) && strncmp(name, "lo:", 3) != 0 &&
            sscanf(colon + 1, " %llu %*u %*u %*u %*u %*u %*u %*u %llu", &received,
                   &sent) == 2) {
            s->net_received += received;
            s->net_sent += sent;
        }
        line = end ? end + 1 : NULL;
    }
}

static void take(struct sq_stats *s, struct sq_stats_sample *now)
{
    typedef void parse_fn(const char *text, struct sq_stats_sample *s);
    static parse_fn *const parsers[] = {
        [SQ_PROC_STAT] = sq_stats_parse_cpu,
        [SQ_PROC_MEMINFO] = sq_stats_parse_memory,
        [SQ_PROC_LOADAVG] = sq_stats_parse_load,
        [SQ_PROC_DISKSTATS] = sq_stats_parse_disks,
        [SQ_PROC_NET] = sq_stats_parse_net,
    };
    char text[16384];
    memset(now, 0, sizeof *now);
    now->time = sq_monotonic();
    for (int i = 0; i < SQ_PROC_FILES; i++) {
        ssize_t n = s->files[i] < 0 ? -1 : pread(s->files[i], text, sizeof text - 1, 0);
        if (n <= 0)
            continue;
        text[n] = 0;
        parsers[i](text, now);
    }
}

void sq_stats_init(struct sq_stats *s)
{
    memset(s, 0, sizeof *s);
    for (int i = 0; i < SQ_PROC_FILES; i++)
        s->files[i] = open(paths[i], O_RDONLY | O_CLOEXEC);
    take(s, &s->last);
}

void sq_stats_fini(struct sq_stats *s)
{
    for (int i = 0; i < SQ_PROC_FILES; i++)
        sq_closep(&s->files[i]);
}

void sq_stats_load_text(const struct sq_stats_sample *a,
                        const struct sq_stats_sample *b, double *last_cpu, char *text,
                        size_t size)
{
    double total = (double)(b->cpu_total - a->cpu_total);
    double cpu = 0, wait = 0;
    if (b->cpu_total > a->cpu_total) {
        cpu = 100 - 100 * (double)(b->cpu_idle - a->cpu_idle) / total;
        /* The kernel's I/O wait may go backwards a little (proc(5)). */
        if (b->cpu_iowait > a->cpu_iowait)
            wait = 100 * (double)(b->cpu_iowait - a->cpu_iowait) / total;
    }
    if (cpu < 0)
        cpu = 0;
    const char *trend = cpu > *last_cpu + 0.5 ? "↑" : cpu < *last_cpu - 0.5 ? "↓" : "→";
    *last_cpu = cpu;
    snprintf(text, size, "%.1f%s / %.1f", cpu, trend, wait);
}

static double rate(uint64_t a, uint64_t b, double seconds)
{
    return b > a && seconds > 0 ? (double)(b - a) / seconds / 1e6 : 0;
}

/* "speed":"r/w","counter":"r/w" in Mb (megabytes) a second, and Gb. */
static void write_pair(struct sq_jw *w, const uint64_t was[2], const uint64_t now[2],
                       double seconds)
{
    char text[64];
    snprintf(text, sizeof text, "%.2f/%.2f", rate(was[0], now[0], seconds),
             rate(was[1], now[1], seconds));
    sq_jw_key(w, "speed");
    sq_jw_text(w, text);
    snprintf(text, sizeof text, "%.2f/%.2f", (double)now[0] / 1e9,
             (double)now[1] / 1e9);
    sq_jw_key(w, "counter");
    sq_jw_text(w, text);
}

/* "/:52": only file systems on local devices, since asking a dead network mount hangs.
 */
static void write_usage(struct sq_jw *w)
{
    char seen[MOUNTS_MAX][128], text[256];
    int n = 0;
    sq_jw_key(w, "usage");
    sq_jw_open(w, '[');
    FILE *mounts = setmntent("/proc/self/mounts", "re");
    for (struct mntent *m; mounts && n < MOUNTS_MAX && (m = getmntent(mounts));) {
        struct statvfs v;
        int i = 0;
        while (i < n && strcmp(seen[i], m->mnt_fsname) != 0)
            i++;
        if (strncmp(m->mnt_fsname, "/dev/", 5) != 0 || i < n ||
            strlen(m->mnt_fsname) >= sizeof seen[0] ||
            strncmp(m->mnt_fsname, "/dev/loop", 9) == 0 ||
            statvfs(m->mnt_dir, &v) != 0 || !v.f_blocks)
            continue;
        strcpy(seen[n++], m->mnt_fsname);
        double used = (double)(v.f_blocks - v.f_bfree);
        snprintf(text, sizeof text, "%.240s:%.0f", m->mnt_dir,
                 100 * used / (used + (double)v.f_bavail));
        sq_jw_text(w, text);
    }
    if (mounts)
        endmntent(mounts);
    sq_jw_close(w);
}

static void write_detail(const struct sq_stats_sample *was,
                         const struct sq_stats_sample *now, struct sq_buf *out)
{
    struct sq_jw w;
    double seconds = (double)(now->time - was->time) / 1e6;
    sq_jw_init(&w, out);
    sq_jw_open(&w, '{');
    sq_jw_key(&w, "load");
    sq_jw_text(&w, now->load);
    sq_jw_key(&w, "disk");
    sq_jw_open(&w, '{');
    write_pair(&w, (uint64_t[]){was->disk_read, was->disk_written},
               (uint64_t[]){now->disk_read, now->disk_written}, seconds);
    write_usage(&w);
    sq_jw_close(&w);
    sq_jw_key(&w, "network");
    sq_jw_open(&w, '{');
    write_pair(&w, (uint64_t[]){was->net_sent, was->net_received},
               (uint64_t[]){now->net_sent, now->net_received}, seconds);
    sq_jw_close(&w);
    sq_jw_close(&w);
}

void sq_stats_write(struct sq_stats *s, struct sq_jw *w)
{
    struct sq_stats_sample now;
    char load[64];
    struct sq_buf detail SQ_CLEANUP(sq_buf_fini);
    sq_buf_init(&detail, TEXT_MAX);
    take(s, &now);
    sq_stats_load_text(&s->last, &now, &s->last_cpu, load, sizeof load);
    write_detail(&s->last, &now, &detail);
    s->last = now;
    sq_jw_open(w, '{');
    sq_jw_key(w, "load");
    sq_jw_text(w, load);
    sq_jw_key(w, "memory");
    sq_jw_real(w, (double)(int)(now.memory_percent * 10 + 0.5) / 10);
    sq_jw_key(w, "stats");
    sq_jw_text(w, sq_buf_ok(&detail) ? detail.data : NULL);
    sq_jw_close(w);
}
