/* A notice is words separated by spaces, a letter and a list each:
 *
 *     s12,14 t12 x8,9 k31 bDefault,my%20batch a12=3 Fsj
 *
 * A name has bytes up to the space, commas and percent signs as %XX. */
#include "core/store/notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    char letter;
    bool scheduler; /* told by the scheduler's process too */
    size_t offset;  /* of its set */
} sets[] = {
    {'s', false, offsetof(struct sq_changes, slots)},
    {'t', true, offsetof(struct sq_changes, tell)},
    {'x', true, offsetof(struct sq_changes, executions)},
    {'o', true, offsetof(struct sq_changes, outputs)},
    {'k', true, offsetof(struct sq_changes, tasks)},
    {'w', true, offsetof(struct sq_changes, workers)},
    {'j', true, offsetof(struct sq_changes, job_rows)},
    {'v', false, offsetof(struct sq_changes, evicted)},
    {'l', false, offsetof(struct sq_changes, silent)},
};

static const struct {
    char letter;
    bool scheduler;
    size_t offset;
} flags[] = {
    {'s', false, offsetof(struct sq_changes, sweep)},
    {'d', false, offsetof(struct sq_changes, due)},
    {'j', true, offsetof(struct sq_changes, jobs)},
    {'c', false, offsetof(struct sq_changes, cache)},
    {'f', true, offsetof(struct sq_changes, failed)},
};

/* ---- written */

static void write_set(struct sq_buf *b, char letter, const struct sq_id_set *s)
{
    for (size_t i = 0; i < s->n && !b->failed; i++)
        i ? sq_buf_addf(b, ",%lld", (long long)s->ids[i])
          : sq_buf_addf(b, " %c%lld", letter, (long long)s->ids[i]);
}

static void write_name(struct sq_buf *b, const char *name)
{
    for (; *name; name++)
        if ((unsigned char)*name <= ' ' || *name == ',' || *name == '%')
            sq_buf_addf(b, "%%%02X", (unsigned char)*name);
        else
            sq_buf_addc(b, *name);
}

static void write_scheduling(struct sq_buf *b, const struct sq_changes *from)
{
    for (size_t i = 0; i < from->n_batches && !b->failed; i++) {
        sq_buf_adds(b, i ? "," : " b");
        write_name(b, from->batches[i]);
    }
    for (size_t i = 0; i < from->n_ahead && !b->failed; i++)
        sq_buf_addf(b, "%s%lld=%lld", i ? "," : " a",
                    (long long)from->ahead[i].worker_id, (long long)from->ahead[i].n);
}

static void write_flags(struct sq_buf *b, const struct sq_changes *from, bool scheduler)
{
    bool any = false;
    for (size_t i = 0; i < SQ_LEN(flags); i++)
        if ((flags[i].scheduler || !scheduler) &&
            *(const bool *)((const char *)from + flags[i].offset)) {
            sq_buf_adds(b, any ? "" : " F");
            sq_buf_addc(b, flags[i].letter);
            any = true;
        }
}

void sq_notice_write(struct sq_buf *b, const struct sq_changes *from, bool scheduler)
{
    struct sq_buf all;
    sq_buf_init(&all, SQ_NOTICE_MAX);
    for (size_t i = 0; i < SQ_LEN(sets); i++)
        if (sets[i].scheduler || !scheduler)
            write_set(&all, sets[i].letter,
                      (const struct sq_id_set *)((const char *)from + sets[i].offset));
    if (!scheduler)
        write_scheduling(&all, from);
    write_flags(&all, from, scheduler);
    if (!sq_buf_ok(&all))
        sq_buf_adds(b, " Ff");
    else if (all.len)
        sq_buf_add(b, all.data, all.len);
    sq_buf_fini(&all);
}

/* ---- read */

static struct sq_id_set *set_of(struct sq_changes *c, char letter)
{
    for (size_t i = 0; i < SQ_LEN(sets); i++)
        if (sets[i].letter == letter)
            return (struct sq_id_set *)((char *)c + sets[i].offset);
    return NULL;
}

/* "12,14": true when that is all there is. */
static bool read_ids(const char *at, const char *end, struct sq_changes *io,
                     struct sq_id_set *set)
{
    while (at < end) {
        char *next;
        int64_t id = strtoll(at, &next, 10);
        if (next == at || next > end || (next < end && *next != ','))
            return false;
        sq_changes_add(io, set, id);
        at = next + 1;
    }
    return true;
}

static bool read_ahead(const char *at, const char *end, struct sq_changes *io)
{
    while (at < end) {
        long long worker_id, n;
        int len = 0;
        if (sscanf(at, "%lld=%lld%n", &worker_id, &n, &len) != 2 || at + len > end ||
            (at + len < end && at[len] != ','))
            return false;
        sq_changes_ahead(io, worker_id, n);
        at += len + 1;
    }
    return true;
}

static bool read_names(const char *at, const char *end, struct sq_changes *io)
{
    char name[SQ_NOTICE_MAX + 1];
    size_t len = 0;
    for (; at <= end; at++) {
        unsigned code;
        if (at == end || *at == ',') {
            name[len] = 0;
            sq_changes_batch(io, name);
            len = 0;
        } else if (len == SQ_NOTICE_MAX) {
            return false;
        } else if (*at != '%') {
            name[len++] = *at;
        } else if (end - at > 2 && sscanf(at + 1, "%2X", &code) == 1) {
            name[len++] = (char)code;
            at += 2;
        } else {
            return false;
        }
    }
    return true;
}

static bool read_flags(const char *at, const char *end, struct sq_changes *io)
{
    for (; at < end; at++) {
        size_t i = 0;
        while (i < SQ_LEN(flags) && flags[i].letter != *at)
            i++;
        if (i == SQ_LEN(flags))
            return false;
        *(bool *)((char *)io + flags[i].offset) = true;
    }
    return true;
}

static bool read_word(const char *at, const char *end, struct sq_changes *io)
{
    char letter = *at++;
    struct sq_id_set *set = set_of(io, letter);
    switch (letter) {
    case 'b': return read_names(at, end, io);
    case 'a': return read_ahead(at, end, io);
    case 'F': return read_flags(at, end, io);
    default: return set && read_ids(at, end, io, set);
    }
}

void sq_notice_read(const char *text, struct sq_changes *io)
{
    const char *at = text + strspn(text, " ");
    while (*at) {
        const char *end = at + strcspn(at, " ");
        if (!read_word(at, end, io))
            io->failed = true;
        at = end + strspn(end, " ");
    }
}
