-- One process at a time schedules on a database (core/store/lease.c).  An advisory lock
-- has two numbers: what it is for, and the schema that holds the tables.

-- name: lease_file
-- engine: sqlite
select file from pragma_database_list where name = 'main'
-- engine: postgres
select null where false

-- name: lease_try
-- engine: sqlite
select $1
-- engine: postgres
select pg_try_advisory_lock(cast($1 as integer), cast(oid as integer)) from pg_namespace
where nspname = current_schema()

-- name: lease_try_shared
-- engine: sqlite
select $1
-- engine: postgres
select pg_try_advisory_lock_shared(cast($1 as integer), cast(oid as integer))
from pg_namespace where nspname = current_schema()

-- Of the transaction only.
-- name: lease_patience
-- engine: sqlite
select 1
-- engine: postgres
select set_config('lock_timeout', '3s', true)

-- name: lease_wait
-- engine: sqlite
select $1
-- engine: postgres
select pg_advisory_lock(cast($1 as integer), cast(oid as integer)) from pg_namespace
where nspname = current_schema()

-- name: lease_wait_shared
-- engine: sqlite
select $1
-- engine: postgres
select pg_advisory_lock_shared(cast($1 as integer), cast(oid as integer))
from pg_namespace where nspname = current_schema()

-- Who is silent that long loses its session, in a transaction or out of it (that, from
-- PostgreSQL 14 on).  The scheduler's timer has a transaction every two seconds.
-- name: lease_fence
-- engine: sqlite
select 1
-- engine: postgres
select set_config(name, '10s', false) from pg_settings
where name in ('idle_in_transaction_session_timeout', 'idle_session_timeout')

-- name: lease_session
-- engine: sqlite
select 0, ''
-- engine: postgres
select pid, cast(backend_start as text) from pg_stat_activity where pid = pg_backend_pid()

-- What belongs to another role shows no start and no address.
-- name: lease_holder
-- engine: sqlite
select $1, null, null
-- engine: postgres
select l.pid, cast(a.backend_start as text),
    coalesce(host(a.client_addr), 'its own machine')
from pg_locks l left join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and l.classid = cast(cast($1 as bigint) as oid) and l.objsubid = 2 and l.granted
    and l.objid = (select oid from pg_namespace where nspname = current_schema())
    and l.database = (select oid from pg_database where datname = current_database())

-- name: lease_end
-- engine: sqlite
select $1
-- engine: postgres
select pg_terminate_backend(cast($1 as integer))
