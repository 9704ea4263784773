-- Output.  Rows of execution_log follow each other without gaps; where an execution has
-- none, the text columns of 1.3 are read instead.

-- The last row of each (execution, stream) of a JSON array of pairs.
-- name: log_ends
-- engine: sqlite
select e.execution_id, j.value->>1, e.status, e.worker_id,
    l.start, l.chars, l.carry, l.data,
    coalesce(case j.value->>1 when 1 then e.output else e.error end, '') <> ''
from json_each($1) j
cross join execution e on e.execution_id = j.value->>0
left join execution_log l on l.execution_id = e.execution_id
    and l.stream = j.value->>1
    and l.start = (select max(m.start) from execution_log m
                   where m.execution_id = e.execution_id and m.stream = j.value->>1)
-- engine: postgres
select e.execution_id, cast(v->>1 as integer), e.status, e.worker_id,
    l.start, l.chars, l.carry, l.data,
    coalesce(case cast(v->>1 as integer) when 1 then e.output else e.error end, '') <> ''
from json_array_elements(cast($1 as json)) j(v)
join execution e on e.execution_id = cast(v->>0 as bigint)
left join lateral (
    select m.start, m.chars, m.carry, m.data from execution_log m
    where m.execution_id = e.execution_id and m.stream = cast(v->>1 as integer)
    order by m.start desc limit 1) l on true

-- name: log_insert
insert into execution_log (execution_id, stream, start, chars, carry, data)
values ($1, $2, $3, $4, $5, $6)

-- Bytes of a stream in rows, null when there are none.
-- name: log_size
select l.start + length(l.data) from execution_log l
where l.execution_id = cast($1 as bigint) and l.stream = cast($2 as integer)
order by l.start desc limit 1

-- name: log_old_size
-- engine: sqlite
select length(cast(case $2 when 1 then output else error end as blob))
from execution where execution_id = $1
-- engine: postgres
select octet_length(case cast($2 as integer) when 1 then output else error end)
from execution where execution_id = cast($1 as bigint)

-- Rows from the one that holds byte $3, up to byte $4.
-- name: log_chunks
select l.start, l.chars, l.carry, l.data from execution_log l
where l.execution_id = cast($1 as bigint) and l.stream = cast($2 as integer)
    and l.start >= coalesce((select max(m.start) from execution_log m
        where m.execution_id = cast($1 as bigint) and m.stream = cast($2 as integer)
            and m.start <= cast($3 as bigint)), 0)
    and l.start < cast($4 as bigint)
order by l.start

-- The row that holds byte $3 and the next, without their bytes.
-- name: log_probe
select l.start, l.chars from execution_log l
where l.execution_id = cast($1 as bigint) and l.stream = cast($2 as integer)
    and l.start >= coalesce((select max(m.start) from execution_log m
        where m.execution_id = cast($1 as bigint) and m.stream = cast($2 as integer)
            and m.start <= cast($3 as bigint)), 0)
order by l.start limit 2

-- name: log_old_bytes
-- engine: sqlite
select substr(cast(case $2 when 1 then output else error end as blob), $3 + 1, $4)
from execution e where execution_id = $1 and not exists (
    select 1 from execution_log l where l.execution_id = $1 and l.stream = $2)
-- engine: postgres
select substring(convert_to(case cast($2 as integer) when 1 then output else error end,
        'UTF8') from cast($3 as integer) + 1 for cast($4 as integer))
from execution e where execution_id = cast($1 as bigint) and not exists (
    select 1 from execution_log l
    where l.execution_id = cast($1 as bigint) and l.stream = cast($2 as integer))

-- name: log_old_text
select substr(case cast($2 as integer) when 1 then output else error end,
    cast($3 as integer) + 1, cast($4 as integer))
from execution where execution_id = cast($1 as bigint)

-- Characters of old text; null when there is none, or when there are rows.
-- name: log_old_length
select length(case cast($2 as integer) when 1 then output else error end)
from execution where execution_id = cast($1 as bigint) and not exists (
    select 1 from execution_log l
    where l.execution_id = cast($1 as bigint) and l.stream = cast($2 as integer))

-- name: log_execution_status
select status from execution where execution_id = cast($1 as bigint)

-- The rows that the last $2 bytes, and more, of both streams are in.  PostgreSQL is kept
-- from joining before it knows which execution (offset 0).
-- name: log_tail_rows
-- engine: sqlite
select l.execution_id, l.stream, l.data
from json_each($1) j
cross join (select 1 as stream union all select 2) s
cross join execution_log l on l.execution_id = j.value and l.stream = s.stream
    and l.start > (select max(m.start) from execution_log m
                   where m.execution_id = j.value and m.stream = s.stream) - $2
