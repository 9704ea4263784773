-- The worker's call.

-- Streams, of rows [execution, stream, bytes], that have fewer bytes than that.
-- name: sync_missing_output
-- engine: sqlite
select j.value->>0, j.value->>1, j.value->>2, coalesce((
        select l.start + length(l.data) from execution_log l
        where l.execution_id = e.execution_id and l.stream = j.value->>1
        order by l.start desc limit 1), 0) as bytes
from json_each($1) j cross join execution e on e.execution_id = j.value->>0
where e.worker_id = $2 and bytes < j.value->>2
-- engine: postgres
select e.execution_id, cast(v->>1 as integer), cast(v->>2 as bigint), b.bytes
from json_array_elements(cast($1 as json)) j(v)
join execution e on e.execution_id = cast(v->>0 as bigint)
cross join lateral (select coalesce((
        select l.start + length(l.data) from execution_log l
        where l.execution_id = e.execution_id and l.stream = cast(v->>1 as integer)
        order by l.start desc limit 1), 0) as bytes) b
where e.worker_id = cast($2 as bigint) and b.bytes < cast(v->>2 as bigint)

-- Of the tasks that a worker is to start.
-- name: sync_requirements
select r.task_id, r.other_task_id
from execution e join requirement r on r.task_id = e.task_id
where e.worker_id = cast($1 as bigint) and e.status = 'pending'
    and e.status in ('pending', 'accepted', 'running')
order by r.task_id, r.requirement_id

-- name: sync_set_downloaded
update execution set downloaded = true
where execution_id in ids($1) and worker_id = cast($2 as bigint) and status = 'accepted'

-- name: sync_set_output_hash
update execution set output_hash = $2
where execution_id = cast($1 as bigint) and cache_state is not null
