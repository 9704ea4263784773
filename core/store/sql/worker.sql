-- Workers, signals and batches.

-- The newest row of an identity; a recruited worker that has not come yet has no host.
-- name: worker_by_identity
select worker_id, spool, acked from worker
where name = $1 and (hostname = $2 or (hostname is null and permanent is false))
order by worker_id desc limit 1

-- The row that a machine was made for.
-- name: worker_by_token
select worker_id, spool, acked from worker where token = $1

-- name: worker_set_spool
update worker set spool = $2, acked = 0 where worker_id = cast($1 as bigint)

-- name: worker_set_facts
update worker set facts = $2 where worker_id = cast($1 as bigint)

-- name: worker_sync_state
select spool, acked from worker where worker_id = cast($1 as bigint)

-- name: worker_set_acked
update worker set acked = $2 where worker_id = cast($1 as bigint)

-- name: worker_delete
delete from worker where worker_id = cast($1 as bigint)

-- name: worker_contact
-- engine: sqlite
update worker set last_contact_date = $2, load = coalesce($3, load),
    memory = coalesce($4, memory), stats = coalesce($5, stats)
where worker_id = $1
-- engine: postgres
update worker w set last_contact_date = cast(v->>1 as timestamp),
    load = coalesce(v->>2, w.load), memory = coalesce(v->>3, w.memory),
    stats = coalesce(v->>4, w.stats)
from json_array_elements(cast($1 as json)) j(v)
where w.worker_id = cast(v->>0 as bigint)

-- name: worker_lives
select worker_id, status = 'offline', last_contact_date from worker
where status in ('running', 'offline')

-- name: worker_set_life
update worker set status = $3, modification_date = $4
where status = $2 and worker_id in ids($1)
returning worker_id

-- name: worker_lost
select w.worker_id from worker w
where w.status = 'offline' and w.worker_id in ids($1)
    and exists (select 1 from execution e where e.worker_id = w.worker_id
        and e.status in ('pending', 'accepted', 'running'))

-- Live executions of workers without a row: one that was deleted by hand.
-- name: worker_orphans
select e.execution_id, e.status from execution e
where e.status in ('pending', 'accepted', 'running')
    and not exists (select 1 from worker w where w.worker_id = e.worker_id)
limit 1000

-- name: worker_counts
select worker_id, status, count(*) from execution
where latest and worker_id is not null
group by worker_id, status order by worker_id, status

-- name: worker_has_live
select 1 from execution
where worker_id = cast($1 as bigint) and status in ('pending', 'accepted', 'running')
limit 1

-- name: batch_has_pending
select 1 from task where status = 'pending' and batch = $1 limit 1

-- A job of this kind for this target, not ended yet.
-- name: job_under_way
select 1 from job where target = $1 and action = $2 and status in ('pending', 'running')
limit 1

-- name: signal_take
delete from signal where worker_id = cast($1 as bigint)
returning signal_id, execution_id, worker_id, signal

-- name: signal_of_worker
select signal_id, execution_id, worker_id, signal from signal
where worker_id = cast($1 as bigint) order by signal_id

-- name: signal_seen
delete from signal where worker_id = cast($1 as bigint)
    and signal_id in ids($2)

-- Read from the two indexes alone.
-- name: batch_counts
select batch, status, count(*) from task where status in ('failed', 'succeeded')
group by batch, status
union all
select batch, status, count(*) from task where status not in ('failed', 'succeeded')
group by batch, status
order by 1

-- All that there is, counted: of what, batch, status; tasks from the same indexes.
-- name: counts
select 'tasks', batch, status, count(*) from task where status in ('failed', 'succeeded')
group by batch, status
union all
select 'tasks', batch, status, count(*) from task
where status not in ('failed', 'succeeded') group by batch, status
union all
select 'workers', batch, status, count(*) from worker group by batch, status
union all
select 'executions', null, status, count(*) from execution
where status in ('pending', 'accepted', 'running') group by status
union all
select 'jobs', null, status, count(*) from job group by status
order by 1, 2, 3

-- name: batch_workers
select batch, name from worker order by batch, worker_id

-- How long what ended took, from being given to a worker on, by how it ended.
-- name: batch_durations
-- engine: sqlite
select status, count(*), min(s), avg(s), max(s) from (
    select e.status,
        (julianday(e.modification_date) - julianday(e.creation_date)) * 86400.0 as s
    from task t join execution e on e.task_id = t.task_id
    where t.batch = $1 and e.latest and e.status in ('succeeded', 'failed')
        and e.worker_id is not null)
group by status order by status
-- engine: postgres
select status, count(*), min(s), avg(s), max(s) from (
    select e.status, cast(extract(epoch from e.modification_date - e.creation_date)
        as double precision) as s
    from task t join execution e on e.task_id = t.task_id
    where t.batch = $1 and e.latest and e.status in ('succeeded', 'failed')
        and e.worker_id is not null) as ended
group by status order by status

-- name: batch_pause
update worker set status = 'paused', modification_date = $2
where batch = $1 and status in ('running', 'offline')
returning worker_id

-- name: batch_resume
update worker set status = 'running', modification_date = $2
where batch = $1 and status = 'paused'
returning worker_id

-- name: batch_running
select e.execution_id, e.worker_id
from execution e join task t on t.task_id = e.task_id
where e.status in ('pending', 'accepted', 'running') and e.status = 'running'
    and t.batch = $1 and e.worker_id is not null
order by e.execution_id

-- Tasks of the batch that tasks of others are watched through.
-- name: batch_watched
select distinct w.waits_on from task w join task o on o.task_id = w.waits_on
where w.status = 'waiting' and w.batch <> $1 and o.batch = $1

-- Few signals wait at a time: they are gone through, not the executions.
-- name: batch_delete_signals
delete from signal where $1 = (
    select t.batch from execution e join task t on t.task_id = e.task_id
    where e.execution_id = signal.execution_id)

-- name: batch_delete_tasks
delete from task where batch = $1
returning task_id

-- name: batch_delete_recruiters
delete from recruiter where batch = $1

-- Whose things are (core/store/owner.c).
-- name: owner_of_worker
select worker_id, name, token from worker where worker_id = cast($1 as bigint)

-- name: owner_of_execution
select w.worker_id, w.name, w.token
from execution e left join worker w on w.worker_id = e.worker_id
where e.execution_id = cast($1 as bigint)

-- name: owner_has_task
select 1 from execution e join worker w on w.worker_id = e.worker_id
where e.task_id = cast($1 as bigint)
    and (w.worker_id = cast($2 as bigint) or w.name = cast($3 as varchar)) limit 1
