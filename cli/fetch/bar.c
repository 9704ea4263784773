/* One line, drawn over itself. */
#include "cli/fetch/bar.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/clock.h"

enum { COLUMNS = 80, LINE_BYTES = 512, LABEL_COLUMNS = 30, BAR_MAX = 40 };

void sq_bar_init(struct sq_bar *bar)
{
    *bar = (struct sq_bar){.shown = isatty(STDERR_FILENO), .begun_us = sq_monotonic()};
    pthread_mutex_init(&bar->lock, NULL);
}

void sq_bar_end(struct sq_bar *bar)
{
    pthread_mutex_lock(&bar->lock);
    if (bar->drawn)
        fputs(SQ_BAR_WIPE, stderr);
    bar->drawn = bar->shown = false;
    pthread_mutex_unlock(&bar->lock);
}

void sq_bar_fini(struct sq_bar *bar)
{
    sq_bar_end(bar);
    pthread_mutex_destroy(&bar->lock);
}

/* "1.2 GB" */
static void size_text(int64_t bytes, char *out, size_t size)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double v = (double)bytes;
    size_t u = 0;
    while (v >= 999.5 && u + 1 < SQ_LEN(units)) {
        v /= 1000;
        u++;
    }
    snprintf(out, size, u && v < 99.95 ? "%.1f %s" : "%.0f %s", v, units[u]);
}

/* The end of the name, where file names differ. */
static void add_label(const struct sq_job *job, char *out, size_t size)
{
    const char *label = job->label;
    size_t len = strlen(label);
    bool cut = len > LABEL_COLUMNS;
    snprintf(out, size, "%s%s", cut ? "..." : "",
             cut ? label + len - LABEL_COLUMNS + 3 : label);
}

static void add_bar(int64_t moved, int64_t total, int width, char *out, size_t size)
{
    if (total <= 0 || width < 5) {
        *out = 0;
        return;
    }
    if (width > BAR_MAX)
        width = BAR_MAX;
    double part = moved > total ? 1 : (double)moved / (double)total;
    int full = (int)(part * width);
    snprintf(out, size, " %3d%% [%.*s%s%*s]", (int)(part * 100), full,
             "========================================", full < width ? ">" : "",
             full < width ? width - full - 1 : 0, "");
}

/* "12/500 files 1.2 GB/2.7 GB 84.1 MB/s 0:17" */
static void add_figures(const struct sq_job *job, int64_t elapsed_us, char *out,
                        size_t size)
{
    char moved[20], total[20] = "", speed[20], files[50] = "", left[30] = "";
    int64_t done = job->moved_bytes, all = job->total_bytes;
    double rate = elapsed_us > 0 ? (double)done * 1e6 / (double)elapsed_us : 0;
    size_text(done, moved, sizeof moved);
    size_text((int64_t)rate, speed, sizeof speed);
    if (all > 0)
        size_text(all, total, sizeof total);
    if (job->total_files > 0)
        snprintf(files, sizeof files, "%lld/%lld files ", (long long)job->files,
                 (long long)job->total_files);
    if (all > done && rate > 0) {
        int64_t s = (int64_t)((double)(all - done) / rate);
        if (s < 360000)
            snprintf(left, sizeof left, s < 3600 ? " %lld:%02lld" : " %lld h %02lld",
                     (long long)(s < 3600 ? s / 60 : s / 3600),
                     (long long)(s < 3600 ? s % 60 : s / 60 % 60));
    }
    snprintf(out, size, "%s%s%s%s %s/s%s", files, moved, *total ? "/" : "", total,
             speed, left);
}

void sq_bar_line(const struct sq_job *job, int64_t elapsed_us, int columns, char *out,
                 size_t size)
{
    char label[LABEL_COLUMNS + 1], figures[200], bar[100];
    add_label(job, label, sizeof label);
    add_figures(job, elapsed_us, figures, sizeof figures);
    int width = columns - (int)strlen(label) - (int)strlen(figures) - 10;
    add_bar(job->moved_bytes, job->total_bytes, width, bar, sizeof bar);
    snprintf(out, size, "%s%s %s", label, bar, figures);
    if (columns > 1 && strlen(out) >= (size_t)columns)
        out[columns - 1] = 0;
}

void sq_bar_tick(void *arg, struct sq_job *job)
{
    struct sq_bar *bar = arg;
    struct winsize w;
    char line[LINE_BYTES];
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col;
    if (job->moved_bytes == 0 && job->files == 0)
        return;
    sq_bar_line(job, sq_monotonic() - bar->begun_us, known ? w.ws_col : COLUMNS, line,
                sizeof line);
    pthread_mutex_lock(&bar->lock);
    if (bar->shown) {
        fprintf(stderr, "\r%s\033[K", line);
        fflush(stderr);
        bar->drawn = true;
    }
    pthread_mutex_unlock(&bar->lock);
}
