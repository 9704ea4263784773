/* http://, https:// and ftp://, read only, by libcurl.
 *
 * Each instance has one easy handle, whose connections are kept, run through a multi
 * handle, so that a canceled call wakes the poll it waits in. */
#include "plugins/http/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int http_open(struct sq_host *host, struct sq_storage **ret, struct sq_err *err)
{
    struct sq_storage *s = calloc(1, sizeof *s);
    if (s && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(s);
        return sq_fail(err, SQ_EIO, "libcurl does not start");
    }
    if (s) {
        s->host = host;
        s->easy = curl_easy_init();
        s->multi = curl_multi_init();
    }
    if (!s || !s->easy || !s->multi) {
        if (s) {
            curl_easy_cleanup(s->easy);
            curl_multi_cleanup(s->multi);
            curl_global_cleanup();
        }
        free(s);
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    }
    *ret = s;
    return 0;
}

static void http_close(struct sq_storage *s)
{
    if (!s)
        return;
    curl_easy_cleanup(s->easy);
    curl_multi_cleanup(s->multi);
    curl_global_cleanup();
    free(s->begun.url);
    free(s->begun.to);
    free(s);
}

/* Can its server change into the FTP folder `url`?  With or without a final slash. */
static int look_at_folder(struct sq_storage *s, const char *url, struct sq_call *call,
                          struct sq_entry *ret, struct sq_err *err)
{
    char *folder = NULL;
    bool ends = url[strlen(url) - 1] == '/';
    if (asprintf(&folder, "%s%s", url, ends ? "" : "/") < 0)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    http_prepare(s, folder);
    curl_easy_setopt(s->easy, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(s->easy, CURLOPT_FTP_FILEMETHOD, (long)CURLFTPMETHOD_SINGLECWD);
    int rc = http_perform(s, folder, call, err);
    free(folder);
    if (rc == 0)
        *ret = (struct sq_entry){
            .kind = SQ_ENTRY_FOLDER, .size_bytes = SQ_UNKNOWN, .date_ns = SQ_UNKNOWN};
    return rc;
}

int http_info(struct sq_storage *s, const struct sq_location *at, unsigned want,
              struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    (void)want;
    bool folder = at->path[strlen(at->path) - 1] == '/', ftp = http_is_ftp(at);
    if (folder && !ftp)
        return http_no_folder(s, at, SQ_ENOENT, err);
    char *url = http_url(s->host, at);
    struct sq_err why = {0};
    if (!url)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    int rc = folder ? SQ_ENOENT : http_look(s, url, call, ret, &why);
    if (rc == SQ_ENOENT && ftp)
        rc = look_at_folder(s, url, call, ret, &why);
    free(url);
    return rc ? sq_fail(err, rc, "%s", why.text) : 0;
}

int http_no_folder(struct sq_storage *s, const struct sq_location *at, int code,
                   struct sq_err *err)
{
    free(http_url(s->host, at)); /* what of it is secret is known then */
    return sq_fail(err, code, "%s://%.200s is no file: %s has files, no folders",
                   at->proto, at->path, at->proto);
}

static const char *const protocols[] = {"http", "https", "ftp", NULL};

extern const struct sq_storage_ops http_LTX_sq_storage;
const struct sq_storage_ops http_LTX_sq_storage = {
    .abi = SQ_STORAGE_ABI,
    .name = "http",
    .help = "web and FTP servers, read only; @aria2 fetches in parallel segments",
    .protocols = protocols,
    .open = http_open,
    .close = http_close,
    .info = http_info,
    .list = http_list,
    .get = http_get,
};
