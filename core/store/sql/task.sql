-- Tasks and requirements.

-- name: task_statuses
-- engine: sqlite
select j.value, t.status from json_each($1) j left join task t on t.task_id = j.value
order by j.key
-- engine: postgres
select cast(v as bigint), t.status
from json_array_elements_text(cast($1 as json)) with ordinality j(v, place)
left join task t on t.task_id = cast(v as bigint)
order by place

-- name: task_set_status
-- engine: sqlite
update task set status = $2, retry = $3, status_date = $4, modification_date = $4
where task_id = $1
-- engine: postgres
update task t set status = v->>1, retry = cast(v->>2 as bigint),
    status_date = cast(v->>3 as timestamp), modification_date = cast(v->>3 as timestamp)
from json_array_elements(cast($1 as json)) j(v)
where t.task_id = cast(v->>0 as bigint)

-- By the ids: PostgreSQL, made to think that few are pending, would read all of those
-- through their index instead, so it is not shown that the index would do.
-- It answers whether there were executions before, and on PostgreSQL the new one's id.
-- name: task_assign
-- engine: sqlite
update task set status = 'assigned', status_date = $2, modification_date = $2
where task_id in ids($1) and status = 'pending'
returning task_id,
    exists (select 1 from execution e where e.task_id = task.task_id), null,
    cache_key is not null
-- engine: postgres
update task set status = 'assigned', status_date = $2, modification_date = $2
where task_id in ids($1)
    and status || '' = 'pending'
returning task_id,
    exists (select 1 from execution e where e.task_id = task.task_id),
    nextval('execution_execution_id_seq'), cache_key is not null

-- Tasks that lost their execution through no fault of theirs.
-- name: task_free
update task set status = 'pending', status_date = $2, modification_date = $2
where task_id in ids($1)
    and status in ('assigned', 'accepted', 'running')
returning task_id, batch, use_cache

-- What was not known when its inputs were looked at is not to be reused: here and below.
-- name: task_freeze
update execution set command = t.command, container = t.container,
    container_options = t.container_options, input = t.input, output_folder = t.output,
    resource = t.resource,
    cache_state = case when execution.command is not distinct from t.command
        and execution.container is not distinct from t.container
        and execution.container_options is not distinct from t.container_options
        and execution.input is not distinct from t.input
        and execution.output_folder is not distinct from t.output
        and execution.resource is not distinct from t.resource
        then execution.cache_state end
from task t
where execution.execution_id = cast($1 as bigint)
    and t.task_id = execution.task_id and t.task_id = cast($2 as bigint)

-- An execution that was not taken up yet follows its task's edits.
-- name: task_refreeze
update execution set command = t.command, container = t.container,
    container_options = t.container_options, input = t.input, output_folder = t.output,
    resource = t.resource, cache_state = null
from task t
where execution.task_id = cast($1 as bigint) and execution.status = 'pending'
    and t.task_id = execution.task_id

-- What was said to executions of the task; few signals wait at a time.
-- name: task_delete_signals
delete from signal where execution_id in (
    select execution_id from execution where task_id = cast($1 as bigint))

-- name: task_delete
delete from task where task_id = cast($1 as bigint)

-- Dependencies.  A waiting task is watched through one requirement that has not
-- succeeded, waits_on: see task_watch.c.

-- name: task_watchers
select task_id from task
where status = 'waiting' and waits_on in ids($1)

-- The next unsatisfied requirement after the one watched until now, else any: null when
-- all have succeeded.  The nested selects keep the walk in the order of the index.
-- name: task_watch_next
update task set waits_on = coalesce(
    (select r.other_task_id from requirement r
     where r.task_id = task.task_id and r.other_task_id > coalesce(task.waits_on, 0)
        and (select o.status from task o where o.task_id = r.other_task_id)
            <> 'succeeded'
     order by r.other_task_id limit 1),
    (select r.other_task_id from requirement r
     where r.task_id = task.task_id
        and (select o.status from task o where o.task_id = r.other_task_id)
            <> 'succeeded'
     order by r.other_task_id limit 1))
where status = 'waiting' and task_id in ids($1)
returning task_id, waits_on, batch, use_cache

-- name: task_set_pending
update task set status = 'pending', status_date = $2, modification_date = $2
where status = 'waiting' and task_id in ids($1)

-- A stretch of waiting tasks, and whether what each is watched through still holds it.
-- name: task_waiting_page
select t.task_id, coalesce((select o.status from task o where o.task_id = t.waits_on),
        'succeeded') = 'succeeded'
from task t where t.status = 'waiting' and t.task_id > cast($1 as bigint)
order by t.task_id limit $2

-- name: requirement_insert
-- engine: sqlite
insert into requirement (task_id, other_task_id) values ($1, $2)
-- engine: postgres
insert into requirement (task_id, other_task_id)
select cast(v->>0 as bigint), cast(v->>1 as bigint)
from json_array_elements(cast($1 as json)) j(v)

-- name: requirement_drop
delete from requirement where task_id = cast($1 as bigint)

-- name: requirement_delete
delete from requirement where requirement_id = cast($1 as bigint)
