-- The scheduler's reading: free slots, pending tasks, time limits.

-- Running workers among the ids, with how many live executions each has.
-- name: sched_workers_by_id
-- engine: sqlite
select w.worker_id, w.batch, w.concurrency, w.prefetch, w.task_properties,
       (select count(*) from execution e where e.worker_id = w.worker_id
        and e.status in ('pending', 'accepted', 'running'))
from json_each($1) j join worker w on w.worker_id = j.value
where w.status = 'running';
-- name: sched_workers_by_id
-- engine: postgres
select w.worker_id, w.batch, w.concurrency, w.prefetch, w.task_properties,
       (select count(*) from execution e where e.worker_id = w.worker_id
        and e.status in ('pending', 'accepted', 'running'))
from json_array_elements_text($1::json) j(value)
join worker w on w.worker_id = j.value::integer
where w.status = 'running';

-- name: sched_workers_by_batch
select w.worker_id, w.batch, w.concurrency, w.prefetch, w.task_properties,
       (select count(*) from execution e where e.worker_id = w.worker_id
        and e.status in ('pending', 'accepted', 'running'))
from worker w where w.batch = $1 and w.status = 'running'
order by w.worker_id;

-- Running executions of workers, by the batch of their tasks.  All live statuses are
-- named too, for the index of live executions to be used.
-- name: sched_running_by_batch
-- engine: sqlite
select e.worker_id, t.batch, count(*)
from json_each($1) j
join execution e on e.worker_id = j.value and e.status = 'running'
     and e.status in ('pending', 'accepted', 'running')
join task t on t.task_id = e.task_id
group by e.worker_id, t.batch;
-- name: sched_running_by_batch
-- engine: postgres
select e.worker_id, t.batch, count(*)
from json_array_elements_text($1::json) j(value)
join execution e on e.worker_id = j.value::integer and e.status = 'running'
     and e.status in ('pending', 'accepted', 'running')
join task t on t.task_id = e.task_id
group by e.worker_id, t.batch;

-- Not those of use_cache whose earlier result is still being looked for: here and below.
-- name: sched_pending
select task_id from task
where status = 'pending' and (use_cache is not true or cache_key is not null)
    and batch = $1
order by task_id limit $2;

-- Those for a worker, so that both can be asked for at once.
-- name: sched_pending_for
select task_id from task
where status = 'pending' and (use_cache is not true or cache_key is not null)
    and batch = (select w.batch from worker w where w.worker_id = cast($1 as bigint))
order by task_id limit $2;

-- Batches with pending tasks, one index probe each.  Not min(): PostgreSQL computes it
-- from all of them when it thinks that they are few.
-- name: sched_pending_batches
with recursive b(batch) as (
    select batch from (select batch from task where status = 'pending'
                           and (use_cache is not true or cache_key is not null)
                       order by batch limit 1) first
    union all
    select (select t.batch from task t
            where t.status = 'pending'
                and (t.use_cache is not true or t.cache_key is not null)
                and t.batch > b.batch order by t.batch limit 1)
    from b where b.batch is not null)
select batch from b where batch is not null;

-- Tasks under a time limit; one that has nothing to fetch does not download.
-- name: sched_limits
select task_id, status, status_date, run_timeout,
    case when coalesce(input, '') || coalesce(resource, '') <> ''
        then download_timeout end
from task
where status in ('accepted', 'running')
  and (run_timeout is not null or download_timeout is not null);

-- name: sched_limits_by_id
-- engine: sqlite
select t.task_id, t.status, t.status_date, t.run_timeout,
    case when coalesce(t.input, '') || coalesce(t.resource, '') <> ''
        then t.download_timeout end
from json_each($1) j join task t on t.task_id = j.value
where t.status in ('accepted', 'running')
  and (t.run_timeout is not null or t.download_timeout is not null);
-- name: sched_limits_by_id
-- engine: postgres
select t.task_id, t.status, t.status_date, t.run_timeout,
    case when coalesce(t.input, '') || coalesce(t.resource, '') <> ''
        then t.download_timeout end
from json_array_elements_text($1::json) j(value)
join task t on t.task_id = j.value::integer
where t.status in ('accepted', 'running')
  and (t.run_timeout is not null or t.download_timeout is not null);

-- The live execution of a task over its limit: where it is, whether it was told
-- already, how many run on its worker and how many may, whether that one is ours.  Not
-- one whose download is over: only the other limit is left, and has not begun.
-- name: sched_over_limit
select e.execution_id, e.worker_id,
       exists (select 1 from signal s
               where s.execution_id = e.execution_id and s.signal = 9),
       (select count(*) from execution r where r.worker_id = e.worker_id
        and r.status = 'running' and r.status in ('pending', 'accepted', 'running')),
       w.concurrency, w.spool is not null
from execution e join worker w on w.worker_id = e.worker_id
where e.task_id = $1 and e.latest
  and (e.status = 'running' or (e.status = 'accepted' and e.downloaded is not true));

-- name: sched_execution_status
select status from execution where execution_id = $1;
