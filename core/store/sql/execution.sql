-- Executions.  Statements over sets of ids take them as one JSON array; those over rows
-- (see rows.h) take a row on SQLite and a JSON array of rows on PostgreSQL.

-- name: id_reserve
-- engine: sqlite
update sqlite_sequence set seq = seq + $2 where name = $1 returning seq
-- engine: postgres
select nextval(s.name)
from (select pg_get_serial_sequence($1, $1 || '_id')::regclass as name offset 0) s,
    generate_series(1, cast($2 as bigint))

-- SQLite makes the row at the first insert.
-- name: id_reserve_first
-- engine: sqlite
insert into sqlite_sequence (name, seq) values ($1, $2)
-- engine: postgres
select 1

-- What a change of status must know: also whether there is output whose tail is to be
-- kept, and whether a task waits for this one.
-- name: execution_states
-- engine: sqlite
select e.execution_id, e.status, e.worker_id, e.task_id, e.latest, t.status, t.retry,
    t.batch, t.run_timeout is not null or t.download_timeout is not null,
    exists (select 1 from execution_log l where l.execution_id = e.execution_id),
    exists (select 1 from task w where w.status = 'waiting' and w.waits_on = e.task_id),
    t.use_cache
from json_each($1) j
cross join execution e on e.execution_id = j.value
cross join task t on t.task_id = e.task_id
order by e.execution_id
-- engine: postgres
select e.execution_id, e.status, e.worker_id, e.task_id, e.latest, t.status, t.retry,
    t.batch, t.run_timeout is not null or t.download_timeout is not null,
    exists (select 1 from execution_log l where l.execution_id = e.execution_id),
    exists (select 1 from task w where w.status = 'waiting' and w.waits_on = e.task_id),
    t.use_cache
from execution e join task t on t.task_id = e.task_id
where e.execution_id in ids($1)
order by e.execution_id

-- name: execution_set_status
-- engine: sqlite
update execution set status = $2, pid = coalesce($3, pid),
    return_code = coalesce($4, return_code),
    output_files = coalesce($5, output_files), modification_date = $6
where execution_id = $1
-- engine: postgres
update execution e set status = v->>1, pid = coalesce(v->>2, e.pid),
    return_code = coalesce(cast(v->>3 as bigint), e.return_code),
    output_files = coalesce(v->>4, e.output_files),
    modification_date = cast(v->>5 as timestamp)
from json_array_elements(cast($1 as json)) j(v)
where e.execution_id = cast(v->>0 as bigint)

-- name: execution_insert
-- engine: sqlite
insert into execution (execution_id, worker_id, task_id, status, creation_date, latest,
    command, container, container_options, input, output_folder, resource, cache_state)
select $1, $2, task_id, $4, $5, 1,
    command, container, container_options, input, output, resource, cache_state
from task where task_id = $3
-- engine: postgres
insert into execution (execution_id, worker_id, task_id, status, creation_date, latest,
    command, container, container_options, input, output_folder, resource, cache_state)
select cast(v->>0 as bigint), cast(v->>1 as bigint), t.task_id, v->>3,
    cast(v->>4 as timestamp), true,
    t.command, t.container, t.container_options, t.input, t.output, t.resource,
    t.cache_state
from json_array_elements(cast($1 as json)) j(v)
join task t on t.task_id = cast(v->>2 as bigint)

-- Before a new execution of these tasks: the earlier ones are not the latest any more,
-- and one that is still alive must not run beside it.
-- name: execution_supersede
-- engine: sqlite
update execution set latest = false, modification_date = case
        when status in ('pending', 'accepted', 'running') then $2
        else modification_date end,
    status = case when status in ('pending', 'accepted') then 'refused'
        when status = 'running' then 'failed' else status end
where task_id in ids($1) and latest is not false
returning execution_id, worker_id, modification_date = $2
-- engine: postgres
update execution set latest = false, modification_date = case
        when status in ('pending', 'accepted', 'running') then cast($2 as timestamp)
        else modification_date end,
    status = case when status in ('pending', 'accepted') then 'refused'
        when status = 'running' then 'failed' else status end
where task_id in ids($1) and latest is not false
returning execution_id, worker_id, modification_date = cast($2 as timestamp)

-- name: execution_live_of_tasks
select execution_id, worker_id, task_id, status from execution
where task_id in ids($1)
    and status in ('pending', 'accepted', 'running')

-- Sorted by an expression, lest an index that gives the order be preferred to that of
-- the live ones: it holds all that the worker ever ran.
-- name: execution_live_of_worker
select execution_id, worker_id, task_id, status from execution
where worker_id = cast($1 as bigint) and status in ('pending', 'accepted', 'running')
order by execution_id + 0

-- name: execution_live_of_batch
select e.execution_id, e.worker_id, e.task_id, e.status
from execution e join task t on t.task_id = e.task_id
where e.status in ('pending', 'accepted', 'running') and t.batch = $1

-- name: execution_set_output_files
update execution set output_files = $2, modification_date = $3
where execution_id = cast($1 as bigint)

-- name: execution_delete
delete from execution where execution_id = cast($1 as bigint)

-- The text columns stand for the whole output again.
-- name: execution_log_drop
delete from execution_log
where execution_id = cast($1 as bigint) and stream = cast($2 as integer)

-- Short forms: the live ones of a worker, those it holds, those in some way ended.
-- name: worker_executions_live
select e.execution_id, e.command, e.status, e.task_id, e.creation_date,
    e.modification_date, e.pid, e.output_files, e.latest, t.batch, t.status
from execution e join task t on t.task_id = e.task_id
where e.worker_id = cast($1 as bigint)
    and e.status in ('pending', 'accepted', 'running')
order by e.execution_id + 0

-- Neither failed, succeeded nor pending, as 1.3's worker asks every few seconds; each
-- half has an index of its own.
-- name: worker_executions_taken
select e.execution_id, e.command, e.status, e.task_id, e.creation_date,
    e.modification_date, e.pid, e.output_files, e.latest, t.batch, t.status
from execution e join task t on t.task_id = e.task_id
where e.worker_id = cast($1 as bigint)
    and e.status in ('pending', 'accepted', 'running') and e.status <> 'pending'
union all
select e.execution_id, e.command, e.status, e.task_id, e.creation_date,
    e.modification_date, e.pid, e.output_files, e.latest, t.batch, t.status
from execution e join task t on t.task_id = e.task_id
where e.worker_id = cast($1 as bigint) and e.status = 'refused'
order by 1

-- name: worker_executions_ended
select e.execution_id, e.command, e.status, e.task_id, e.creation_date,
    e.modification_date, e.pid, e.output_files, e.latest, t.batch, t.status
from execution e join task t on t.task_id = e.task_id
where e.worker_id = cast($1 as bigint) and e.status = $2
order by e.execution_id

-- name: signal_insert
-- engine: sqlite
insert into signal (execution_id, worker_id, signal) values ($1, $2, $3)
-- engine: postgres
insert into signal (execution_id, worker_id, signal)
select cast(v->>0 as bigint), cast(v->>1 as bigint), cast(v->>2 as bigint)
from json_array_elements(cast($1 as json)) j(v)
