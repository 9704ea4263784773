-- The cache: whose earlier result is to be looked for, what was found (see cache.c).

-- name: cache_tasks
select task_id, task_id, batch, command, container, container_options, input, resource,
    output, null, null, null, null, null
from task
where status = 'pending' and use_cache is true and cache_key is null
    and not (task_id in ids($1))
order by task_id limit $2

-- name: cache_executions
select e.execution_id, e.task_id, null, e.command, e.container, e.container_options,
    e.input, e.resource, e.output_folder, e.output_files, e.output_hash, e.cache_state,
    w.hostname, w.spool is not null
from execution e left join worker w on w.worker_id = e.worker_id
where e.cache_state is not null and e.status = 'succeeded'
    and not (e.execution_id in ids($1))
order by e.execution_id limit $2

-- Earlier results under this key, those in this folder and the latest first; each
-- reuse is one too, so of those that say the same of the same folder only the last.
-- What somebody called failed afterwards is none.
-- name: cache_find
select e.execution_id, e.task_id, e.output_folder, e.output_files, e.output_hash
from execution e
where e.execution_id in (
    select max(x.execution_id) from execution x join task t on t.task_id = x.task_id
    where x.input_hash = $1 and x.status = 'succeeded' and x.output_hash is not null
        and x.cache_state is null and not (x.latest is true and t.status = 'failed')
    group by x.output_folder, x.output_hash)
order by case when e.output_folder = $2 then 0 else 1 end, e.execution_id desc
limit 5

-- Workers of a batch on another machine than this one.
-- name: cache_elsewhere
select count(*) from worker
where batch = $1 and (hostname is null or hostname <> $2)

-- What it will run on, unless it was changed since it was looked at.
-- name: cache_set_key
-- engine: sqlite
update task set cache_key = $2, cache_state = $3
where task_id = $1 and status = 'pending' and use_cache is true and cache_key is null
    and command = $4 and container is not distinct from $5
    and container_options is not distinct from $6 and input is not distinct from $7
    and resource is not distinct from $8 and output is not distinct from $9
-- engine: postgres
update task t set cache_key = v->>1, cache_state = v->>2
from json_array_elements(cast($1 as json)) j(v)
where t.task_id = cast(v->>0 as bigint) and t.status = 'pending'
    and t.use_cache is true and t.cache_key is null
    and t.command = v->>3 and t.container is not distinct from v->>4
    and t.container_options is not distinct from v->>5
    and t.input is not distinct from v->>6
    and t.resource is not distinct from v->>7 and t.output is not distinct from v->>8

-- name: cache_still
select 1 from execution
where execution_id = cast($1 as bigint) and input_hash = $2 and output_hash = $3
    and status = 'succeeded' and cache_state is null

-- name: cache_record
update execution set input_hash = $2, output_hash = $3, cache_state = null
where execution_id = cast($1 as bigint) and status = 'succeeded'

-- Those that would run on the same: their result may be there now.
-- name: cache_look_again
update task set cache_key = null, cache_state = null
where status = 'pending' and cache_key is not null and cache_key = $1
returning task_id

-- name: task_cache_forget
update task set cache_key = null, cache_state = null
where task_id in ids($1) and (cache_key is not null or cache_state is not null)
