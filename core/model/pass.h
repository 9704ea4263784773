/* Passes: the tokens that the server makes itself, of a worker it deploys and of a job
 * that runs Ansible.
 *
 * A pass says whose it is in clear, and proves it by a code (HMAC-SHA-256) over that
 * under a key that the database keeps: nothing of a pass is stored, any server of the
 * database knows it, and a job that is taken up again makes the same one.
 *
 *   w.WORKER_ID.MACHINE.CODE   a worker's, as long as the row has that machine's token
 *   j.SECONDS.CODE             of a job, to read, until then (since 1970 UTC)
 *
 * Pure; any thread. */
#ifndef SQ_MODEL_PASS_H
#define SQ_MODEL_PASS_H

#include "lib/util.h"

enum { SQ_PASS_MACHINE = 64, SQ_PASS_SIZE = 200 };

enum sq_pass_kind { SQ_PASS_NONE, SQ_PASS_WORKER, SQ_PASS_JOB };

struct sq_pass {
    enum sq_pass_kind kind;
    int64_t worker_id;
    char machine[SQ_PASS_MACHINE];
    int64_t until_s;
};

/* As text; "" when `machine` is no token of a machine. */
void sq_pass_write(const char *key, const struct sq_pass *pass, char ret[SQ_PASS_SIZE]);
/* False when it is not one of ours; of its time only the reader knows. */
bool sq_pass_read(const char *key, const char *text, struct sq_pass *ret);

#endif
