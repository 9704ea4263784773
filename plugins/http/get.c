/* One file, gone on with where an earlier try stopped.
 *
 * A next try asks for the rest only if the source is surely the same: HTTP's If-Range
 * with a strong ETag, or the date, and what the answer says is compared again; FTP's
 * size and date.  In doubt it begins anew. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/http/http.h"

struct sink {
    struct sq_storage *s;
    struct sq_call *call;
    int fd;
    int64_t at;    /* where the next byte goes */
    int64_t asked; /* the first byte asked for */
    bool checked;  /* the answer's headers were looked at */
    bool other;    /* they tell of another file than the one begun */
    int error;     /* errno of a failed write */
};

/* Does the answer go on with what was begun? */
static bool goes_on(const struct sink *k)
{
    const struct answer *a = &k->s->answer;
    const char *v = k->s->begun.validator;
    return a->range_start == k->asked && a->range_total == k->s->begun.size &&
           (strcmp(a->etag, v) == 0 || strcmp(a->modified, v) == 0);
}

/* Before the first byte: where does it belong? */
static bool check_answer(struct sink *k)
{
    long status = 0;
    curl_easy_getinfo(k->s->easy, CURLINFO_RESPONSE_CODE, &status);
    k->checked = true;
    if (k->asked == 0 || status < 200 || status > 206)
        return status != 206; /* nobody asked for a part */
    if (status == 206) {
        k->other = !goes_on(k);
        return !k->other;
    }
    k->at = 0; /* 200: the whole anew */
    return ftruncate(k->fd, 0) == 0;
}

static bool write_all(struct sink *k, const char *data, size_t len)
{
    while (len) {
        ssize_t n = pwrite(k->fd, data, len, k->at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            k->error = errno;
            return false;
        }
        data += n;
        len -= (size_t)n;
        k->at += n;
    }
    return true;
}

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
    struct sink *k = arg;
    curl_off_t length = -1;
    bool ftp = k->s->begun.url && strncmp(k->s->begun.url, "ftp:", 4) == 0;
    if (!k->checked && !ftp && !check_answer(k))
        return 0;
    k->checked = true;
    int64_t start = k->at;
    if (!write_all(k, data, size * n))
        return 0;
    curl_easy_getinfo(k->s->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    (void)start;
    k->call->progress(k->call, k->at,
                      k->s->begun.size != SQ_UNKNOWN ? k->s->begun.size
                      : length >= 0 && k->asked == 0 ? (int64_t)length
                                                     : SQ_UNKNOWN);
    return size * n;
}

/* What this answer lets a next try ask for. */
static void remember(struct sq_storage *s, const struct sink *k)
{
    const struct answer *a = &s->answer;
    if (a->status == 206)
        return; /* as before */
    bool strong = a->etag[0] && strncmp(a->etag, "W/", 2) != 0;
    snprintf(s->begun.validator, sizeof s->begun.validator, "%s",
             strong ? a->etag : a->modified);
    s->begun.size = a->length;
    if (k->asked && a->status == 0)
        s->begun.size = k->asked + a->length;
}

static int forget(struct sq_storage *s, const char *url, const char *to)
{
    free(s->begun.url);
    free(s->begun.to);
    s->begun.url = strdup(url);
    s->begun.to = strdup(to);
    s->begun.validator[0] = 0;
    s->begun.size = s->begun.date = SQ_UNKNOWN;
    return s->begun.url && s->begun.to ? 0 : SQ_ENOMEM;
}

/* How much of it `to` holds, when it is what was begun; else 0. */
static int64_t kept(struct sq_storage *s, const char *url, const char *to, int fd)
{
    struct stat st;
    bool same = s->begun.url && s->begun.to && strcmp(s->begun.url, url) == 0 &&
                strcmp(s->begun.to, to) == 0;
    if (!same || fstat(fd, &st) != 0 || s->begun.size == SQ_UNKNOWN ||
        st.st_size >= s->begun.size)
        return 0;
    return st.st_size;
}

