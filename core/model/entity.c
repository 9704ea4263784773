/* The field tables: each type of http-api.md A.2 as rows, in the order the API answers
 * them.  JSON, SQL and filters are all read off these tables, so a new field is one row
 * here, one member in entity.h and one column in a migration. */
#include "core/model/entity.h"

#define F(type, member, kind, flags) SQ_FIELD(struct type, member, kind, flags)
#define STATUS(type, member, set)                                                      \
    {                                                                                  \
#member, SQ_K_ENUM, offsetof(struct type, member), 0, &set                     \
    }
#define TYPE(word, sql, rec, rows)                                                     \
    {                                                                                  \
        .name = word, .table = sql, .fields = rows, .n_fields = SQ_LEN(rows),          \
        .size = sizeof(struct rec)                                                     \
    }

static const struct sq_field task_fields[] = {
    F(sq_task, task_id, SQ_K_INT, SQ_F_READONLY),
    F(sq_task, name, SQ_K_TEXT, SQ_F_NAME),
    STATUS(sq_task, status, sq_task_statuses),
    F(sq_task, command, SQ_K_TEXT, SQ_F_REQUIRED),
    F(sq_task, creation_date, SQ_K_TIME, SQ_F_READONLY),
    F(sq_task, modification_date, SQ_K_TIME, SQ_F_READONLY),
    F(sq_task, status_date, SQ_K_TIME, SQ_F_READONLY),
    F(sq_task, batch, SQ_K_TEXT, SQ_F_NAME),
    F(sq_task, input, SQ_K_TEXT, SQ_F_URIS),
    F(sq_task, output, SQ_K_TEXT, SQ_F_FOLDER),
    F(sq_task, container, SQ_K_TEXT, 0),
    F(sq_task, container_options, SQ_K_TEXT, 0),
    F(sq_task, resource, SQ_K_TEXT, SQ_F_URIS),
    F(sq_task, required_task_ids, SQ_K_INTS, SQ_F_COMPUTED),
    F(sq_task, retry, SQ_K_INT, 0),
    F(sq_task, download_timeout, SQ_K_INT, 0),
    F(sq_task, run_timeout, SQ_K_INT, 0),
    F(sq_task, use_cache, SQ_K_BOOL, 0),
    F(sq_task, waits_on, SQ_K_INT, SQ_F_HIDDEN | SQ_F_READONLY),
};
const struct sq_type sq_task_type = TYPE("Task", "task", sq_task, task_fields);
_Static_assert(SQ_LEN(task_fields) == SQ_TASK_N, "a row a member of the enum");

static const struct sq_field worker_fields[] = {
    F(sq_worker, worker_id, SQ_K_INT, SQ_F_READONLY),
    F(sq_worker, name, SQ_K_TEXT, SQ_F_REQUIRED | SQ_F_NAME),
    F(sq_worker, concurrency, SQ_K_INT, SQ_F_REQUIRED),
    F(sq_worker, prefetch, SQ_K_INT, 0),
    F(sq_worker, hostname, SQ_K_TEXT, 0),
    STATUS(sq_worker, status, sq_worker_statuses),
    F(sq_worker, load, SQ_K_TEXT, 0),
    F(sq_worker, memory, SQ_K_REAL, SQ_F_STORED_TEXT),
    F(sq_worker, stats, SQ_K_TEXT, 0),
    F(sq_worker, task_properties, SQ_K_TEXT, 0),
    F(sq_worker, creation_date, SQ_K_TIME, SQ_F_READONLY),
    F(sq_worker, modification_date, SQ_K_TIME, SQ_F_READONLY),
    F(sq_worker, last_contact_date, SQ_K_TIME, SQ_F_READONLY),
    F(sq_worker, batch, SQ_K_TEXT, SQ_F_NAME),
    F(sq_worker, permanent, SQ_K_BOOL, 0),
    F(sq_worker, flavor, SQ_K_TEXT, 0),
    F(sq_worker, region, SQ_K_TEXT, 0),
    F(sq_worker, provider, SQ_K_TEXT, 0),
    F(sq_worker, facts, SQ_K_TEXT, SQ_F_READONLY | SQ_F_JSON | SQ_F_ASKED),
};
const struct sq_type sq_worker_type =
    TYPE("Worker", "worker", sq_worker, worker_fields);
