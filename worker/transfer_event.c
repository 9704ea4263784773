/* What is said between the worker and scitq-fetch (cli/fetch/worker.h): the list of
 * jobs, and a line of its answers.  What a source is becomes a text: of a file its
 * size, date and MD5; of a folder what sums up the same of all that is in it. */
#include "worker/transfer_event.h"

#include <inttypes.h>
#include <string.h>

#include "lib/jsonio.h"

enum { SKIPPED_MAX = 900 }; /* a note has room for about as much */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "-";
}

static void read_source(const json_t *root, struct sq_buf *out)
{
    const char *listing = json_string_value(json_object_get(root, "listing"));
    const json_t *bytes = json_object_get(root, "source_size");
    if (listing) {
        sq_buf_addf(out, "folder %s", listing);
        return;
    }
    size_t at = out->len;
    if (json_is_integer(bytes))
        sq_buf_addf(out, "%" PRId64, (int64_t)json_integer_value(bytes));
    else
        sq_buf_addc(out, '-');
    sq_buf_addf(out, " %s %s", text_of(root, "source_date"), text_of(root, "md5"));
    if (sq_buf_ok(out) && strcmp(out->data + at, "- - -") == 0) {
        out->len = at; /* nothing is known */
        out->data[at] = 0;
    }
}

/* False: there are none. */
static bool read_skipped(const json_t *root, struct sq_buf *out)
{
    const json_t *list = json_object_get(root, "skipped");
    size_t n = json_array_size(list), start = out->len, i = 0;
    for (; i < n && out->len - start <= SKIPPED_MAX; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        sq_buf_addf(out, "%s%.200s", i ? ", " : "", name ? name : "?");
    }
    int64_t more =
        (int64_t)(n - i) + json_integer_value(json_object_get(root, "skipped_more"));
    if (more > 0)
        sq_buf_addf(out, " and %" PRId64 " more", more);
    return n > 0;
}

static int take(const json_t *root, struct sq_buf *texts, struct sq_transfer_event *ret,
                struct sq_err *err)
{
    const json_t *id = json_object_get(root, "id");
    const char *event = text_of(root, "event");
    *ret =
        (struct sq_transfer_event){.id = (int64_t)json_integer_value(id), .source = ""};
    if (!json_is_integer(id))
        return sq_fail(err, SQ_EPROTO, "a line without an id");
    ret->bytes = (int64_t)json_integer_value(json_object_get(root, "bytes"));
    if (strcmp(event, "progress") == 0) {
        ret->kind = SQ_TRANSFER_PROGRESS;
    } else if (strcmp(event, "done") == 0) {
        ret->kind = SQ_TRANSFER_DONE;
        snprintf(ret->hash, sizeof ret->hash, "%s", text_of(root, "content"));
        read_source(root, texts);
        sq_buf_add(texts, "", 1);
        size_t at = texts->len;
        bool some = read_skipped(root, texts);
        if (!sq_buf_ok(texts))
            return sq_fail(err, SQ_ENOMEM, "out of memory");
        ret->source = texts->data;
        ret->skipped = some ? texts->data + at : NULL;
    } else if (strcmp(event, "failed") == 0) {
        ret->kind = SQ_TRANSFER_FAILED;
        sq_buf_adds(texts, text_of(root, "message"));
        if (!sq_buf_ok(texts))
            return sq_fail(err, SQ_ENOMEM, "out of memory");
        ret->message = texts->data;
        ret->retry = json_is_true(json_object_get(root, "retry"));
        ret->unsupported = strcmp(text_of(root, "code"), "SQ_EUNSUPPORTED") == 0;
    } else
        return sq_fail(err, SQ_EPROTO, "an unknown event, \"%.100s\"", event);
    return 0;
}

int sq_transfer_event_read(const char *line, size_t len, struct sq_buf *texts,
                           struct sq_transfer_event *ret, struct sq_err *err)
{
    json_t *root = NULL;
    int rc = sq_json_parse(line, len, &root, err);
    if (!rc && !json_is_object(root))
        rc = sq_fail(err, SQ_EPROTO, "it is no object");
    sq_buf_clear(texts);
    if (!rc)
        rc = take(root, texts, ret, err);
    json_decref(root);
    return rc ? sq_prefix(err, "what scitq-fetch said: ") : 0;
}

void sq_transfer_list(struct sq_buf *out, const struct sq_transfer_item *items,
                      size_t n)
{
    struct sq_jw w;
    sq_buf_init(out, SQ_TRANSFER_LIST);
    sq_jw_init(&w, out);
    sq_jw_open(&w, '{');
    sq_jw_key(&w, "jobs");
    sq_jw_open(&w, '[');
    for (size_t i = 0; i < n; i++) {
        const char *const fields[][2] = {{"op", items[i].op},
                                         {"uri", items[i].uri},
                                         {"to", items[i].to},
                                         {"from", items[i].from}};
        sq_jw_open(&w, '{');
        sq_jw_key(&w, "id");
        sq_jw_int(&w, (int64_t)i + 1);
        for (size_t f = 0; f < SQ_LEN(fields); f++)
            if (fields[f][1]) {
                sq_jw_key(&w, fields[f][0]);
                sq_jw_text(&w, fields[f][1]);
            }
        if (items[i].hash) {
            sq_jw_key(&w, "hash");
            sq_jw_bool(&w, true);
        }
        sq_jw_close(&w);
    }
    sq_jw_close(&w);
    sq_jw_close(&w);
}
