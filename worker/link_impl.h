/* Between link.c (when to call, and what a reply means), link_send.c and link_answer.c.
 */
#ifndef SQ_WORKER_LINK_IMPL_H
#define SQ_WORKER_LINK_IMPL_H

#include "worker/link.h"

/* The server cannot be reached, or makes no sense: all waits, then tries again. */
void sq_link_lose(struct sq_link *l, const char *why);
/* Send the most pressing thing, if anything is to be sent and nothing is under way. */
void sq_link_push(struct sq_link *l);
/* The poll goes when an answer would be news: with executions or signals taken but not
 * told, the server would name them again at once. */
void sq_link_poll(struct sq_link *l);
/* What both lanes' answers carry.  Not `acked`: only the push knows what it sent.
 * `ahead`: there may be executions beyond our places. */
void sq_link_take_answer(struct sq_link *l, const struct sq_answer *a, bool ahead);
/* The server has applied the records up to this number. */
void sq_link_acknowledge(struct sq_link *l, int64_t acked);
/* The server knows of those that were in the push. */
void sq_link_forget_seen(struct sq_link *l);
/* When idle, a recruited worker says so after a while: it may be given back. */
void sq_link_watch_idleness(struct sq_link *l);

#endif