_Static_assert(SQ_LEN(worker_fields) == SQ_WORKER_N, "a row a member of the enum");

static const struct sq_field execution_fields[] = {
    F(sq_execution, execution_id, SQ_K_INT, SQ_F_READONLY),
    F(sq_execution, worker_id, SQ_K_INT, SQ_F_REQUIRED),
    F(sq_execution, task_id, SQ_K_INT, SQ_F_REQUIRED),
    STATUS(sq_execution, status, sq_execution_statuses),
    F(sq_execution, return_code, SQ_K_INT, 0),
    F(sq_execution, pid, SQ_K_TEXT, 0),
    F(sq_execution, creation_date, SQ_K_TIME, SQ_F_READONLY),
    F(sq_execution, modification_date, SQ_K_TIME, SQ_F_READONLY),
    F(sq_execution, output, SQ_K_TEXT, 0),
    F(sq_execution, error, SQ_K_TEXT, 0),
    F(sq_execution, output_files, SQ_K_TEXT, 0),
    F(sq_execution, command, SQ_K_TEXT, 0),
    F(sq_execution, freeze, SQ_K_BOOL, SQ_F_COMPUTED),
    F(sq_execution, latest, SQ_K_BOOL, SQ_F_READONLY),
};
const struct sq_type sq_execution_type =
    TYPE("Execution", "execution", sq_execution, execution_fields);
_Static_assert(SQ_LEN(execution_fields) == SQ_EXEC_N, "a row a member of the enum");

static const struct sq_field worker_execution_fields[] = {
    F(sq_worker_execution, execution_id, SQ_K_INT, SQ_F_READONLY),
    F(sq_worker_execution, command, SQ_K_TEXT, 0),
    STATUS(sq_worker_execution, status, sq_execution_statuses),
    F(sq_worker_execution, task_id, SQ_K_INT, 0),
    F(sq_worker_execution, creation_date, SQ_K_TIME, SQ_F_READONLY),
    F(sq_worker_execution, modification_date, SQ_K_TIME, SQ_F_READONLY),
    F(sq_worker_execution, pid, SQ_K_TEXT, 0),
    F(sq_worker_execution, output_files, SQ_K_TEXT, 0),
    F(sq_worker_execution, latest, SQ_K_BOOL, SQ_F_READONLY),
    F(sq_worker_execution, batch, SQ_K_TEXT, SQ_F_COMPUTED),
    {"taskstatus", SQ_K_ENUM, offsetof(struct sq_worker_execution, taskstatus),
     SQ_F_COMPUTED, &sq_task_statuses},
};
const struct sq_type sq_worker_execution_type =
    TYPE("Execution", "execution", sq_worker_execution, worker_execution_fields);

static const struct sq_field signal_fields[] = {
    F(sq_signal, signal_id, SQ_K_INT, SQ_F_HIDDEN | SQ_F_READONLY),
    F(sq_signal, execution_id, SQ_K_INT, 0),
    F(sq_signal, worker_id, SQ_K_INT, SQ_F_READONLY),
    F(sq_signal, signal, SQ_K_INT, SQ_F_REQUIRED),
};
const struct sq_type sq_signal_type =
    TYPE("Signal", "signal", sq_signal, signal_fields);

static const struct sq_field requirement_fields[] = {
    F(sq_requirement, requirement_id, SQ_K_INT, SQ_F_READONLY),
    F(sq_requirement, task_id, SQ_K_INT, SQ_F_REQUIRED),
    F(sq_requirement, other_task_id, SQ_K_INT, SQ_F_REQUIRED),
};
const struct sq_type sq_requirement_type =
    TYPE("Requirement", "requirement", sq_requirement, requirement_fields);

