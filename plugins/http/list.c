/* Folders of FTP servers, by LIST, which libcurl takes apart; dates are left out, since
 * LIST gives them to the minute at best and in the server's own zone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/http/http.h"

/* Folders still to be read, and the text of one folder, which libcurl takes apart when
 * it is whole; deeper or wider trees are no data set of anybody. */
enum { QUEUE_MAX = 100000, LIST_BYTES = 16 << 20 };

struct listing {
    struct sq_storage *s;
    struct sq_call *call;
    sq_entry_fn each;
    void *arg;
    bool recursive;
    char **queue; /* names of folders below the top, "" for the top */
    size_t n, cap, next;
    bool too_long;
    int rc; /* of `each`, or SQ_ENOMEM */
};

static int enqueue(struct listing *l, const char *name)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        char **more =
            cap > QUEUE_MAX * 2 ? NULL : realloc(l->queue, cap * sizeof *more);
        if (!more)
            return SQ_ENOMEM;
        l->queue = more;
        l->cap = cap;
    }
    l->queue[l->n] = strdup(name);
    return l->queue[l->n++] ? 0 : SQ_ENOMEM;
}

static int tell(struct listing *l, const struct curl_fileinfo *info, const char *name)
{
    enum sq_entry_kind kind = info->filetype == CURLFILETYPE_FILE ? SQ_ENTRY_FILE
                              : info->filetype == CURLFILETYPE_DIRECTORY
                                  ? SQ_ENTRY_FOLDER
                                  : SQ_ENTRY_OTHER;
    bool sized = kind == SQ_ENTRY_FILE && (info->flags & CURLFINFOFLAG_KNOWN_SIZE);
    struct sq_entry e = {.name = name,
                         .kind = kind,
                         .size_bytes = sized ? (int64_t)info->size : SQ_UNKNOWN,
                         .date_ns = SQ_UNKNOWN};
    int rc = l->each(l->arg, &e);
    if (rc == 0 && kind == SQ_ENTRY_FOLDER && l->recursive)
        rc = enqueue(l, name);
    return rc;
}

/* libcurl asks what to do with each file that LIST names. */
static long on_entry(const void *data, void *arg, int remains)
{
    const struct curl_fileinfo *info = data;
    struct listing *l = arg;
    const char *folder = l->queue[l->next];
    char *name = NULL;
    (void)remains;
    if (strcmp(info->filename, ".") == 0 || strcmp(info->filename, "..") == 0)
        return CURL_CHUNK_BGN_FUNC_SKIP;
    if (asprintf(&name, "%s%s%s", folder, *folder ? "/" : "", info->filename) < 0) {
        l->rc = SQ_ENOMEM;
        return CURL_CHUNK_BGN_FUNC_FAIL;
    }
    l->rc = tell(l, info, name);
    free(name);
    return l->rc ? CURL_CHUNK_BGN_FUNC_FAIL : CURL_CHUNK_BGN_FUNC_SKIP;
}

/* The URL of all that is in `folder` below `url`, which ends in a slash. */
static char *pattern_of(CURL *easy, const char *url, const char *folder)
{
    size_t room = strlen(url) + 3 * strlen(folder) + 3;
    char *text = malloc(room), *p = text;
    (void)easy;
    if (!text)
        return NULL;
    p += sprintf(p, "%s", url);
    for (const unsigned char *c = (const unsigned char *)folder; *c; c++)
        if (*c <= ' ' || *c >= 0x7f || strchr("%?#[]*\\;", *c))
            p += sprintf(p, "%%%02X", *c);
        else
            *p++ = (char)*c;
    sprintf(p, "%s*", *folder ? "/" : "");
    return text;
}

static int on_progress(void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up)
{
    struct listing *l = arg;
    (void)total, (void)up_total, (void)up;
    l->too_long = now > LIST_BYTES;
    return l->too_long;
}

