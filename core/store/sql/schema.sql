-- What tells whose tables these are (core/store/schema.c): PostgreSQL's own catalog, since
-- information_schema hides what the user has no rights to, which is there all the same.

-- name: schema_tables
-- engine: sqlite
select name from sqlite_master where type = 'table' and name not like 'sqlite\_%' escape '\'
-- engine: postgres
select relname from pg_class
where relnamespace = to_regnamespace(quote_ident(current_schema())) and relkind in ('r', 'p')

-- name: schema_columns
-- engine: sqlite
select name from pragma_table_info($1)
-- engine: postgres
select attname from pg_attribute join pg_class on attrelid = pg_class.oid
where relnamespace = to_regnamespace(quote_ident(current_schema())) and relname = $1
  and attnum > 0 and not attisdropped

-- name: schema_version
select max(version) from scitq_schema

-- name: schema_register
insert into scitq_schema (version, applied) values ($1, $2)

-- name: schema_identity
select identity from scitq_identity

-- name: schema_secret
select key from scitq_secret

-- Who else is connected to the database, such as a server that was forgotten.  What
-- kind of session another user's is shows only to those who may see it.
-- name: schema_sessions
-- engine: sqlite
select 0
-- engine: postgres
select count(*) from pg_stat_activity
where datname = current_database() and usename is not null
  and pid <> pg_backend_pid() and coalesce(backend_type, 'client backend') = 'client backend'

-- One process at a time migrates; SQLite's write transaction is that lock already.
-- name: schema_lock
-- engine: sqlite
select 1
-- engine: postgres
select pg_advisory_xact_lock(7330251)