static const struct sq_field batch_fields[] = {
    F(sq_batch, batch, SQ_K_TEXT, SQ_F_COMPUTED),
    F(sq_batch, pending, SQ_K_INT, SQ_F_COMPUTED),
    F(sq_batch, accepted, SQ_K_INT, SQ_F_COMPUTED),
    F(sq_batch, running, SQ_K_INT, SQ_F_COMPUTED),
    F(sq_batch, failed, SQ_K_INT, SQ_F_COMPUTED),
    F(sq_batch, succeeded, SQ_K_INT, SQ_F_COMPUTED),
    F(sq_batch, workers, SQ_K_TEXT, SQ_F_COMPUTED),
};
const struct sq_type sq_batch_type = TYPE("Batch", "task", sq_batch, batch_fields);

static const struct sq_field job_fields[] = {
    F(sq_job, job_id, SQ_K_INT, SQ_F_READONLY),
    F(sq_job, target, SQ_K_TEXT, 0),
    F(sq_job, action, SQ_K_TEXT, 0),
    F(sq_job, args, SQ_K_TEXT, SQ_F_JSON),
    F(sq_job, retry, SQ_K_INT, 0),
    STATUS(sq_job, status, sq_job_statuses),
    F(sq_job, log, SQ_K_TEXT, 0),
    F(sq_job, creation_date, SQ_K_TIME, SQ_F_READONLY),
    F(sq_job, modification_date, SQ_K_TIME, SQ_F_READONLY),
    F(sq_job, progression, SQ_K_INT, 0),
};
const struct sq_type sq_job_type = TYPE("Job", "job", sq_job, job_fields);

static const struct sq_field recruiter_fields[] = {
    F(sq_recruiter, batch, SQ_K_TEXT, SQ_F_REQUIRED | SQ_F_NAME),
    F(sq_recruiter, rank, SQ_K_INT, 0),
    F(sq_recruiter, tasks_per_worker, SQ_K_INT, 0),
    F(sq_recruiter, worker_flavor, SQ_K_TEXT, SQ_F_REQUIRED),
    F(sq_recruiter, worker_provider, SQ_K_TEXT, 0),
    F(sq_recruiter, worker_region, SQ_K_TEXT, 0),
    F(sq_recruiter, worker_concurrency, SQ_K_INT, SQ_F_REQUIRED),
    F(sq_recruiter, worker_prefetch, SQ_K_INT, 0),
    F(sq_recruiter, minimum_tasks, SQ_K_INT, 0),
    F(sq_recruiter, maximum_workers, SQ_K_INT, 0),
};
const struct sq_type sq_recruiter_type =
    TYPE("Recruiter", "recruiter", sq_recruiter, recruiter_fields);
_Static_assert(SQ_LEN(recruiter_fields) == SQ_RECRUITER_N,
               "a row a member of the enum");

static const struct sq_field offered_fields[] = {
    F(sq_offered, name, SQ_K_TEXT, 0),    F(sq_offered, provider, SQ_K_TEXT, 0),
    F(sq_offered, region, SQ_K_TEXT, 0),  F(sq_offered, cpu, SQ_K_INT, 0),
    F(sq_offered, ram, SQ_K_REAL, 0),     F(sq_offered, disk, SQ_K_REAL, 0),
    F(sq_offered, tags, SQ_K_TEXT, 0),    F(sq_offered, gpu, SQ_K_TEXT, 0),
    F(sq_offered, gpumem, SQ_K_REAL, 0),  F(sq_offered, cost, SQ_K_REAL, 0),
    F(sq_offered, eviction, SQ_K_INT, 0), F(sq_offered, available, SQ_K_INT, 0),
};
const struct sq_type sq_offered_type =
    TYPE("Flavor", "flavor", sq_offered, offered_fields);