static int perform_list(struct listing *l, const char *url, struct sq_err *err)
{
    char *pattern = pattern_of(l->s->easy, url, l->queue[l->next]);
    if (!pattern)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    http_prepare(l->s, pattern);
    curl_easy_setopt(l->s->easy, CURLOPT_WILDCARDMATCH, 1L);
    curl_easy_setopt(l->s->easy, CURLOPT_CHUNK_BGN_FUNCTION, on_entry);
    curl_easy_setopt(l->s->easy, CURLOPT_CHUNK_DATA, l);
    curl_easy_setopt(l->s->easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(l->s->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(l->s->easy, CURLOPT_XFERINFODATA, l);
    int rc = http_perform(l->s, pattern, l->call, err);
    free(pattern);
    if (l->too_long)
        return sq_fail(err, SQ_EPROTO, "the list of %.300s has more than 16 MiB", url);
    /* libcurl says so of a folder with nothing in it, whose LIST no server refused. */
    if (rc == SQ_ENOENT && l->s->answer.status / 100 != 5)
        return 0;
    return l->rc ? sq_fail(err, l->rc, "the list of %.300s was stopped", url) : rc;
}

/* On a handle of its own: libcurl 7.88 forgets the list of files of one that is used
 * again after a stop.  Connections are the multi handle's, and stay. */
static int read_folder(struct listing *l, const char *url, struct sq_err *err)
{
    CURL *kept = l->s->easy, *own = curl_easy_init();
    if (!own)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    l->s->easy = own;
    int rc = perform_list(l, url, err);
    l->s->easy = kept;
    curl_easy_cleanup(own);
    return rc;
}

static int list_one(struct sq_storage *s, const struct sq_location *at,
                    sq_entry_fn each, void *arg, struct sq_call *call,
                    struct sq_err *err)
{
    struct sq_entry e;
    int rc = http_info(s, at, 0, call, &e, err);
    if (rc)
        return rc;
    const char *slash = strrchr(at->path, '/');
    char *name = strdup(slash ? slash + 1 : at->path);
    if (!name)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    name[strcspn(name, "?#")] = 0;
    e.name = name;
    rc = *name ? each(arg, &e) : sq_fail(err, SQ_EINVAL, "%.300s is no file", at->path);
    free(name);
    return rc;
}

static int list_folder(struct sq_storage *s, const struct sq_location *at,
                       unsigned want, sq_entry_fn each, void *arg, struct sq_call *call,
                       struct sq_err *err)
{
    struct listing l = {.s = s,
                        .call = call,
                        .each = each,
                        .arg = arg,
                        .recursive = want & SQ_LIST_RECURSIVE};
    char *url = http_url(s->host, at);
    int rc = url && enqueue(&l, "") == 0 ? 0 : sq_fail(err, SQ_ENOMEM, "out of memory");
    for (; rc == 0 && l.next < l.n; l.next++)
        rc = read_folder(&l, url, err);
    for (size_t i = 0; i < l.n; i++)
        free(l.queue[i]);
    free(l.queue);
    free(url);
    return rc;
}

int http_list(struct sq_storage *s, const struct sq_location *at, unsigned want,
              sq_entry_fn each, void *arg, struct sq_call *call, struct sq_err *err)
{
    struct sq_entry e;
    bool slash = at->path[strlen(at->path) - 1] == '/';
    if (!http_is_ftp(at))
        return slash ? http_no_folder(s, at, SQ_EUNSUPPORTED, err)
                     : list_one(s, at, each, arg, call, err);
    int rc = http_info(s, at, 0, call, &e, err);
    if (rc)
        return rc;
    if (e.kind == SQ_ENTRY_FILE)
        return list_one(s, at, each, arg, call, err);
    char *path = NULL;
    struct sq_location folder = *at;
    if (asprintf(&path, "%s%s", at->path, slash ? "" : "/") < 0)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    folder.path = path;
    rc = list_folder(s, &folder, want, each, arg, call, err);
    free(path);
    return rc;
}
