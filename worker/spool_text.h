/* The lines of the spool's file: SUM KIND FIELDS…, written and parsed here alone.
 *
 *   H 1 ID NEXT_SEQ                                the first line
 *   D [DATABASE]                                   whose it is from here on
 *   A SEQ                                          acknowledged up to here
 *   P EXECUTION ACCEPTED RUNNING ENDED CUT SHIFT CUT SHIFT   (stdout, stderr)
 *   S SEQ EXECUTION STATUS PID RETURN_CODE BYTES BYTES [output_files]
 *   O SEQ EXECUTION STREAM OFFSET LENGTH POSITION
 *   N SEQ EXECUTION STREAM OFFSET LENGTH text */
#ifndef SQ_WORKER_SPOOL_TEXT_H
#define SQ_WORKER_SPOOL_TEXT_H

#include "worker/spool.h"

enum sq_spool_line_kind {
    SQ_LINE_HEADER,
    SQ_LINE_DATABASE,
    SQ_LINE_ACKED,
    SQ_LINE_POSITION,
    SQ_LINE_RECORD
};
struct sq_spool_line {
    enum sq_spool_line_kind kind;
    int64_t seq;
    char id[SQ_SPOOL_ID + 1];
    char database[SQ_DATABASE_ID + 1];
    struct sq_position position;
    struct sq_record record; /* its text points into the parsed line */
};

void sq_spool_line_header(struct sq_buf *out, const char *id, int64_t next_seq);
void sq_spool_line_database(struct sq_buf *out, const char *id);
void sq_spool_line_acked(struct sq_buf *out, int64_t seq);
void sq_spool_line_position(struct sq_buf *out, const struct sq_position *p);
void sq_spool_line_record(struct sq_buf *out, const struct sq_record *r);

/* Parse `len` bytes, without the newline (which is overwritten by a 0).  False when
 * the line is damaged. */
bool sq_spool_line_parse(char *text, size_t len, struct sq_spool_line *ret);

#endif
