-- Why a task is not running (see why.c).

-- name: why_requirements
select r.other_task_id, o.status
from requirement r join task o on o.task_id = r.other_task_id
where r.task_id = cast($1 as bigint) and o.status <> 'succeeded'
order by case when o.status = 'failed' then 0 else 1 end, r.other_task_id
limit 100

-- The workers of a batch by status, with the places and the live executions of each.
-- name: why_workers
select w.status, count(*),
    cast(sum(w.concurrency + coalesce(w.prefetch, 0)) as bigint),
    cast(sum((select count(*) from execution e where e.worker_id = w.worker_id
        and e.status in ('pending', 'accepted', 'running'))) as bigint)
from worker w where w.batch = $1
group by w.status

-- Those of a batch that are to come, and the job that makes the first of them.
-- name: why_deploying
select count(*), min(j.job_id) from worker w join job j on j.target = w.name
where w.batch = $1 and j.action = 'worker_deploy' and j.status in ('pending', 'running')

-- name: why_before
select count(*) from task
where status = 'pending' and (use_cache is not true or cache_key is not null)
    and batch = $1 and task_id < cast($2 as bigint)

-- Is the earlier result of a pending task still being looked for?
-- name: why_cache
select cache_key is null from task where task_id = cast($1 as bigint)

-- name: why_execution
select e.execution_id, w.name, e.return_code,
    e.worker_id is null and e.pid is null and e.input_hash is not null
from execution e left join worker w on w.worker_id = e.worker_id
where e.task_id = cast($1 as bigint) and e.latest
order by e.execution_id desc limit 1