order by l.execution_id, l.stream, l.start
-- engine: postgres
select l.execution_id, l.stream, l.data
from json_array_elements_text(cast($1 as json)) j(v)
cross join (values (1), (2)) s(stream)
cross join lateral (
    select m.execution_id, m.stream, m.start, m.data from execution_log m
    where m.execution_id = cast(v as bigint) and m.stream = s.stream
        and m.start > (select max(n.start) from execution_log n
            where n.execution_id = cast(v as bigint) and n.stream = s.stream)
            - cast($2 as bigint)
    offset 0) l
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

-- Of the executions $1, by their place in it: bytes of each stream in rows (null when
-- there are none), else of old text.
-- name: log_sizes
-- engine: sqlite
select j.key, s.stream, l.start + length(l.data), case when l.start is null then
    length(cast(case s.stream when 1 then e.output else e.error end as blob)) else 0 end
from json_each($1) j
cross join (select 1 as stream union all select 2) s
cross join execution e on e.execution_id = j.value
left join execution_log l on l.execution_id = j.value and l.stream = s.stream
    and l.start = (select max(m.start) from execution_log m
                   where m.execution_id = j.value and m.stream = s.stream)
-- engine: postgres
select n - 1, s.stream, l.bytes, case when l.bytes is null then
    octet_length(case s.stream when 1 then e.output else e.error end) else 0 end
from json_array_elements_text(cast($1 as json)) with ordinality j(v, n)
cross join (values (1), (2)) s(stream)
join execution e on e.execution_id = cast(v as bigint)
left join lateral (
    select m.start + length(m.data) as bytes from execution_log m
    where m.execution_id = cast(v as bigint) and m.stream = s.stream
    order by m.start desc limit 1) l on true

-- The rows of the streams [place, execution, stream, bytes], up to that byte, in order.
-- name: log_texts
-- engine: sqlite
select j.value->>0, j.value->>2, l.data
from json_each($1) j
cross join execution_log l on l.execution_id = j.value->>1
    and l.stream = j.value->>2 and l.start < j.value->>3
order by j.key, l.start
-- engine: postgres
select cast(v->>0 as bigint), cast(v->>2 as integer), l.data
from json_array_elements(cast($1 as json)) with ordinality j(v, n)
cross join lateral (
    select m.start, m.data from execution_log m
    where m.execution_id = cast(v->>1 as bigint)
        and m.stream = cast(v->>2 as integer) and m.start < cast(v->>3 as bigint)
    offset 0) l
order by n, l.start

-- The same of old text.
-- name: log_old_texts
-- engine: sqlite
select j.value->>0, j.value->>2, case j.value->>2 when 1 then e.output else e.error end
from json_each($1) j
cross join execution e on e.execution_id = j.value->>1
-- engine: postgres
select cast(v->>0 as bigint), cast(v->>2 as integer),
    case cast(v->>2 as integer) when 1 then e.output else e.error end
from json_array_elements(cast($1 as json)) j(v)
join execution e on e.execution_id = cast(v->>1 as bigint)

-- Of executions after $1 that ended before $2, $3 at most: what holds more than the last
-- 64 KiB of each stream, and the bytes beyond.
-- name: log_old_ones
select e.execution_id,
    (select coalesce(sum(length(l.data)), 0) from execution_log l
     where l.execution_id = e.execution_id)
    + case when length(e.output) > 65536 then length(e.output) - 65536 else 0 end
    + case when length(e.error) > 65536 then length(e.error) - 65536 else 0 end
from execution e
where e.execution_id > cast($1 as bigint) and e.status in ('failed', 'succeeded')
    and coalesce(e.modification_date, e.creation_date) < $2
    and (length(e.output) > 65536 or length(e.error) > 65536 or exists (
        select 1 from execution_log l where l.execution_id = e.execution_id))
order by e.execution_id limit $3

-- From the end: who reads meanwhile finds no hole.
-- name: log_drop
-- engine: sqlite
delete from execution_log where rowid in (
    select rowid from execution_log where execution_id in ids($1)
    order by start desc limit $2)
-- engine: postgres
delete from execution_log where ctid = any (array(
    select ctid from execution_log where execution_id in ids($1)
    order by start desc limit $2))

-- name: log_shorten
-- engine: sqlite
update execution set output = substr(output, -65536), error = substr(error, -65536)
where execution_id in ids($1) and (length(output) > 65536 or length(error) > 65536)
-- engine: postgres
update execution set output = right(output, 65536), error = right(error, 65536)
where execution_id in ids($1) and (length(output) > 65536 or length(error) > 65536)
