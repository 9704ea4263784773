/* The lines that --worker prints (worker.h), each whole in one write. */
#ifndef SQ_CLI_FETCH_REPORT_H
#define SQ_CLI_FETCH_REPORT_H

#include "cli/fetch/digest.h"
#include "cli/fetch/move.h"

struct sq_reports {
    pthread_mutex_t lock; /* lines never mix */
    _Atomic bool broken;  /* nobody reads them */
};

/* What a job brought. */
struct sq_answer {
    struct sq_moved moved;
    char listing[33];        /* of a folder looked at; else "" */
    struct sq_digest digest; /* of what was hashed; else "" */
    int64_t bytes;
};
void sq_answer_init(struct sq_answer *a);
void sq_answer_fini(struct sq_answer *a);

void sq_reports_init(struct sq_reports *r);
void sq_reports_fini(struct sq_reports *r);
/* Any thread. */
void sq_report_progress(struct sq_reports *r, int64_t id, int64_t bytes, int64_t total);
void sq_report_failed(struct sq_reports *r, int64_t id, const struct sq_err *why);
void sq_report_done(struct sq_reports *r, int64_t id, const struct sq_answer *a);

#endif
