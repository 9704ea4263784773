-- What server processes on one database tell each other (core/store/peers.c), and their
-- turns at writing.

-- Of the schema that holds the tables.
-- name: peers_channel
-- engine: sqlite
select null where false
-- engine: postgres
select 'scitq_' || cast(oid as text) from pg_namespace where nspname = current_schema()

-- name: peers_tell
-- engine: sqlite
select $1
-- engine: postgres
select pg_notify('scitq_' || cast(oid as text), $1)
from pg_namespace where nspname = current_schema()

-- Of the transaction only: a turn may be long, and other locks are not waited for so.
-- name: peers_patience
-- engine: sqlite
select $1
-- engine: postgres
select set_config('lock_timeout', $1, true)

-- name: peers_turn
-- engine: sqlite
select 1
-- engine: postgres
select pg_advisory_xact_lock(7330254, cast(oid as integer)) from pg_namespace
where nspname = current_schema()
