/* Generated from core/store/sql by tools/sql2c.awk: change those. */
#include "core/store/queries.h"

const struct sq_query_text sq_queries[SQ_Q_COUNT] = {
    {"id_reserve",
     "update sqlite_sequence set seq = seq + ?2 where name = ?1 returning seq",
     "select nextval(s.name)\n"
     "from (select pg_get_serial_sequence($1, $1 || '_id')::regclass as name offset 0) s,\n"
     "generate_series(1, cast($2 as bigint))"},
    {"id_reserve_first",
     "insert into sqlite_sequence (name, seq) values (?1, ?2)",
     "select 1"},
    {"execution_states",
     "select e.execution_id, e.status, e.worker_id, e.task_id, e.latest, t.status, t.retry,\n"
     "t.batch, t.run_timeout is not null or t.download_timeout is not null,\n"
     "exists (select 1 from execution_log l where l.execution_id = e.execution_id),\n"
     "exists (select 1 from task w where w.status = 'waiting' and w.waits_on = e.task_id)\n"
     "from json_each(?1) j\n"
     "cross join execution e on e.execution_id = j.value\n"
     "cross join task t on t.task_id = e.task_id\n"
     "order by e.execution_id",
     "select e.execution_id, e.status, e.worker_id, e.task_id, e.latest, t.status, t.retry,\n"
     "t.batch, t.run_timeout is not null or t.download_timeout is not null,\n"
     "exists (select 1 from execution_log l where l.execution_id = e.execution_id),\n"
     "exists (select 1 from task w where w.status = 'waiting' and w.waits_on = e.task_id)\n"
     "from execution e join task t on t.task_id = e.task_id\n"
     "where e.execution_id = any(array(select cast(v as bigint) from json_array_elements_text(cast($1 as json)) j(v)))\n"
     "order by e.execution_id"},
    {"execution_set_status",
     "update execution set status = ?2, pid = coalesce(?3, pid),\n"
     "return_code = coalesce(?4, return_code),\n"
     "output_files = coalesce(?5, output_files), modification_date = ?6\n"
     "where execution_id = ?1",
     "update execution e set status = v->>1, pid = coalesce(v->>2, e.pid),\n"
     "return_code = coalesce(cast(v->>3 as bigint), e.return_code),\n"
     "output_files = coalesce(v->>4, e.output_files),\n"
     "modification_date = cast(v->>5 as timestamp)\n"
     "from json_array_elements(cast($1 as json)) j(v)\n"
     "where e.execution_id = cast(v->>0 as bigint)"},
    {"execution_insert",
     "insert into execution (execution_id, worker_id, task_id, status, creation_date, latest,\n"
     "command, container, container_options, input, output_folder, resource)\n"
     "select ?1, ?2, task_id, ?4, ?5, 1,\n"
     "command, container, container_options, input, output, resource\n"
     "from task where task_id = ?3",
     "insert into execution (execution_id, worker_id, task_id, status, creation_date, latest,\n"
     "command, container, container_options, input, output_folder, resource)\n"
     "select cast(v->>0 as bigint), cast(v->>1 as bigint), t.task_id, v->>3,\n"
     "cast(v->>4 as timestamp), true,\n"
     "t.command, t.container, t.container_options, t.input, t.output, t.resource\n"
     "from json_array_elements(cast($1 as json)) j(v)\n"
     "join task t on t.task_id = cast(v->>2 as bigint)"},
    {"execution_supersede",
     "update execution set latest = false, modification_date = case\n"
     "when status in ('pending', 'accepted', 'running') then ?2\n"
     "else modification_date end,\n"
     "status = case when status in ('pending', 'accepted') then 'refused'\n"
     "when status = 'running' then 'failed' else status end\n"
     "where task_id in (select value from json_each(?1)) and latest is not false\n"
     "returning execution_id, worker_id, modification_date = ?2",
     "update execution set latest = false, modification_date = case\n"
     "when status in ('pending', 'accepted', 'running') then cast($2 as timestamp)\n"
     "else modification_date end,\n"
     "status = case when status in ('pending', 'accepted') then 'refused'\n"
     "when status = 'running' then 'failed' else status end\n"
     "where task_id = any(array(select cast(v as bigint) from json_array_elements_text(cast($1 as json)) j(v))) and latest is not false\n"
     "returning execution_id, worker_id, modification_date = cast($2 as timestamp)"},
    {"execution_live_of_tasks",
     "select execution_id, worker_id, task_id, status from execution\n"
     "where task_id in (select value from json_each(?1))\n"
     "and status in ('pending', 'accepted', 'running')",
     "select execution_id, worker_id, task_id, status from execution\n"
     "where task_id = any(array(select cast(v as bigint) from json_array_elements_text(cast($1 as json)) j(v)))\n"
     "and status in ('pending', 'accepted', 'running')"},
    {"execution_live_of_worker",
     "select execution_id, worker_id, task_id, status from execution\n"
     "where worker_id = cast(?1 as bigint) and status in ('pending', 'accepted', 'running')\n"
     "order by execution_id + 0",
     "select execution_id, worker_id, task_id, status from execution\n"
     "where worker_id = cast($1 as bigint) and status in ('pending', 'accepted', 'running')\n"
     "order by execution_id + 0"},
    {"execution_live_of_batch",
     "select e.execution_id, e.worker_id, e.task_id, e.status\n"
     "from execution e join task t on t.task_id = e.task_id\n"
     "where e.status in ('pending', 'accepted', 'running') and t.batch = ?1",
     "select e.execution_id, e.worker_id, e.task_id, e.status\n"
     "from execution e join task t on t.task_id = e.task_id\n"
     "where e.status in ('pending', 'accepted', 'running') and t.batch = $1"},
    {"execution_set_output_files",
     "update execution set output_files = ?2, modification_date = ?3\n"
     "where execution_id = cast(?1 as bigint)",
     "update execution set output_files = $2, modification_date = $3\n"
     "where execution_id = cast($1 as bigint)"},
    {"execution_delete",
     "delete from execution where execution_id = cast(?1 as bigint)",
     "delete from execution where execution_id = cast($1 as bigint)"},
    {"execution_log_drop",
     "delete from execution_log\n"
     "where execution_id = cast(?1 as bigint) and stream = cast(?2 as integer)",
     "delete from execution_log\n"
     "where execution_id = cast($1 as bigint) and stream = cast($2 as integer)"},
    {"worker_executions_live",
     "select e.execution_id, e.command, e.status, e.task_id, e.creation_date,\n"
     "e.modification_date, e.pid, e.output_files, e.latest, t.batch, t.status\n"
     "from execution e join task t on t.task_id = e.task_id\n"
     "where e.worker_id = cast(?1 as bigint)\n"
     "and e.status in ('pending', 'accepted', 'running')\n"
     "order by e.execution_id + 0",
     "select e.execution_id, e.command, e.status, e.task_id, e.creation_date,\n"
     "e.modification_date, e.pid, e.output_files, e.latest, t.batch, t.status\n"
     "from execution e join task t on t.task_id = e.task_id\n"
     "where e.worker_id = cast($1 as bigint)\n"
     "and e.status in ('pending', 'accepted', 'running')\n"
     "order by e.execution_id + 0"},
    {"worker_executions_ended",
     "select e.execution_id, e.command, e.status, e.task_id, e.creation_date,\n"
     "e.modification_date, e.pid, e.output_files, e.latest, t.batch, t.status\n"
     "from execution e join task t on t.task_id = e.task_id\n"
     "where e.worker_id = cast(?1 as bigint) and e.status = ?2\n"
     "order by e.execution_id",
     "select e.execution_id, e.command, e.status, e.task_id, e.creation_date,\n"
     "e.modification_date, e.pid, e.output_files, e.latest, t.batch, t.status\n"
     "from execution e join task t on t.task_id = e.task_id\n"
     "where e.worker_id = cast($1 as bigint) and e.status = $2\n"
     "order by e.execution_id"},
    {"signal_insert",
     "insert into signal (execution_id, worker_id, signal) values (?1, ?2, ?3)",
     "insert into signal (execution_id, worker_id, signal)\n"
     "select cast(v->>0 as bigint), cast(v->>1 as bigint), cast(v->>2 as bigint)\n"
     "from json_array_elements(cast($1 as json)) j(v)"},
    {"lease_file",
     "select file from pragma_database_list where name = 'main'",
     "select null where false"},
    {"lease_try",
     "select 1",
     "select pg_try_advisory_lock(7330252, cast(oid as integer)) from pg_namespace\n"
     "where nspname = current_schema()"},
    {"lease_patience",
     "select 1",
     "select set_config('lock_timeout', '3s', true)"},
    {"lease_wait",
     "select 1",
     "select pg_advisory_lock(7330252, cast(oid as integer)) from pg_namespace\n"
     "where nspname = current_schema()"},
    {"lease_session",
     "select 0, ''",
     "select pid, cast(backend_start as text) from pg_stat_activity where pid = pg_backend_pid()"},
    {"lease_holder",
     "select 0, null, null",
     "select l.pid, cast(a.backend_start as text),\n"
     "coalesce(host(a.client_addr), 'its own machine')\n"
     "from pg_locks l left join pg_stat_activity a on a.pid = l.pid\n"
     "where l.locktype = 'advisory' and l.classid = 7330252 and l.objsubid = 2 and l.granted\n"
     "and l.objid = (select oid from pg_namespace where nspname = current_schema())\n"
     "and l.database = (select oid from pg_database where datname = current_database())"},
    {"lease_end",
     "select ?1",
     "select pg_terminate_backend(cast($1 as integer))"},
    {"task_requirements",
     "select task_id, other_task_id from requirement\n"
     "where task_id in (select value from json_each(?1))\n"
     "order by task_id, requirement_id",
     "select task_id, other_task_id from requirement\n"
     "where task_id = any(array(select cast(v as bigint) from json_array_elements_text(cast($1 as json)) j(v)))\n"
     "order by task_id, requirement_id"},
    {"log_ends",
     "select e.execution_id, j.value->>1, e.status, e.worker_id,\n"
     "l.start, l.chars, l.carry, l.data,\n"
     "coalesce(case j.value->>1 when 1 then e.output else e.error end, '') <> ''\n"
     "from json_each(?1) j\n"
     "cross join execution e on e.execution_id = j.value->>0\n"
     "left join execution_log l on l.execution_id = e.execution_id\n"
     "and l.stream = j.value->>1\n"
     "and l.start = (select max(m.start) from execution_log m\n"
     "where m.execution_id = e.execution_id and m.stream = j.value->>1)",
     "select e.execution_id, cast(v->>1 as integer), e.status, e.worker_id,\n"
     "l.start, l.chars, l.carry, l.data,\n"
     "coalesce(case cast(v->>1 as integer) when 1 then e.output else e.error end, '') <> ''\n"
     "from json_array_elements(cast($1 as json)) j(v)\n"
     "join execution e on e.execution_id = cast(v->>0 as bigint)\n"
     "left join lateral (\n"
     "select m.start, m.chars, m.carry, m.data from execution_log m\n"
     "where m.execution_id = e.execution_id and m.stream = cast(v->>1 as integer)\n"
     "order by m.start desc limit 1) l on true"},
    {"log_insert",
     "insert into execution_log (execution_id, stream, start, chars, carry, data)\n"
     "values (?1, ?2, ?3, ?4, ?5, ?6)",
     "insert into execution_log (execution_id, stream, start, chars, carry, data)\n"
     "values ($1, $2, $3, $4, $5, $6)"},
    {"log_size",
     "select l.start + length(l.data) from execution_log l\n"
     "where l.execution_id = cast(?1 as bigint) and l.stream = cast(?2 as integer)\n"
     "order by l.start desc limit 1",
     "select l.start + length(l.data) from execution_log l\n"
     "where l.execution_id = cast($1 as bigint) and l.stream = cast($2 as integer)\n"
     "order by l.start desc limit 1"},
    {"log_old_size",
     "select length(cast(case ?2 when 1 then output else error end as blob))\n"
     "from execution where execution_id = ?1",
     "select octet_length(case cast($2 as integer) when 1 then output else error end)\n"
     "from execution where execution_id = cast($1 as bigint)"},
    {"log_chunks",
     "select l.start, l.chars, l.carry, l.data from execution_log l\n"
     "where l.execution_id = cast(?1 as bigint) and l.stream = cast(?2 as integer)\n"
     "and l.start >= coalesce((select max(m.start) from execution_log m\n"
     "where m.execution_id = cast(?1 as bigint) and m.stream = cast(?2 as integer)\n"
     "and m.start <= cast(?3 as bigint)), 0)\n"
     "and l.start < cast(?4 as bigint)\n"
     "order by l.start",
     "select l.start, l.chars, l.carry, l.data from execution_log l\n"
     "where l.execution_id = cast($1 as bigint) and l.stream = cast($2 as integer)\n"
     "and l.start >= coalesce((select max(m.start) from execution_log m\n"
     "where m.execution_id = cast($1 as bigint) and m.stream = cast($2 as integer)\n"
     "and m.start <= cast($3 as bigint)), 0)\n"
     "and l.start < cast($4 as bigint)\n"
     "order by l.start"},
    {"log_probe",
     "select l.start, l.chars from execution_log l\n"
     "where l.execution_id = cast(?1 as bigint) and l.stream = cast(?2 as integer)\n"
     "and l.start >= coalesce((select max(m.start) from execution_log m\n"
     "where m.execution_id = cast(?1 as bigint) and m.stream = cast(?2 as integer)\n"
     "and m.start <= cast(?3 as bigint)), 0)\n"
     "order by l.start limit 2",
     "select l.start, l.chars from execution_log l\n"
     "where l.execution_id = cast($1 as bigint) and l.stream = cast($2 as integer)\n"
     "and l.start >= coalesce((select max(m.start) from execution_log m\n"
     "where m.execution_id = cast($1 as bigint) and m.stream = cast($2 as integer)\n"
     "and m.start <= cast($3 as bigint)), 0)\n"
     "order by l.start limit 2"},
    {"log_old_bytes",
     "select substr(cast(case ?2 when 1 then output else error end as blob), ?3 + 1, ?4)\n"
     "from execution e where execution_id = ?1 and not exists (\n"
     "select 1 from execution_log l where l.execution_id = ?1 and l.stream = ?2)",
     "select substring(convert_to(case cast($2 as integer) when 1 then output else error end,\n"
     "'UTF8') from cast($3 as integer) + 1 for cast($4 as integer))\n"
     "from execution e where execution_id = cast($1 as bigint) and not exists (\n"
     "select 1 from execution_log l\n"
     "where l.execution_id = cast($1 as bigint) and l.stream = cast($2 as integer))"},
    {"log_old_text",
     "select substr(case cast(?2 as integer) when 1 then output else error end,\n"
     "cast(?3 as integer) + 1, cast(?4 as integer))\n"
     "from execution where execution_id = cast(?1 as bigint)",
     "select substr(case cast($2 as integer) when 1 then output else error end,\n"
     "cast($3 as integer) + 1, cast($4 as integer))\n"
     "from execution where execution_id = cast($1 as bigint)"},
    {"log_old_length",
     "select length(case cast(?2 as integer) when 1 then output else error end)\n"
     "from execution where execution_id = cast(?1 as bigint) and not exists (\n"
     "select 1 from execution_log l\n"
     "where l.execution_id = cast(?1 as bigint) and l.stream = cast(?2 as integer))",
     "select length(case cast($2 as integer) when 1 then output else error end)\n"
     "from execution where execution_id = cast($1 as bigint) and not exists (\n"
     "select 1 from execution_log l\n"
     "where l.execution_id = cast($1 as bigint) and l.stream = cast($2 as integer))"},
    {"log_execution_status",
     "select status from execution where execution_id = cast(?1 as bigint)",
     "select status from execution where execution_id = cast($1 as bigint)"},
    {"log_tail_rows",
     "select l.execution_id, l.stream, l.data\n"
     "from json_each(?1) j\n"
     "cross join (select 1 as stream union all select 2) s\n"
     "cross join execution_log l on l.execution_id = j.value and l.stream = s.stream\n"
     "and l.start > (select max(m.start) from execution_log m\n"
     "where m.execution_id = j.value and m.stream = s.stream) - ?2\n"
     "order by l.execution_id, l.stream, l.start",
     "select l.execution_id, l.stream, l.data\n"
     "from json_array_elements_text(cast($1 as json)) j(v)\n"
     "cross join (values (1), (2)) s(stream)\n"
     "cross join lateral (\n"
     "select m.execution_id, m.stream, m.start, m.data from execution_log m\n"
     "where m.execution_id = cast(v as bigint) and m.stream = s.stream\n"
     "and m.start > (select max(n.start) from execution_log n\n"
     "where n.execution_id = cast(v as bigint) and n.stream = s.stream)\n"
     "- cast($2 as bigint)\n"
     "offset 0) l\n"
     "order by l.execution_id, l.stream, l.start"},
    {"log_set_tails",
     "update execution set output = coalesce(?2, output), error = coalesce(?3, error)\n"
     "where execution_id = ?1",
     "update execution e set output = coalesce(v->>1, e.output),\n"
     "error = coalesce(v->>2, e.error)\n"
     "from json_array_elements(cast($1 as json)) j(v)\n"
     "where e.execution_id = cast(v->>0 as bigint)"},
    {"log_sizes",
     "select j.key, s.stream, l.start + length(l.data), case when l.start is null then\n"
     "length(cast(case s.stream when 1 then e.output else e.error end as blob)) else 0 end\n"
     "from json_each(?1) j\n"
     "cross join (select 1 as stream union all select 2) s\n"
     "cross join execution e on e.execution_id = j.value\n"
     "left join execution_log l on l.execution_id = j.value and l.stream = s.stream\n"
     "and l.start = (select max(m.start) from execution_log m\n"
     "where m.execution_id = j.value and m.stream = s.stream)",
     "select n - 1, s.stream, l.bytes, case when l.bytes is null then\n"
     "octet_length(case s.stream when 1 then e.output else e.error end) else 0 end\n"
     "from json_array_elements_text(cast($1 as json)) with ordinality j(v, n)\n"
     "cross join (values (1), (2)) s(stream)\n"
     "join execution e on e.execution_id = cast(v as bigint)\n"
     "left join lateral (\n"
     "select m.start + length(m.data) as bytes from execution_log m\n"
     "where m.execution_id = cast(v as bigint) and m.stream = s.stream\n"
     "order by m.start desc limit 1) l on true"},
    {"log_texts",
     "select j.value->>0, j.value->>2, l.data\n"
     "from json_each(?1) j\n"
     "cross join execution_log l on l.execution_id = j.value->>1\n"
     "and l.stream = j.value->>2 and l.start < j.value->>3\n"
     "order by j.key, l.start",
     "select cast(v->>0 as bigint), cast(v->>2 as integer), l.data\n"
     "from json_array_elements(cast($1 as json)) with ordinality j(v, n)\n"
     "cross join lateral (\n"
     "select m.start, m.data from execution_log m\n"
     "where m.execution_id = cast(v->>1 as bigint)\n"
     "and m.stream = cast(v->>2 as integer) and m.start < cast(v->>3 as bigint)\n"
     "offset 0) l\n"
     "order by n, l.start"},
    {"log_old_texts",
     "select j.value->>0, j.value->>2, case j.value->>2 when 1 then e.output else e.error end\n"
     "from json_each(?1) j\n"
     "cross join execution e on e.execution_id = j.value->>1",
     "select cast(v->>0 as bigint), cast(v->>2 as integer),\n"
     "case cast(v->>2 as integer) when 1 then e.output else e.error end\n"
     "from json_array_elements(cast($1 as json)) j(v)\n"
     "join execution e on e.execution_id = cast(v->>1 as bigint)"},
    {"sched_workers_by_id",
     "select w.worker_id, w.batch, w.concurrency, w.prefetch, w.task_properties,\n"
     "(select count(*) from execution e where e.worker_id = w.worker_id\n"
     "and e.status in ('pending', 'accepted', 'running'))\n"
     "from json_each(?1) j join worker w on w.worker_id = j.value\n"
     "where w.status = 'running'",
     "select w.worker_id, w.batch, w.concurrency, w.prefetch, w.task_properties,\n"
     "(select count(*) from execution e where e.worker_id = w.worker_id\n"
     "and e.status in ('pending', 'accepted', 'running'))\n"
     "from json_array_elements_text($1::json) j(value)\n"
     "join worker w on w.worker_id = j.value::integer\n"
     "where w.status = 'running'"},
    {"sched_workers_by_batch",
     "select w.worker_id, w.batch, w.concurrency, w.prefetch, w.task_properties,\n"
     "(select count(*) from execution e where e.worker_id = w.worker_id\n"
     "and e.status in ('pending', 'accepted', 'running'))\n"
     "from worker w where w.batch = ?1 and w.status = 'running'\n"
     "order by w.worker_id",
     "select w.worker_id, w.batch, w.concurrency, w.prefetch, w.task_properties,\n"
     "(select count(*) from execution e where e.worker_id = w.worker_id\n"
     "and e.status in ('pending', 'accepted', 'running'))\n"
     "from worker w where w.batch = $1 and w.status = 'running'\n"
     "order by w.worker_id"},
    {"sched_running_by_batch",
     "select e.worker_id, t.batch, count(*)\n"
     "from json_each(?1) j\n"
     "join execution e on e.worker_id = j.value and e.status = 'running'\n"
     "and e.status in ('pending', 'accepted', 'running')\n"
     "join task t on t.task_id = e.task_id\n"
     "group by e.worker_id, t.batch",
     "select e.worker_id, t.batch, count(*)\n"
     "from json_array_elements_text($1::json) j(value)\n"
     "join execution e on e.worker_id = j.value::integer and e.status = 'running'\n"
     "and e.status in ('pending', 'accepted', 'running')\n"
     "join task t on t.task_id = e.task_id\n"
     "group by e.worker_id, t.batch"},
    {"sched_pending",
     "select task_id from task where status = 'pending' and batch = ?1\n"
     "order by task_id limit ?2",
     "select task_id from task where status = 'pending' and batch = $1\n"
     "order by task_id limit $2"},
    {"sched_pending_for",
     "select task_id from task where status = 'pending'\n"
     "and batch = (select w.batch from worker w where w.worker_id = cast(?1 as bigint))\n"
     "order by task_id limit ?2",
     "select task_id from task where status = 'pending'\n"
     "and batch = (select w.batch from worker w where w.worker_id = cast($1 as bigint))\n"
     "order by task_id limit $2"},
    {"sched_pending_batches",
     "with recursive b(batch) as (\n"
     "select batch from (select batch from task where status = 'pending'\n"
     "order by batch limit 1) first\n"
     "union all\n"
     "select (select t.batch from task t\n"
     "where t.status = 'pending' and t.batch > b.batch order by t.batch limit 1)\n"
     "from b where b.batch is not null)\n"
     "select batch from b where batch is not null",
     "with recursive b(batch) as (\n"
     "select batch from (select batch from task where status = 'pending'\n"
     "order by batch limit 1) first\n"
     "union all\n"
     "select (select t.batch from task t\n"
     "where t.status = 'pending' and t.batch > b.batch order by t.batch limit 1)\n"
     "from b where b.batch is not null)\n"
     "select batch from b where batch is not null"},
    {"sched_limits",
     "select task_id, status, status_date, run_timeout,\n"
     "case when coalesce(input, '') || coalesce(resource, '') <> ''\n"
     "then download_timeout end\n"
     "from task\n"
     "where status in ('accepted', 'running')\n"
     "and (run_timeout is not null or download_timeout is not null)",
     "select task_id, status, status_date, run_timeout,\n"
     "case when coalesce(input, '') || coalesce(resource, '') <> ''\n"
     "then download_timeout end\n"
     "from task\n"
     "where status in ('accepted', 'running')\n"
     "and (run_timeout is not null or download_timeout is not null)"},
    {"sched_limits_by_id",
     "select t.task_id, t.status, t.status_date, t.run_timeout,\n"
     "case when coalesce(t.input, '') || coalesce(t.resource, '') <> ''\n"
     "then t.download_timeout end\n"
     "from json_each(?1) j join task t on t.task_id = j.value\n"
     "where t.status in ('accepted', 'running')\n"
     "and (t.run_timeout is not null or t.download_timeout is not null)",
     "select t.task_id, t.status, t.status_date, t.run_timeout,\n"
     "case when coalesce(t.input, '') || coalesce(t.resource, '') <> ''\n"
     "then t.download_timeout end\n"
     "from json_array_elements_text($1::json) j(value)\n"
     "join task t on t.task_id = j.value::integer\n"
     "where t.status in ('accepted', 'running')\n"
     "and (t.run_timeout is not null or t.download_timeout is not null)"},
    {"sched_over_limit",
     "select e.execution_id, e.worker_id,\n"
     "exists (select 1 from signal s\n"
     "where s.execution_id = e.execution_id and s.signal = 9),\n"
     "(select count(*) from execution r where r.worker_id = e.worker_id\n"
     "and r.status = 'running' and r.status in ('pending', 'accepted', 'running')),\n"
     "w.concurrency, w.spool is not null\n"
     "from execution e join worker w on w.worker_id = e.worker_id\n"
     "where e.task_id = ?1 and e.latest\n"
     "and (e.status = 'running' or (e.status = 'accepted' and e.downloaded is not true))",
     "select e.execution_id, e.worker_id,\n"
     "exists (select 1 from signal s\n"
     "where s.execution_id = e.execution_id and s.signal = 9),\n"
     "(select count(*) from execution r where r.worker_id = e.worker_id\n"
     "and r.status = 'running' and r.status in ('pending', 'accepted', 'running')),\n"
     "w.concurrency, w.spool is not null\n"
     "from execution e join worker w on w.worker_id = e.worker_id\n"
     "where e.task_id = $1 and e.latest\n"
     "and (e.status = 'running' or (e.status = 'accepted' and e.downloaded is not true))"},
    {"sched_execution_status",
     "select status from execution where execution_id = ?1",
     "select status from execution where execution_id = $1"},
    {"schema_tables",
     "select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'",
     "select table_name from information_schema.tables\n"
     "where table_schema = current_schema() and table_type = 'BASE TABLE'"},
    {"schema_columns",
     "select name from pragma_table_info(?1)",
     "select column_name from information_schema.columns\n"
     "where table_schema = current_schema() and table_name = $1"},
    {"schema_version",
     "select max(version) from scitq_schema",
     "select max(version) from scitq_schema"},
    {"schema_register",
     "insert into scitq_schema (version, applied) values (?1, ?2)",
     "insert into scitq_schema (version, applied) values ($1, $2)"},
    {"schema_identity",
     "select identity from scitq_identity",
     "select identity from scitq_identity"},
    {"schema_lock",
     "select 1",
     "select pg_advisory_xact_lock(7330251)"},
    {"sync_missing_output",
     "select j.value->>0, j.value->>1, j.value->>2, coalesce((\n"
     "select l.start + length(l.data) from execution_log l\n"
     "where l.execution_id = e.execution_id and l.stream = j.value->>1\n"
     "order by l.start desc limit 1), 0) as bytes\n"
     "from json_each(?1) j cross join execution e on e.execution_id = j.value->>0\n"
     "where e.worker_id = ?2 and bytes < j.value->>2",
     "select e.execution_id, cast(v->>1 as integer), cast(v->>2 as bigint), b.bytes\n"
     "from json_array_elements(cast($1 as json)) j(v)\n"
     "join execution e on e.execution_id = cast(v->>0 as bigint)\n"
     "cross join lateral (select coalesce((\n"
     "select l.start + length(l.data) from execution_log l\n"
     "where l.execution_id = e.execution_id and l.stream = cast(v->>1 as integer)\n"
     "order by l.start desc limit 1), 0) as bytes) b\n"
     "where e.worker_id = cast($2 as bigint) and b.bytes < cast(v->>2 as bigint)"},
    {"sync_requirements",
     "select r.task_id, r.other_task_id\n"
     "from execution e join requirement r on r.task_id = e.task_id\n"
     "where e.worker_id = cast(?1 as bigint) and e.status = 'pending'\n"
     "and e.status in ('pending', 'accepted', 'running')\n"
     "order by r.task_id, r.requirement_id",
     "select r.task_id, r.other_task_id\n"
     "from execution e join requirement r on r.task_id = e.task_id\n"
     "where e.worker_id = cast($1 as bigint) and e.status = 'pending'\n"
     "and e.status in ('pending', 'accepted', 'running')\n"
     "order by r.task_id, r.requirement_id"},
    {"sync_set_downloaded",
     "update execution set downloaded = true\n"
     "where execution_id in (select value from json_each(?1)) and worker_id = cast(?2 as bigint) and status = 'accepted'",
     "update execution set downloaded = true\n"
     "where execution_id = any(array(select cast(v as bigint) from json_array_elements_text(cast($1 as json)) j(v))) and worker_id = cast($2 as bigint) and status = 'accepted'"},
    {"task_statuses",
     "select j.value, t.status from json_each(?1) j left join task t on t.task_id = j.value\n"
     "order by j.key",
     "select cast(v as bigint), t.status\n"
     "from json_array_elements_text(cast($1 as json)) with ordinality j(v, place)\n"
     "left join task t on t.task_id = cast(v as bigint)\n"
     "order by place"},
    {"task_set_status",
     "update task set status = ?2, retry = ?3, status_date = ?4, modification_date = ?4\n"
     "where task_id = ?1",
     "update task t set status = v->>1, retry = cast(v->>2 as bigint),\n"
     "status_date = cast(v->>3 as timestamp), modification_date = cast(v->>3 as timestamp)\n"
     "from json_array_elements(cast($1 as json)) j(v)\n"
     "where t.task_id = cast(v->>0 as bigint)"},
    {"task_assign",
     "update task set status = 'assigned', status_date = ?2, modification_date = ?2\n"
     "where task_id in (select value from json_each(?1)) and status = 'pending'\n"
     "returning task_id,\n"
     "exists (select 1 from execution e where e.task_id = task.task_id), null",
     "update task set status = 'assigned', status_date = $2, modification_date = $2\n"
     "where task_id = any(array(select cast(v as bigint) from json_array_elements_text(cast($1 as json)) j(v)))\n"
     "and status || '' = 'pending'\n"
     "returning task_id,\n"
     "exists (select 1 from execution e where e.task_id = task.task_id),\n"
     "nextval('execution_execution_id_seq')"},
    {"task_free",
     "update task set status = 'pending', status_date = ?2, modification_date = ?2\n"
     "where task_id in (select value from json_each(?1))\n"
     "and status in ('assigned', 'accepted', 'running')\n"
     "returning task_id, batch",
     "update task set status = 'pending', status_date = $2, modification_date = $2\n"
     "where task_id = any(array(select cast(v as bigint) from json_array_elements_text(cast($1 as json)) j(v)))\n"
     "and status in ('assigned', 'accepted', 'running')\n"
     "returning task_id, batch"},
    {"task_freeze",
     "update execution set command = t.command, container = t.container,\n"
     "container_options = t.container_options, input = t.input, output_folder = t.output,\n"
     "resource = t.resource\n"
     "from task t\n"
     "where execution.execution_id = cast(?1 as bigint)\n"
     "and t.task_id = execution.task_id and t.task_id = cast(?2 as bigint)",
     "update execution set command = t.command, container = t.container,\n"
     "container_options = t.container_options, input = t.input, output_folder = t.output,\n"
     "resource = t.resource\n"
     "from task t\n"
     "where execution.execution_id = cast($1 as bigint)\n"
     "and t.task_id = execution.task_id and t.task_id = cast($2 as bigint)"},
    {"task_refreeze",
     "update execution set command = t.command, container = t.container,\n"
     "container_options = t.container_options, input = t.input, output_folder = t.output,\n"
     "resource = t.resource\n"
     "from task t\n"
     "where execution.task_id = cast(?1 as bigint) and execution.status = 'pending'\n"
     "and t.task_id = execution.task_id",
     "update execution set command = t.command, container = t.container,\n"
     "container_options = t.container_options, input = t.input, output_folder = t.output,\n"
     "resource = t.resource\n"
     "from task t\n"
     "where execution.task_id = cast($1 as bigint) and execution.status = 'pending'\n"
     "and t.task_id = execution.task_id"},
    {"task_delete",
     "delete from task where task_id = cast(?1 as bigint)",
     "delete from task where task_id = cast($1 as bigint)"},
    {"task_watchers",
     "select task_id from task\n"
     "where status = 'waiting' and waits_on in (select value from json_each(?1))",
     "select task_id from task\n"
     "where status = 'waiting' and waits_on = any(array(select cast(v as bigint) from json_array_elements_text(cast($1 as json)) j(v)))"},
    {"task_watch_next",
     "update task set waits_on = coalesce(\n"
     "(select r.other_task_id from requirement r\n"
     "where r.task_id = task.task_id and r.other_task_id > coalesce(task.waits_on, 0)\n"
     "and (select o.status from task o where o.task_id = r.other_task_id)\n"
     "<> 'succeeded'\n"
     "order by r.other_task_id limit 1),\n"
     "(select r.other_task_id from requirement r\n"
     "where r.task_id = task.task_id\n"
     "and (select o.status from task o where o.task_id = r.other_task_id)\n"
     "<> 'succeeded'\n"
     "order by r.other_task_id limit 1))\n"
     "where status = 'waiting' and task_id in (select value from json_each(?1))\n"
     "returning task_id, waits_on, batch",
     "update task set waits_on = coalesce(\n"
     "(select r.other_task_id from requirement r\n"
     "where r.task_id = task.task_id and r.other_task_id > coalesce(task.waits_on, 0)\n"
     "and (select o.status from task o where o.task_id = r.other_task_id)\n"
     "<> 'succeeded'\n"
     "order by r.other_task_id limit 1),\n"
     "(select r.other_task_id from requirement r\n"
     "where r.task_id = task.task_id\n"
     "and (select o.status from task o where o.task_id = r.other_task_id)\n"
     "<> 'succeeded'\n"
     "order by r.other_task_id limit 1))\n"
     "where status = 'waiting' and task_id = any(array(select cast(v as bigint) from json_array_elements_text(cast($1 as json)) j(v)))\n"
     "returning task_id, waits_on, batch"},
    {"task_set_pending",
     "update task set status = 'pending', status_date = ?2, modification_date = ?2\n"
     "where status = 'waiting' and task_id in (select value from json_each(?1))",
     "update task set status = 'pending', status_date = $2, modification_date = $2\n"
     "where status = 'waiting' and task_id = any(array(select cast(v as bigint) from json_array_elements_text(cast($1 as json)) j(v)))"},
    {"task_waiting_page",
     "select t.task_id, coalesce((select o.status from task o where o.task_id = t.waits_on),\n"
     "'succeeded') = 'succeeded'\n"
     "from task t where t.status = 'waiting' and t.task_id > cast(?1 as bigint)\n"
     "order by t.task_id limit ?2",
     "select t.task_id, coalesce((select o.status from task o where o.task_id = t.waits_on),\n"
     "'succeeded') = 'succeeded'\n"
     "from task t where t.status = 'waiting' and t.task_id > cast($1 as bigint)\n"
     "order by t.task_id limit $2"},
    {"requirement_insert",
     "insert into requirement (task_id, other_task_id) values (?1, ?2)",
     "insert into requirement (task_id, other_task_id)\n"
     "select cast(v->>0 as bigint), cast(v->>1 as bigint)\n"
     "from json_array_elements(cast($1 as json)) j(v)"},
    {"requirement_drop",
     "delete from requirement where task_id = cast(?1 as bigint)",
     "delete from requirement where task_id = cast($1 as bigint)"},
    {"requirement_delete",
     "delete from requirement where requirement_id = cast(?1 as bigint)",
     "delete from requirement where requirement_id = cast($1 as bigint)"},
    {"why_requirements",
     "select r.other_task_id, o.status\n"
     "from requirement r join task o on o.task_id = r.other_task_id\n"
     "where r.task_id = cast(?1 as bigint) and o.status <> 'succeeded'\n"
     "order by case when o.status = 'failed' then 0 else 1 end, r.other_task_id\n"
     "limit 100",
     "select r.other_task_id, o.status\n"
     "from requirement r join task o on o.task_id = r.other_task_id\n"
     "where r.task_id = cast($1 as bigint) and o.status <> 'succeeded'\n"
     "order by case when o.status = 'failed' then 0 else 1 end, r.other_task_id\n"
     "limit 100"},
    {"why_workers",
     "select w.status, count(*),\n"
     "cast(sum(w.concurrency + coalesce(w.prefetch, 0)) as bigint),\n"
     "cast(sum((select count(*) from execution e where e.worker_id = w.worker_id\n"
     "and e.status in ('pending', 'accepted', 'running'))) as bigint)\n"
     "from worker w where w.batch = ?1\n"
     "group by w.status",
     "select w.status, count(*),\n"
     "cast(sum(w.concurrency + coalesce(w.prefetch, 0)) as bigint),\n"
     "cast(sum((select count(*) from execution e where e.worker_id = w.worker_id\n"
     "and e.status in ('pending', 'accepted', 'running'))) as bigint)\n"
     "from worker w where w.batch = $1\n"
     "group by w.status"},
    {"why_before",
     "select count(*) from task\n"
     "where status = 'pending' and batch = ?1 and task_id < cast(?2 as bigint)",
     "select count(*) from task\n"
     "where status = 'pending' and batch = $1 and task_id < cast($2 as bigint)"},
    {"why_execution",
     "select e.execution_id, w.name, e.return_code\n"
     "from execution e left join worker w on w.worker_id = e.worker_id\n"
     "where e.task_id = cast(?1 as bigint) and e.latest\n"
     "order by e.execution_id desc limit 1",
     "select e.execution_id, w.name, e.return_code\n"
     "from execution e left join worker w on w.worker_id = e.worker_id\n"
     "where e.task_id = cast($1 as bigint) and e.latest\n"
     "order by e.execution_id desc limit 1"},
    {"worker_by_identity",
     "select worker_id, spool, acked from worker\n"
     "where name = ?1 and hostname = ?2 order by worker_id desc limit 1",
     "select worker_id, spool, acked from worker\n"
     "where name = $1 and hostname = $2 order by worker_id desc limit 1"},
    {"worker_set_spool",
     "update worker set spool = ?2, acked = 0 where worker_id = cast(?1 as bigint)",
     "update worker set spool = $2, acked = 0 where worker_id = cast($1 as bigint)"},
    {"worker_sync_state",
     "select spool, acked from worker where worker_id = cast(?1 as bigint)",
     "select spool, acked from worker where worker_id = cast($1 as bigint)"},
    {"worker_set_acked",
     "update worker set acked = ?2 where worker_id = cast(?1 as bigint)",
     "update worker set acked = $2 where worker_id = cast($1 as bigint)"},
    {"worker_delete",
     "delete from worker where worker_id = cast(?1 as bigint)",
     "delete from worker where worker_id = cast($1 as bigint)"},
    {"worker_contact",
     "update worker set last_contact_date = ?2, load = coalesce(?3, load),\n"
     "memory = coalesce(?4, memory), stats = coalesce(?5, stats)\n"
     "where worker_id = ?1",
     "update worker w set last_contact_date = cast(v->>1 as timestamp),\n"
     "load = coalesce(v->>2, w.load), memory = coalesce(v->>3, w.memory),\n"
     "stats = coalesce(v->>4, w.stats)\n"
     "from json_array_elements(cast($1 as json)) j(v)\n"
     "where w.worker_id = cast(v->>0 as bigint)"},
    {"worker_lives",
     "select worker_id, status = 'offline' from worker where status in ('running', 'offline')",
     "select worker_id, status = 'offline' from worker where status in ('running', 'offline')"},
    {"worker_set_life",
     "update worker set status = ?3, modification_date = ?4\n"
     "where status = ?2 and worker_id in (select value from json_each(?1))\n"
     "returning worker_id",
     "update worker set status = $3, modification_date = $4\n"
     "where status = $2 and worker_id = any(array(select cast(v as bigint) from json_array_elements_text(cast($1 as json)) j(v)))\n"
     "returning worker_id"},
    {"worker_lost",
     "select w.worker_id from worker w\n"
     "where w.status = 'offline' and w.worker_id in (select value from json_each(?1))\n"
     "and exists (select 1 from execution e where e.worker_id = w.worker_id\n"
     "and e.status in ('pending', 'accepted', 'running'))",
     "select w.worker_id from worker w\n"
     "where w.status = 'offline' and w.worker_id = any(array(select cast(v as bigint) from json_array_elements_text(cast($1 as json)) j(v)))\n"
     "and exists (select 1 from execution e where e.worker_id = w.worker_id\n"
     "and e.status in ('pending', 'accepted', 'running'))"},
    {"worker_orphans",
     "select e.execution_id, e.status from execution e\n"
     "where e.status in ('pending', 'accepted', 'running')\n"
     "and not exists (select 1 from worker w where w.worker_id = e.worker_id)\n"
     "limit 1000",
     "select e.execution_id, e.status from execution e\n"
     "where e.status in ('pending', 'accepted', 'running')\n"
     "and not exists (select 1 from worker w where w.worker_id = e.worker_id)\n"
     "limit 1000"},
    {"worker_counts",
     "select worker_id, status, count(*) from execution\n"
     "where latest and worker_id is not null\n"
     "group by worker_id, status order by worker_id, status",
     "select worker_id, status, count(*) from execution\n"
     "where latest and worker_id is not null\n"
     "group by worker_id, status order by worker_id, status"},
    {"worker_has_live",
     "select 1 from execution\n"
     "where worker_id = cast(?1 as bigint) and status in ('pending', 'accepted', 'running')\n"
     "limit 1",
     "select 1 from execution\n"
     "where worker_id = cast($1 as bigint) and status in ('pending', 'accepted', 'running')\n"
     "limit 1"},
    {"batch_has_pending",
     "select 1 from task where status = 'pending' and batch = ?1 limit 1",
     "select 1 from task where status = 'pending' and batch = $1 limit 1"},
    {"job_under_way",
     "select 1 from job where target = ?1 and action = ?2 and status in ('pending', 'running')\n"
     "limit 1",
     "select 1 from job where target = $1 and action = $2 and status in ('pending', 'running')\n"
     "limit 1"},
    {"job_insert",
     "insert into job (target, action, args, retry, status, log, creation_date, progression)\n"
     "values (?1, ?2, ?3, 0, 'pending', '', ?4, 0)",
     "insert into job (target, action, args, retry, status, log, creation_date, progression)\n"
     "values ($1, $2, $3, 0, 'pending', '', $4, 0)"},
    {"signal_take",
     "delete from signal where worker_id = cast(?1 as bigint)\n"
     "returning signal_id, execution_id, worker_id, signal",
     "delete from signal where worker_id = cast($1 as bigint)\n"
     "returning signal_id, execution_id, worker_id, signal"},
    {"signal_of_worker",
     "select signal_id, execution_id, worker_id, signal from signal\n"
     "where worker_id = cast(?1 as bigint) order by signal_id",
     "select signal_id, execution_id, worker_id, signal from signal\n"
     "where worker_id = cast($1 as bigint) order by signal_id"},
    {"signal_seen",
     "delete from signal where worker_id = cast(?1 as bigint)\n"
     "and signal_id in (select value from json_each(?2))",
     "delete from signal where worker_id = cast($1 as bigint)\n"
     "and signal_id = any(array(select cast(v as bigint) from json_array_elements_text(cast($2 as json)) j(v)))"},
    {"batch_counts",
     "select batch, status, count(*) from task where status in ('failed', 'succeeded')\n"
     "group by batch, status\n"
     "union all\n"
     "select batch, status, count(*) from task where status not in ('failed', 'succeeded')\n"
     "group by batch, status\n"
     "order by 1",
     "select batch, status, count(*) from task where status in ('failed', 'succeeded')\n"
     "group by batch, status\n"
     "union all\n"
     "select batch, status, count(*) from task where status not in ('failed', 'succeeded')\n"
     "group by batch, status\n"
     "order by 1"},
    {"batch_workers",
     "select batch, name from worker order by batch, worker_id",
     "select batch, name from worker order by batch, worker_id"},
    {"batch_pause",
     "update worker set status = 'paused', modification_date = ?2\n"
     "where batch = ?1 and status in ('running', 'offline')\n"
     "returning worker_id",
     "update worker set status = 'paused', modification_date = $2\n"
     "where batch = $1 and status in ('running', 'offline')\n"
     "returning worker_id"},
    {"batch_resume",
     "update worker set status = 'running', modification_date = ?2\n"
     "where batch = ?1 and status = 'paused'\n"
     "returning worker_id",
     "update worker set status = 'running', modification_date = $2\n"
     "where batch = $1 and status = 'paused'\n"
     "returning worker_id"},
    {"batch_running",
     "select e.execution_id, e.worker_id\n"
     "from execution e join task t on t.task_id = e.task_id\n"
     "where e.status in ('pending', 'accepted', 'running') and e.status = 'running'\n"
     "and t.batch = ?1 and e.worker_id is not null\n"
     "order by e.execution_id",
     "select e.execution_id, e.worker_id\n"
     "from execution e join task t on t.task_id = e.task_id\n"
     "where e.status in ('pending', 'accepted', 'running') and e.status = 'running'\n"
     "and t.batch = $1 and e.worker_id is not null\n"
     "order by e.execution_id"},
    {"batch_watched",
     "select distinct w.waits_on from task w join task o on o.task_id = w.waits_on\n"
     "where w.status = 'waiting' and w.batch <> ?1 and o.batch = ?1",
     "select distinct w.waits_on from task w join task o on o.task_id = w.waits_on\n"
     "where w.status = 'waiting' and w.batch <> $1 and o.batch = $1"},
    {"batch_delete_tasks",
     "delete from task where batch = ?1",
     "delete from task where batch = $1"},
    {"batch_delete_recruiters",
     "delete from recruiter where batch = ?1",
     "delete from recruiter where batch = $1"},
};
