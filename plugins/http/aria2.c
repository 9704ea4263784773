/* @aria2: the real aria2c, which fetches a file in several parts at once.
 *
 * Its segments are written all over the file, so that what a broken try left is of no
 * use to anybody else: each of our tries begins anew, and aria2c has tries of its own.
 * The URL goes in by its standard input, since arguments are for everybody to read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/http/http.h"

struct aria2 {
    struct sq_call *call;
    int64_t total, told;
    char last[TEXT_BYTES]; /* of what it complained about */
};

/* "[#2089b0 409600B/34896138B(1%) CN:5 DL:118476B]", every second. */
static int on_line(void *arg, int stream, const char *line, size_t len)
{
    struct aria2 *a = arg;
    long long done;
    (void)stream, (void)len;
    if (sscanf(line, "[#%*[0-9a-f] %lldB/", &done) == 1) {
        if (done > a->told)
            a->call->progress(a->call, a->told = done, a->total);
    } else if (strstr(line, "ERROR") || strstr(line, "errorCode")) {
        snprintf(a->last, sizeof a->last, "%s", line);
    }
    return 0;
}

/* aria2c(1), EXIT STATUS. */
static int code_of(int status)
{
    switch (status) {
    case 3:
    case 4: return SQ_ENOENT;
    case 9: return SQ_ENOSPC;
    case 24: return SQ_EAUTH;
    case 2: return SQ_ETIMEDOUT;
    case 15:
    case 16:
    case 17:
    case 28: return SQ_EINVAL;
    default: return SQ_EIO;
    }
}

/* "URL\n dir=…\n out=…\n", aria2c's input file; NULL: out of memory. */
static char *input_of(const char *url, const char *to)
{
    const char *slash = strrchr(to, '/');
    char *text = NULL;
    if (asprintf(&text, "%s\n dir=%.*s\n out=%s\n", url,
                 slash == to ? 1 : (int)(slash - to), to, slash + 1) < 0)
        return NULL;
    return text;
}

static int run_aria2(struct sq_storage *s, const char *url, const char *to,
                     struct aria2 *a, struct sq_err *err)
{
    static const char *const argv[] = {"aria2c",
                                       "--no-conf",
                                       "--input-file=-",
                                       "--split=5",
                                       "--max-connection-per-server=5",
                                       "--min-split-size=1M",
                                       "--file-allocation=none",
                                       "--allow-overwrite=true",
                                       "--auto-file-renaming=false",
                                       "--continue=false",
                                       "--max-tries=5",
                                       "--retry-wait=2",
                                       "--connect-timeout=30",
                                       "--follow-metalink=false",
                                       "--follow-torrent=false",
                                       "--summary-interval=1",
                                       "--human-readable=false",
                                       "--show-console-readout=false",
                                       "--enable-color=false",
                                       "--console-log-level=error",
                                       "--download-result=hide",
                                       NULL};
    char *input = input_of(url, to);
    if (!input)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    struct sq_run run = {.argv = argv,
                         .input = input,
                         .input_len = strlen(input),
                         .line = on_line,
                         .arg = a};
    int status = 0;
    int rc = s->host->run(s->host, a->call, &run, &status, err);
    free(input);
    if (rc == SQ_ENOENT)
        return sq_fail(
            err, SQ_EINVAL,
            "there is no aria2c for %.200s: install aria2, or leave out @aria2", url);
    if (rc || status == 0)
        return rc;
    return sq_fail(err, code_of(status),
                   "aria2c cannot fetch %.200s: %.200s (it says %d)", url, a->last,
                   status);
}

static void sweep(const char *to)
{
    char *control = NULL;
    unlink(to);
    if (asprintf(&control, "%s.aria2", to) >= 0) {
        unlink(control);
        free(control);
    }
}

int http_aria2(struct sq_storage *s, const char *url, const char *to,
               struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    struct sq_entry source;
    struct stat st;
    if (strpbrk(to, "\n\r"))
        return sq_fail(err, SQ_EINVAL, "@aria2 takes no folder with a newline");
    int rc = http_look(s, url, call, &source, err);
    if (rc)
        return rc;
    struct aria2 a = {.call = call, .total = source.size_bytes};
    sweep(to);
    rc = run_aria2(s, url, to, &a, err);
    if (rc) {
        sweep(to);
        return rc;
    }
    if (stat(to, &st) != 0)
        return sq_fail(err, SQ_EIO, "aria2c left no file of %.300s", url);
    if (source.size_bytes != SQ_UNKNOWN && st.st_size != source.size_bytes)
        return sq_fail(err, SQ_EIO, "%.200s came with %lld bytes of %lld", url,
                       (long long)st.st_size, (long long)source.size_bytes);
    call->progress(call, st.st_size, st.st_size);
    source.size_bytes = st.st_size;
    *ret = source;
    return 0;
}
