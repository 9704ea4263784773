/* One request: its URL, its headers, its end, and what its errors mean. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugins/http/http.h"

enum {
    REDIRECTS_MAX = 10,
    CONNECT_S = 30,
    ANSWER_S = 60, /* of an FTP server to one command */
    WAKE_MS = 1000 /* curl has timers of its own within this */
};

bool http_is_ftp(const struct sq_location *at)
{
    return strcmp(at->proto, "ftp") == 0;
}

/* A password and a query (a presigned link's key is in it) are nobody's business. */
static void hide_secrets(struct sq_host *host, const char *url)
{
    CURLU *u = curl_url();
    CURLUPart parts[] = {CURLUPART_PASSWORD, CURLUPART_QUERY};
    if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK)
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            char *text = NULL;
            if (curl_url_get(u, parts[i], &text, 0) == CURLUE_OK && text)
                host->hide(host, text);
            curl_free(text);
        }
    curl_url_cleanup(u);
}

char *http_url(struct sq_host *host, const struct sq_location *at)
{
    size_t room = strlen(at->proto) + 3 + 3 * strlen(at->path) + 1;
    char *url = malloc(room);
    if (!url)
        return NULL;
    char *p = url + sprintf(url, "%s://", at->proto);
    for (const unsigned char *c = (const unsigned char *)at->path; *c; c++)
        if (*c <= ' ' || *c >= 0x7f)
            p += sprintf(p, "%%%02X", *c);
        else
            *p++ = (char)*c;
    *p = 0;
    hide_secrets(host, url);
    return url;
}

/* "name: value" of a header line into `out` when it is that name. */
static void take_text(const char *line, size_t len, const char *name, char *out)
{
    size_t n = strlen(name);
    if (len <= n || strncasecmp(line, name, n) != 0)
        return;
    for (line += n, len -= n; len && (*line == ' ' || *line == '\t'); line++)
        len--;
    while (len && strchr("\r\n \t", line[len - 1]))
        len--;
    if (len < TEXT_BYTES) {
        memcpy(out, line, len);
        out[len] = 0;
    }
}

static void take_range(struct answer *a, const char *text)
{
    long long start, end, total;
    int n = sscanf(text, "bytes %lld-%lld/%lld", &start, &end, &total);
    if (n >= 2 && start >= 0)
        a->range_start = start;
    if (n == 3 && total >= 0)
        a->range_total = total;
}

/* Each answer on the way (a redirect, a challenge) begins with a line of its own. */
static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    struct answer *a = arg;
    size_t len = size * n;
    char range[TEXT_BYTES] = "";
    if (len > 5 && strncmp(line, "HTTP/", 5) == 0)
        *a = (struct answer){
            .range_start = SQ_UNKNOWN, .range_total = SQ_UNKNOWN, .length = SQ_UNKNOWN};
    take_text(line, len, "etag:", a->etag);
    take_text(line, len, "last-modified:", a->modified);
    take_text(line, len, "content-range:", range);
    if (*range)
        take_range(a, range);
    return len;
}

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
    (void)data, (void)arg;
    return size * n;
}

void http_prepare(struct sq_storage *s, const char *url)
{
    CURL *c = s->easy;
    curl_easy_reset(c);
    s->answer = (struct answer){
        .range_start = SQ_UNKNOWN, .range_total = SQ_UNKNOWN, .length = SQ_UNKNOWN};
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https,ftp");
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    curl_easy_setopt(c, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)ANSWER_S);
    curl_easy_setopt(c, CURLOPT_FILETIME, 1L);
    curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "scitq");
    curl_easy_setopt(c, CURLOPT_FTP_FILEMETHOD, (long)CURLFTPMETHOD_NOCWD);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, &s->answer);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
}

/* What an HTTP status means. */
static int fail_status(const char *url, long status, struct sq_err *err)
{
    if (status == 404 || status == 410)
        return sq_fail(err, SQ_ENOENT, "%.300s does not exist (the server says %ld)",
                       url, status);
    if (status == 401 || status == 403 || status == 407)
        return sq_fail(err, SQ_EAUTH,
                       "%.300s is refused (the server says %ld): are "
                       "there a name and a password, or a newer link?",
                       url, status);
    if (status >= 500 || status == 408 || status == 425 || status == 429)
        return sq_fail(err, SQ_EIO, "%.300s: the server says %ld", url, status);
    return sq_fail(err, SQ_EINVAL, "%.300s: the server says %ld", url, status);
}

