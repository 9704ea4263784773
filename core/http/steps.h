/* Steps that many routes share, and the handlers of each kind of thing: what the table
 * in routes.c is made of.  Each is one of the four steps of struct sq_route. */
#ifndef SQ_HTTP_STEPS_H
#define SQ_HTTP_STEPS_H

#include "core/http/request.h"

#define SQ_STEP(name) int name(struct sq_request *r, struct sq_err *err)
#define SQ_READ(name)                                                                  \
    int name(struct sq_request *r, struct sq_db *db, struct sq_err *err)
#define SQ_WRITE(name)                                                                 \
    int name(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)

/* steps.c: the body as a record of route->type into values and mask; room for the
 * result. */
SQ_STEP(sq_prepare_create);
SQ_STEP(sq_prepare_update);
SQ_STEP(sq_prepare_result); /* no body is looked at */
SQ_READ(sq_read_one);       /* ids[0] of route->type into result */
SQ_STEP(sq_answer_record);  /* result, as an object */
SQ_STEP(sq_answer_ok);      /* {"result":"ok"} */
SQ_STEP(sq_answer_Ok);      /* {"result":"Ok"}: 1.3 was of two minds */
SQ_STEP(sq_answer_null);
/* An object, or NULL for none, has no other members than these (route.h). */
int sq_members_only(const json_t *object, const char *members, struct sq_err *err);
/* The text under `key` in the body, NULL when absent or null. */
int sq_body_text(struct sq_request *r, const char *key, const char **ret,
                 struct sq_err *err);
/* The integer under `key` in the body, `fallback` when absent or null. */
int sq_body_int(struct sq_request *r, const char *key, int64_t fallback, int64_t *ret,
                struct sq_err *err);

/* query.c: lists and their filters. */
SQ_STEP(sq_prepare_list);
SQ_STEP(sq_answer_list);
/* What was asked for of a short list, all of it at once; and its answer. */
int sq_list_read(struct sq_request *r, struct sq_db *db, void *ret_rows, size_t *ret_n,
                 struct sq_err *err);
SQ_READ(sq_read_short_list);

/* tasks.c */
SQ_STEP(sq_tasks_prepare_create);
SQ_WRITE(sq_tasks_create);
SQ_STEP(sq_tasks_answer_create);
SQ_STEP(sq_tasks_prepare_status);
SQ_READ(sq_tasks_read_status);
SQ_WRITE(sq_tasks_update);
SQ_WRITE(sq_tasks_delete);
SQ_WRITE(sq_tasks_freeze);
SQ_READ(sq_tasks_why);
SQ_WRITE(sq_requirements_create);
SQ_WRITE(sq_requirements_delete);

/* workers.c */
SQ_WRITE(sq_workers_create);
SQ_WRITE(sq_workers_update);
SQ_WRITE(sq_workers_delete);
SQ_READ(sq_workers_counts);
SQ_STEP(sq_workers_prepare_ping);
SQ_READ(sq_workers_ping);
SQ_STEP(sq_workers_prepare_callback);
SQ_WRITE(sq_workers_callback);
SQ_STEP(sq_workers_answer_callback);
SQ_READ(sq_workers_executions);
SQ_READ(sq_workers_executions_in);
SQ_WRITE(sq_workers_take_signals);
SQ_STEP(sq_workers_answer_signals);
SQ_WRITE(sq_workers_signal);

/* executions.c */
SQ_WRITE(sq_executions_create);
SQ_WRITE(sq_executions_update);
SQ_STEP(sq_executions_prepare_create);
SQ_STEP(sq_executions_prepare_text);
SQ_WRITE(sq_executions_append_output);
SQ_WRITE(sq_executions_append_error);
SQ_WRITE(sq_executions_output_files);
SQ_STEP(sq_executions_prepare_tails);
SQ_STEP(sq_executions_answer_tails);
SQ_WRITE(sq_executions_delete);

/* rawlog.c */
SQ_READ(sq_raw_log_open);

/* sync.c */
SQ_STEP(sq_register_prepare);
SQ_WRITE(sq_register_write);
SQ_STEP(sq_register_answer);
SQ_STEP(sq_sync_prepare);
SQ_WRITE(sq_sync_write);
SQ_STEP(sq_sync_answer_step);

/* batches.c */
SQ_READ(sq_batches_list);
SQ_READ(sq_batches_durations);
SQ_STEP(sq_batches_prepare_run);
SQ_WRITE(sq_batches_stop);
SQ_WRITE(sq_batches_go);
SQ_WRITE(sq_batches_delete);

/* fleet.c */
SQ_STEP(sq_workers_prepare_deploy);
SQ_WRITE(sq_workers_deploy);
SQ_READ(sq_recruiters_match);
SQ_WRITE(sq_recruiters_put);
SQ_READ(sq_recruiters_get);
SQ_WRITE(sq_recruiters_update);
SQ_WRITE(sq_recruiters_delete);
SQ_STEP(sq_flavors_prepare);
SQ_READ(sq_flavors_list);
SQ_STEP(sq_flavors_prepare_update);
SQ_WRITE(sq_flavors_update);
SQ_WRITE(sq_jobs_remove);
SQ_WRITE(sq_jobs_remove_ended);
SQ_WRITE(sq_jobs_again);

/* inventory.c */
SQ_READ(sq_inventory_list);
SQ_STEP(sq_inventory_prepare_add);
SQ_STEP(sq_inventory_prepare_change);
SQ_WRITE(sq_inventory_add);
SQ_WRITE(sq_inventory_change);
SQ_WRITE(sq_inventory_delete);

/* about.c */
SQ_STEP(sq_config_rclone);
SQ_STEP(sq_config_remote);
SQ_READ(sq_healthz);
SQ_STEP(sq_version);

/* metrics.c */
SQ_READ(sq_metrics);

/* events.c */
SQ_STEP(sq_events_open);

/* ui.c */
SQ_STEP(sq_ui_answer);

/* page.c */
SQ_STEP(sq_index_page);

/* swagger.c */
SQ_STEP(sq_swagger);

#endif
