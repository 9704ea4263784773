/* Lines are led by the checksum of what follows it, in 16 hexadecimal digits.  Texts
 * come last, since they may hold spaces; a newline in one would end the line, so the
 * makers of texts put none there and the writer replaces any. */
#include "worker/spool_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/checksum.h"

enum { SUM_DIGITS = 16, SUM_WIDTH = SUM_DIGITS + 1 };

static const char digits[] = "0123456789abcdef";

static void sum_digits(uint64_t sum, char *at)
{
    for (int i = SUM_DIGITS - 1; i >= 0; i--, sum >>= 4)
        at[i] = digits[sum & 15];
}

/* Room for the checksum; where the line begins. */
static size_t begin(struct sq_buf *out)
{
    size_t at = out->len;
    sq_buf_add(out, "0000000000000000 ", SUM_WIDTH);
    return at;
}

static void finish(struct sq_buf *out, size_t at)
{
    if (sq_buf_ok(out)) {
        char *body = out->data + at + SUM_WIDTH;
        for (char *p = body; p < out->data + out->len; p++)
            if (*p == '\n')
                *p = ' ';
        sum_digits(sq_checksum(body, out->len - at - SUM_WIDTH), out->data + at);
    }
    sq_buf_addc(out, '\n');
}

void sq_spool_line_header(struct sq_buf *out, const char *id, int64_t next_seq)
{
    size_t at = begin(out);
    sq_buf_addf(out, "H 1 %s %" PRId64, id, next_seq);
    finish(out, at);
}

void sq_spool_line_database(struct sq_buf *out, const char *id)
{
    size_t at = begin(out);
    sq_buf_addf(out, "D %s", id);
    finish(out, at);
}

void sq_spool_line_acked(struct sq_buf *out, int64_t seq)
{
    size_t at = begin(out);
    sq_buf_addf(out, "A %" PRId64, seq);
    finish(out, at);
}

void sq_spool_line_position(struct sq_buf *out, const struct sq_position *p)
{
    size_t at = begin(out);
    const struct sq_stream *o = &p->streams[SQ_STDOUT], *e = &p->streams[SQ_STDERR];
    sq_buf_addf(out,
                "P %" PRId64 " %d %d %d %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64,
                p->execution_id, p->accepted, p->running, p->ended, o->cut, o->shift,
                e->cut, e->shift);
    finish(out, at);
}

void sq_spool_line_record(struct sq_buf *out, const struct sq_record *r)
{
    size_t at = begin(out);
    switch (r->kind) {
    case SQ_RECORD_STATUS:
        sq_buf_addf(out, "S %" PRId64 " %" PRId64 " %d %d %d %" PRId64 " %" PRId64,
                    r->seq, r->execution_id, (int)r->status, r->pid, r->return_code,
                    r->bytes[SQ_STDOUT], r->bytes[SQ_STDERR]);
        break;
    case SQ_RECORD_OUTPUT:
    case SQ_RECORD_NOTE:
        sq_buf_addf(out, "%c %" PRId64 " %" PRId64 " %d %" PRId64 " %" PRId64,
                    r->kind == SQ_RECORD_OUTPUT ? 'O' : 'N', r->seq, r->execution_id,
                    r->stream, r->offset, r->length);
        if (r->kind == SQ_RECORD_OUTPUT)
            sq_buf_addf(out, " %" PRId64, r->position);
    }
    if (r->text) {
        sq_buf_addc(out, ' ');
        sq_buf_adds(out, r->text);
    }
    finish(out, at);
}

/* `n` numbers separated by spaces; `*at` goes past them and one following space. */
static bool numbers(char **at, int64_t *ret, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *end;
        ret[i] = strtoll(*at, &end, 10);
        if (end == *at || (*end && *end != ' '))
            return false;
        *at = *end ? end + 1 : end;
    }
    return true;
}

static bool parse_header(char *at, struct sq_spool_line *line)
{
    int64_t n[1];
    line->kind = SQ_LINE_HEADER;
    if (strncmp(at, "1 ", 2) != 0 || strcspn(at + 2, " ") != SQ_SPOOL_ID)
        return false;
    memcpy(line->id, at + 2, SQ_SPOOL_ID);
    line->id[SQ_SPOOL_ID] = 0;
    at += 2 + SQ_SPOOL_ID + 1;
    if (!numbers(&at, n, 1))
        return false;
    line->seq = n[0];
    return true;
}

static bool parse_database(const char *at, struct sq_spool_line *line)
{
    line->kind = SQ_LINE_DATABASE;
    if (strlen(at) > SQ_DATABASE_ID)
        return false;
    strcpy(line->database, at);
    return true;
}

static bool parse_position(char *at, struct sq_spool_line *line)
{
    int64_t n[8];
    line->kind = SQ_LINE_POSITION;
    if (!numbers(&at, n, SQ_LEN(n)))
        return false;
    line->position = (struct sq_position){
        .execution_id = n[0],
        .accepted = n[1],
        .running = n[2],
        .ended = n[3],
        .streams = {[SQ_STDOUT] = {n[4], n[5]}, [SQ_STDERR] = {n[6], n[7]}},
    };
    return true;
}

static bool parse_status(char *at, struct sq_record *r)
{
    int64_t n[7];
    if (!numbers(&at, n, SQ_LEN(n)) || n[2] < 0 || n[2] > SQ_TOLD_REFUSED)
        return false;
    *r = (struct sq_record){
        .kind = SQ_RECORD_STATUS,
        .seq = n[0],
        .execution_id = n[1],
        .status = (enum sq_record_status)n[2],
        .pid = (int)n[3],
        .return_code = (int)n[4],
        .bytes = {[SQ_STDOUT] = n[5], [SQ_STDERR] = n[6]},
        .text = *at ? at : NULL,
    };
    return true;
}

static bool parse_output(char *at, enum sq_record_kind kind, struct sq_record *r)
{
    int64_t n[6] = {0};
    if (!numbers(&at, n, kind == SQ_RECORD_OUTPUT ? 6 : 5) || n[2] < SQ_STDOUT ||
        n[2] > SQ_STDERR)
        return false;
    *r = (struct sq_record){
        .kind = kind,
        .seq = n[0],
        .execution_id = n[1],
        .stream = (int)n[2],
        .offset = n[3],
        .length = n[4],
        .position = n[5],
        .text = kind == SQ_RECORD_NOTE ? at : NULL,
    };
    return true;
}

bool sq_spool_line_parse(char *text, size_t len, struct sq_spool_line *ret)
{
    char sum[SUM_DIGITS];
    text[len] = 0;
    if (len < SUM_WIDTH + 2 || text[SUM_DIGITS] != ' ')
        return false;
    char *body = text + SUM_WIDTH, *at = body + 2;
    sum_digits(sq_checksum(body, len - SUM_WIDTH), sum);
    if (memcmp(sum, text, SUM_DIGITS) != 0 || body[1] != ' ')
        return false;
    memset(ret, 0, sizeof *ret);
    ret->kind = SQ_LINE_RECORD;
    switch (body[0]) {
    case 'H': return parse_header(at, ret);
    case 'D': return parse_database(at, ret);
    case 'A': ret->kind = SQ_LINE_ACKED; return numbers(&at, &ret->seq, 1);
    case 'P': return parse_position(at, ret);
    case 'S': return parse_status(at, &ret->record);
    case 'O': return parse_output(at, SQ_RECORD_OUTPUT, &ret->record);
    case 'N': return parse_output(at, SQ_RECORD_NOTE, &ret->record);
    default: return false;
    }
}
