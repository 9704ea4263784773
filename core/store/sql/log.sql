-- Output in chunks (see log.c).  Streams: 1 standard output, 2 standard error.

-- Where each [execution, stream] ends: its last row, or 1.3's text when it has none.
-- name: log_ends
-- engine: sqlite
select e.execution_id, k.value->>1, l.start, l.chars, l.carry, l.data,
    case when l.start is null
        then case when k.value->>1 = 1 then e.output else e.error end end
from json_each($1) k
join execution e on e.execution_id = k.value->>0
left join execution_log l on l.execution_id = e.execution_id
    and l.stream = k.value->>1
    and l.start = (select max(m.start) from execution_log m
        where m.execution_id = e.execution_id and m.stream = k.value->>1)
-- engine: postgres
select e.execution_id, k.stream, l.start, l.chars, l.carry, l.data,
    case when l.start is null
        then case when k.stream = 1 then e.output else e.error end end
from (select cast(v->>0 as bigint), cast(v->>1 as smallint)
    from json_array_elements(cast($1 as json)) j(v)) k(execution_id, stream)
join execution e on e.execution_id = k.execution_id
left join execution_log l on l.execution_id = e.execution_id and l.stream = k.stream
    and l.start = (select max(m.start) from execution_log m
        where m.execution_id = e.execution_id and m.stream = k.stream)

-- name: log_insert
insert into execution_log (execution_id, stream, start, chars, carry, data)
values (cast($1 as bigint), cast($2 as smallint), cast($3 as bigint),
    cast($4 as bigint), $5, $6)

-- The rows that hold the last 64 KiB of each stream, by execution and stream.
-- name: log_tail_rows
-- engine: sqlite
select l.execution_id, l.stream, l.data
from json_each($1) j
cross join (select 1 as stream union all select 2) s
cross join execution_log l on l.execution_id = j.value and l.stream = s.stream
    and l.start >= (select max(m.start) from execution_log m
        where m.execution_id = j.value and m.stream = s.stream) - 65536
order by l.execution_id, l.stream, l.start
-- engine: postgres
select l.execution_id, l.stream, l.data
from (select cast(v as bigint)
    from json_array_elements_text(cast($1 as json)) j(v)) j(execution_id)
cross join (values (1), (2)) s(stream)
cross join lateral (select max(m.start) as start from execution_log m
    where m.execution_id = j.execution_id and m.stream = s.stream) last
join execution_log l on l.execution_id = j.execution_id and l.stream = s.stream
    and l.start >= last.start - 65536
order by l.execution_id, l.stream, l.start

-- name: log_set_tails
-- engine: sqlite
update execution set output = coalesce($2, output), error = coalesce($3, error)
where execution_id = $1
-- engine: postgres
update execution e set output = coalesce(v->>1, e.output),
    error = coalesce(v->>2, e.error)
from json_array_elements(cast($1 as json)) j(v)
where e.execution_id = cast(v->>0 as bigint)

-- Size in bytes, and whether the execution has ended; no row: no such execution.
-- name: log_size
-- engine: sqlite
select coalesce(
    (select l.start + length(l.data) from execution_log l
     where l.execution_id = $1 and l.stream = $2 order by l.start desc limit 1),
    length(cast(case when $2 = 1 then e.output else e.error end as blob)), 0)
from execution e where e.execution_id = $1
-- engine: postgres
select coalesce(
    (select l.start + length(l.data) from execution_log l
     where l.execution_id = cast($1 as bigint) and l.stream = cast($2 as smallint)
     order by l.start desc limit 1),
    octet_length(case when cast($2 as smallint) = 1 then e.output else e.error end), 0)
from execution e where e.execution_id = cast($1 as bigint)

-- Rows from the one that holds byte $3 up to byte $4.
-- name: log_rows
select l.start, l.chars, l.carry, l.data from execution_log l
where l.execution_id = cast($1 as bigint) and l.stream = cast($2 as smallint)
    and l.start >= coalesce((select max(m.start) from execution_log m
        where m.execution_id = cast($1 as bigint) and m.stream = cast($2 as smallint)
            and m.start <= cast($3 as bigint)), 0)
    and l.start < cast($4 as bigint)
order by l.start

-- 1.3's text where there are no rows: bytes from $3, $4 of them.
-- name: log_old_bytes
-- engine: sqlite
select substr(cast(case when $2 = 1 then output else error end as blob), $3 + 1, $4)
from execution where execution_id = $1
    and not exists (select 1 from execution_log l
        where l.execution_id = $1 and l.stream = $2)
-- engine: postgres
select substr(convert_to(case when cast($2 as smallint) = 1 then output else error end,
        'UTF8'), cast($3 as integer) + 1, cast($4 as integer))
from execution where execution_id = cast($1 as bigint)
    and not exists (select 1 from execution_log l
        where l.execution_id = cast($1 as bigint) and l.stream = cast($2 as smallint))

-- The row in which character $3 is, found from the end: tails are what people ask for.
-- name: log_find_char
select l.start from execution_log l
where l.execution_id = cast($1 as bigint) and l.stream = cast($2 as smallint)
    and l.chars <= cast($3 as bigint)
order by l.start desc limit 1

-- 1.3's text: $4 characters from $3; no row when there are chunks.
-- name: log_old_text
select substr(case when cast($2 as integer) = 1 then output else error end,
    cast($3 as integer) + 1, cast($4 as integer))
from execution where execution_id = cast($1 as bigint)
    and not exists (select 1 from execution_log l
        where l.execution_id = cast($1 as bigint) and l.stream = cast($2 as integer))

-- name: log_old_length
select length(case when cast($2 as integer) = 1 then output else error end)
from execution where execution_id = cast($1 as bigint)

-- name: log_ended
select status in ('failed', 'succeeded', 'refused') from execution
where execution_id = cast($1 as bigint)
