/* The things scitq speaks of, as plain structs.  Texts are borrowed from an arena.
 * Field meanings: http-api.md A.2. */
#ifndef SQ_MODEL_ENTITY_H
#define SQ_MODEL_ENTITY_H

#include "core/model/field.h"
#include "core/model/status.h"

struct sq_task {
    int64_t task_id;
    char *name;
    int status; /* enum sq_task_status */
    char *command;
    int64_t creation_date, modification_date, status_date;
    char *batch, *input, *output, *container, *container_options, *resource;
    /* Ids of tasks that must succeed first.  In an array being created, -(k+1) stands
     * for "#k": element k of the same array. */
    struct sq_ints required_task_ids;
    int64_t retry, download_timeout, run_timeout;
    int use_cache;
    /* The one unsatisfied requirement this waiting task is watched through (hidden;
     * see doc/architecture.md, "Dependencies"); SQ_NULL: none known. */
    int64_t waits_on;
};

struct sq_worker {
    int64_t worker_id;
    char *name;
    int64_t concurrency, prefetch;
    char *hostname;
    int status; /* enum sq_worker_status */
    char *load;
    double memory;
    char *stats, *task_properties;
    int64_t creation_date, modification_date, last_contact_date;
    char *batch;
    int permanent;
    char *flavor, *region, *provider;
    char *facts; /* JSON: what its machine has, as it said when it registered */
};

struct sq_execution {
    int64_t execution_id, worker_id, task_id;
    int status; /* enum sq_execution_status */
    int64_t return_code;
    char *pid;
    int64_t creation_date, modification_date;
    char *output, *error; /* tails or old text; the full text is in execution_log */
    char *output_files, *command;
    int freeze; /* only ever given, by 1.3's worker with a success; null in answers */
    int latest;
};

/* Worker's execution, the short form of worker lists. */
struct sq_worker_execution {
    int64_t execution_id;
    char *command;
    int status;
    int64_t task_id, creation_date, modification_date;
    char *pid, *output_files;
    int latest;
    char *batch;    /* the task's */
    int taskstatus; /* the task's */
};

struct sq_signal {
    int64_t signal_id; /* hidden from 1.3's JSON */
    int64_t execution_id, worker_id, signal;
};

struct sq_requirement {
    int64_t requirement_id, task_id, other_task_id;
};

struct sq_batch {
    char *batch;
    int64_t pending, accepted, running, failed, succeeded;
    char *workers;
};

struct sq_job {
    int64_t job_id;
    char *target;  /* the worker's name, or a provider */
    char *action;  /* worker_create, worker_deploy, worker_destroy, flavor_update */
    char *args;    /* a JSON object */
    int64_t retry; /* tries left after a failure */
    int status;    /* enum sq_job_status */
    char *log;
    int64_t creation_date, modification_date, progression;
};

/* A rule that gives workers to a batch; its key is (batch, rank). */
struct sq_recruiter {
    char *batch;
    int64_t rank, tasks_per_worker;
    char *worker_flavor, *worker_provider, *worker_region;
    int64_t worker_concurrency, worker_prefetch, minimum_tasks, maximum_workers;
};

/* A flavor in a region, with its price. */
struct sq_offered {
    char *name, *provider, *region;
    int64_t cpu;
    double ram, disk;
    char *tags, *gpu;
    double gpumem, cost;
    int64_t eviction, available;
};

extern const struct sq_type sq_job_type, sq_recruiter_type, sq_offered_type;
extern const struct sq_type sq_task_type, sq_worker_type, sq_execution_type,
    sq_worker_execution_type, sq_signal_type, sq_requirement_type, sq_batch_type;

/* Positions in the tables above, for masks: SQ_BIT(SQ_TASK_F_STATUS). */
#define SQ_BIT(f) (UINT64_C(1) << (f))
enum {
    SQ_TASK_F_ID,
    SQ_TASK_F_NAME,
    SQ_TASK_F_STATUS,
    SQ_TASK_F_COMMAND,
    SQ_TASK_F_CREATION,
    SQ_TASK_F_MODIFICATION,
    SQ_TASK_F_STATUS_DATE,
    SQ_TASK_F_BATCH,
    SQ_TASK_F_INPUT,
    SQ_TASK_F_OUTPUT,
    SQ_TASK_F_CONTAINER,
    SQ_TASK_F_CONTAINER_OPTIONS,
    SQ_TASK_F_RESOURCE,
    SQ_TASK_F_REQUIRED,
    SQ_TASK_F_RETRY,
    SQ_TASK_F_DOWNLOAD_TIMEOUT,
    SQ_TASK_F_RUN_TIMEOUT,
    SQ_TASK_F_USE_CACHE,
    SQ_TASK_F_WAITS_ON,
    SQ_TASK_N
};
enum {
    SQ_WORKER_F_ID,
    SQ_WORKER_F_NAME,
    SQ_WORKER_F_CONCURRENCY,
    SQ_WORKER_F_PREFETCH,
    SQ_WORKER_F_HOSTNAME,
    SQ_WORKER_F_STATUS,
    SQ_WORKER_F_LOAD,
    SQ_WORKER_F_MEMORY,
    SQ_WORKER_F_STATS,
    SQ_WORKER_F_TASK_PROPERTIES,
    SQ_WORKER_F_CREATION,
    SQ_WORKER_F_MODIFICATION,
    SQ_WORKER_F_LAST_CONTACT,
    SQ_WORKER_F_BATCH,
    SQ_WORKER_F_PERMANENT,
    SQ_WORKER_F_FLAVOR,
    SQ_WORKER_F_REGION,
    SQ_WORKER_F_PROVIDER,
    SQ_WORKER_F_FACTS,
    SQ_WORKER_N
};
enum {
    SQ_RECRUITER_F_BATCH,
    SQ_RECRUITER_F_RANK,
    SQ_RECRUITER_F_TASKS,
    SQ_RECRUITER_F_FLAVOR,
    SQ_RECRUITER_F_PROVIDER,
    SQ_RECRUITER_F_REGION,
    SQ_RECRUITER_F_CONCURRENCY,
    SQ_RECRUITER_F_PREFETCH,
    SQ_RECRUITER_F_MINIMUM,
    SQ_RECRUITER_F_MAXIMUM,
    SQ_RECRUITER_N
};
enum {
    SQ_EXEC_F_ID,
    SQ_EXEC_F_WORKER,
    SQ_EXEC_F_TASK,
    SQ_EXEC_F_STATUS,
    SQ_EXEC_F_RETURN_CODE,
    SQ_EXEC_F_PID,
    SQ_EXEC_F_CREATION,
    SQ_EXEC_F_MODIFICATION,
    SQ_EXEC_F_OUTPUT,
    SQ_EXEC_F_ERROR,
    SQ_EXEC_F_OUTPUT_FILES,
    SQ_EXEC_F_COMMAND,
    SQ_EXEC_F_FREEZE,
    SQ_EXEC_F_LATEST,
    SQ_EXEC_N
};

#endif
