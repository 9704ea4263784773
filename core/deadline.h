/* How long a stop waits for the database: a server that was asked to end must not hang
 * because PostgreSQL is frozen, or a query takes for ever. */
#ifndef SQ_DEADLINE_H
#define SQ_DEADLINE_H

struct sq_deadline;

/* A thread that cuts every connection to the database after 10 s, and says so.  NULL
 * when it cannot be made: then the stop waits as long as it takes. */
struct sq_deadline *sq_deadline_start(void);
/* It is stopped.  NULL is allowed. */
void sq_deadline_end(struct sq_deadline *d);

#endif