static int fail_curl(struct sq_storage *s, const char *url, CURLcode code,
                     struct sq_err *err)
{
    int kind = SQ_EIO;
    switch (code) {
    case CURLE_HTTP_RETURNED_ERROR: return fail_status(url, s->answer.status, err);
    case CURLE_REMOTE_FILE_NOT_FOUND:
    case CURLE_REMOTE_ACCESS_DENIED:
    case CURLE_FTP_COULDNT_RETR_FILE: kind = SQ_ENOENT; break;
    case CURLE_LOGIN_DENIED: kind = SQ_EAUTH; break;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: kind = SQ_EINVAL; break;
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE: kind = SQ_EPROTO; break;
    case CURLE_OPERATION_TIMEDOUT: kind = SQ_ETIMEDOUT; break;
    case CURLE_OUT_OF_MEMORY: kind = SQ_ENOMEM; break;
    case CURLE_PARTIAL_FILE:
        return sq_fail(err, SQ_EIO, "%.300s came cut off: the connection ended early",
                       url);
    default: break;
    }
    const char *text = curl_easy_strerror(code);
    if (kind == SQ_ENOENT)
        return sq_fail(err, kind, "%.300s does not exist: %s", url, text);
    return sq_fail(err, kind, "cannot fetch %.300s: %s", url, text);
}

/* The result of the only transfer there is, once it ended. */
static bool ended(struct sq_storage *s, CURLcode *ret)
{
    int left;
    CURLMsg *m = curl_multi_info_read(s->multi, &left);
    if (m && m->msg == CURLMSG_DONE)
        *ret = m->data.result;
    return m && m->msg == CURLMSG_DONE;
}

static int run(struct sq_storage *s, struct sq_call *call, CURLcode *ret)
{
    struct curl_waitfd cancel = {.fd = call->cancel_fd, .events = CURL_WAIT_POLLIN};
    unsigned n = call->cancel_fd >= 0;
    int running;
    for (;;) {
        if (curl_multi_perform(s->multi, &running) != CURLM_OK)
            return SQ_EIO;
        if (ended(s, ret))
            return 0;
        if (call->canceled(call))
            return SQ_ECANCELED;
        curl_multi_poll(s->multi, &cancel, n, WAKE_MS / (n ? 1 : 4), NULL);
    }
}

int http_perform(struct sq_storage *s, const char *url, struct sq_call *call,
                 struct sq_err *err)
{
    CURLcode code = CURLE_OK;
    curl_off_t length = -1;
    if (curl_multi_add_handle(s->multi, s->easy) != CURLM_OK)
        return sq_fail(err, SQ_ENOMEM, "libcurl takes no transfer");
    int rc = run(s, call, &code);
    curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &s->answer.status);
    curl_easy_getinfo(s->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    s->answer.length = length >= 0 ? length : SQ_UNKNOWN;
    curl_multi_remove_handle(s->multi, s->easy);
    if (rc == SQ_ECANCELED)
        return sq_fail(err, rc, "fetching %.300s was canceled", url);
    if (rc)
        return sq_fail(err, rc, "cannot fetch %.300s: libcurl gave up", url);
    return code == CURLE_OK ? 0 : fail_curl(s, url, code, err);
}

/* A server that answers no HEAD (a link signed for GET only) is asked for one byte. */
static int look_by_range(struct sq_storage *s, const char *url, struct sq_call *call,
                         struct sq_err *err)
{
    http_prepare(s, url);
    curl_easy_setopt(s->easy, CURLOPT_RANGE, "0-0");
    /* A server that ignores ranges sends everything: the headers were enough. */
    curl_easy_setopt(s->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)1);
    struct sq_err why;
    int rc = http_perform(s, url, call, &why);
    if (s->answer.status == 206)
        s->answer.length = s->answer.range_total;
    if (rc && s->answer.status == 200 && s->answer.length != SQ_UNKNOWN)
        rc = 0;
    return rc ? sq_fail(err, rc, "%s", why.text) : 0;
}

int http_look(struct sq_storage *s, const char *url, struct sq_call *call,
              struct sq_entry *ret, struct sq_err *err)
{
    curl_off_t date = -1;
    bool ftp = strncmp(url, "ftp:", 4) == 0;
    http_prepare(s, url);
    curl_easy_setopt(s->easy, CURLOPT_NOBODY, 1L);
    int rc = http_perform(s, url, call, err);
    long status = s->answer.status;
    if (rc && !ftp && (status == 403 || status == 405 || status == 501))
        rc = look_by_range(s, url, call, err);
    if (rc)
        return rc;
    curl_easy_getinfo(s->easy, CURLINFO_FILETIME_T, &date);
    if (ftp && s->answer.length == SQ_UNKNOWN && date < 0)
        return sq_fail(err, SQ_ENOENT, "%.300s does not exist", url);
    *ret = (struct sq_entry){
        .kind = SQ_ENTRY_FILE,
        .size_bytes = s->answer.length,
        .date_ns = date > 0 ? (int64_t)date * 1000000000 : SQ_UNKNOWN,
        .date_precision_ns = 1000000000,
    };
    return 0;
}
