/* Both directions go by one table of the fields. */
#include "worker/memo.h"

#include <stddef.h>
#include <string.h>

#include "lib/jsonio.h"

enum { MARK = 1 };

static const struct {
    const char *key;
    size_t at;
} fields[] = {
    {"command", offsetof(struct sq_memo, command)},
    {"container", offsetof(struct sq_memo, container)},
    {"container_options", offsetof(struct sq_memo, container_options)},
    {"runtime", offsetof(struct sq_memo, runtime)},
    {"container_id", offsetof(struct sq_memo, container_id)},
    {"input", offsetof(struct sq_memo, input)},
    {"resource", offsetof(struct sq_memo, resource)},
    {"output", offsetof(struct sq_memo, output)},
};

static const char *get(const struct sq_memo *m, size_t i)
{
    const char *text;
    memcpy(&text, (const char *)m + fields[i].at, sizeof text);
    return text;
}

static void set(struct sq_memo *m, size_t i, const char *text)
{
    memcpy((char *)m + fields[i].at, &text, sizeof text);
}

static bool is_plain(const struct sq_memo *m)
{
    for (size_t i = 1; i < SQ_LEN(fields); i++)
        if (get(m, i))
            return false;
    return m->command && m->command[0] != MARK;
}

void sq_memo_write(const struct sq_memo *m, struct sq_buf *out)
{
    struct sq_jw w;
    if (is_plain(m)) {
        sq_buf_adds(out, m->command);
        return;
    }
    sq_buf_addc(out, MARK);
    sq_jw_init(&w, out);
    sq_jw_open(&w, '{');
    for (size_t i = 0; i < SQ_LEN(fields); i++)
        if (get(m, i)) {
            sq_jw_key(&w, fields[i].key);
            sq_jw_text(&w, get(m, i));
        }
    sq_jw_close(&w);
}

int sq_memo_read(const char *text, struct sq_arena *arena, struct sq_memo *ret,
                 struct sq_err *err)
{
    json_t *root = NULL;
    char *value = NULL;
    *ret = (struct sq_memo){.command = text};
    if (text[0] != MARK)
        return 0;
    *ret = (struct sq_memo){0};
    int rc = sq_json_parse(text + 1, strlen(text + 1), &root, err);
    for (size_t i = 0; !rc && i < SQ_LEN(fields); i++) {
        const json_t *v = json_object_get(root, fields[i].key);
        rc = v ? sq_json_to_text(v, fields[i].key, arena, &value, err) : 0;
        set(ret, i, v ? value : NULL);
    }
    json_decref(root);
    if (!rc && !ret->command)
        rc = sq_fail(err, SQ_EINVAL, "there is no command");
    return rc ? sq_prefix(err, "what was kept of an execution: ") : 0;
}