/* FTP has no If-Range: size and date are asked for before each try. */
static int look_first(struct sq_storage *s, const char *url, struct sq_call *call,
                      int64_t *asked, struct sq_err *err)
{
    struct sq_entry e;
    int rc = http_look(s, url, call, &e, err);
    if (rc)
        return rc;
    if (e.date_ns == SQ_UNKNOWN || e.date_ns != s->begun.date ||
        e.size_bytes != s->begun.size)
        *asked = 0;
    s->begun.date = e.date_ns;
    s->begun.size = e.size_bytes;
    return 0;
}

static int request(struct sq_storage *s, const char *url, struct sink *k, bool ftp,
                   struct sq_err *err)
{
    char text[TEXT_BYTES + 20];
    struct curl_slist *headers = NULL;
    http_prepare(s, url);
    if (k->asked && ftp) {
        curl_easy_setopt(s->easy, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)k->asked);
    } else if (k->asked) {
        snprintf(text, sizeof text, "If-Range: %s", s->begun.validator);
        headers = curl_slist_append(NULL, text);
        snprintf(text, sizeof text, "%lld-", (long long)k->asked);
        curl_easy_setopt(s->easy, CURLOPT_RANGE, text);
        curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, headers);
    }
    curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, k);
    int rc = http_perform(s, url, k->call, err);
    curl_slist_free_all(headers);
    if (!ftp && s->answer.status / 100 == 2 && !k->other)
        remember(s, k);
    return rc;
}

static int fail_write(const char *to, int e, struct sq_err *err)
{
    int code = e == ENOSPC || e == EDQUOT ? SQ_ENOSPC : SQ_EIO;
    return sq_fail(err, code, "cannot write %.200s: %s", to, strerror(e));
}

/* All is here?  What is known of the source into *ret. */
static int finish(struct sq_storage *s, const char *url, const struct sink *k,
                  struct sq_entry *ret, struct sq_err *err)
{
    curl_off_t date = -1;
    int64_t size = s->begun.size;
    curl_easy_getinfo(s->easy, CURLINFO_FILETIME_T, &date);
    if (size != SQ_UNKNOWN && k->at != size)
        return sq_fail(err, SQ_EIO, "%.200s came with %lld bytes of %lld", url,
                       (long long)k->at, (long long)size);
    *ret = (struct sq_entry){
        .kind = SQ_ENTRY_FILE,
        .size_bytes = k->at,
        .date_ns = date > 0            ? (int64_t)date * 1000000000
                   : s->begun.date > 0 ? s->begun.date
                                       : SQ_UNKNOWN,
        .date_precision_ns = 1000000000,
    };
    return 0;
}

static int get_by_curl(struct sq_storage *s, const char *url, const char *to, bool ftp,
                       struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    int fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return fail_write(to, errno, err);
    struct sink k = {.s = s, .call = call, .fd = fd};
    k.asked = kept(s, url, to, fd);
    int rc = k.asked ? 0 : forget(s, url, to);
    if (rc == 0 && ftp)
        rc = look_first(s, url, call, &k.asked, err);
    else if (rc == 0 && !s->begun.validator[0])
        k.asked = 0;
    k.at = k.asked;
    if (rc == 0 && ftruncate(fd, k.asked) != 0)
        rc = fail_write(to, errno, err);
    if (rc == 0)
        rc = request(s, url, &k, ftp, err);
    close(fd);
    if (rc && k.at == 0)
        unlink(to);
    if (k.error)
        rc = fail_write(to, k.error, err);
    if (k.other || s->answer.status == 416) {
        forget(s, url, to);
        return sq_fail(err, SQ_EIO, "%.200s changed while it was fetched", url);
    }
    return rc ? rc : finish(s, url, &k, ret, err);
}

int http_get(struct sq_storage *s, const struct sq_location *from, const char *to,
             struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    bool aria2 = false;
    for (size_t i = 0; i < from->n_options; i++) {
        if (strcmp(from->options[i], "aria2") != 0)
            return sq_fail(err, SQ_EINVAL, "%s has no option @%s: there is @aria2",
                           from->proto, from->options[i]);
        aria2 = true;
    }
    if (from->path[strlen(from->path) - 1] == '/')
        return http_no_folder(s, from, SQ_ENOENT, err);
    char *url = http_url(s->host, from);
    if (!url)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    int rc = aria2 ? http_aria2(s, url, to, call, ret, err)
                   : get_by_curl(s, url, to, http_is_ftp(from), call, ret, err);
    free(url);
    return rc;
}
