-- What tells whose tables these are (core/store/schema.c).

-- name: schema_tables
-- engine: sqlite
select name from sqlite_master where type = 'table' and name not like 'sqlite\_%' escape '\'
-- engine: postgres
select table_name from information_schema.tables
where table_schema = current_schema() and table_type = 'BASE TABLE'

-- name: schema_columns
-- engine: sqlite
select name from pragma_table_info($1)
-- engine: postgres
select column_name from information_schema.columns
where table_schema = current_schema() and table_name = $1

-- name: schema_version
select max(version) from scitq_schema

-- name: schema_register
insert into scitq_schema (version, applied) values ($1, $2)

-- name: schema_identity
select identity from scitq_identity

-- name: schema_secret
select key from scitq_secret

-- One process at a time migrates; SQLite's write transaction is that lock already.
-- name: schema_lock
-- engine: sqlite
select 1
-- engine: postgres
select pg_advisory_xact_lock(7330251)
