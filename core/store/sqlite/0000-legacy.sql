-- Tables of scitq 1.3, once they have all columns (core/store/legacy.c), become what
-- migration 0001 would have made; it makes what is absent.  The rows stay where they
-- are, whatever their size: only the words of the schema are written anew, as SQLite's
-- manual has it for changes of constraints ("Making Other Kinds Of Table Schema
-- Changes" of lang_altertable.html).
drop trigger if exists is_latest;
drop index if exists ix_execution_input_hash;
update worker set batch = 'Default' where batch is null;
update worker set concurrency = 1 where concurrency is null;
update task set batch = 'Default' where batch is null;

-- Numbers go on where they stand.  (A table so that SQLite has that of sequences.)
create table scitq_sequence (i integer primary key autoincrement);
drop table scitq_sequence;
insert into sqlite_sequence (name, seq)
    select 'worker', max(worker_id) from worker having max(worker_id) is not null
    union all select 'task', max(task_id) from task having max(task_id) is not null
    union all select 'execution', max(execution_id) from execution
        having max(execution_id) is not null
    union all select 'signal', max(signal_id) from signal having max(signal_id) is not null
    union all select 'requirement', max(requirement_id) from requirement
        having max(requirement_id) is not null;

pragma writable_schema = on;
with changed(tab, col, words) as (values
    ('worker', 'worker_id', 'integer primary key autoincrement'),
    ('worker', 'concurrency', 'integer not null'),
    ('worker', 'batch', 'varchar not null'),
    ('worker', 'task_properties', 'varchar'),
    ('task', 'task_id', 'integer primary key autoincrement'),
    ('task', 'batch', 'varchar not null'),
    ('execution', 'execution_id', 'integer primary key autoincrement'),
    ('execution', 'worker_id', 'integer references worker on delete set null'),
    ('execution', 'task_id', 'integer not null references task on delete cascade'),
    ('signal', 'signal_id', 'integer primary key autoincrement'),
    ('signal', 'worker_id', 'integer references worker on delete cascade'),
    ('requirement', 'requirement_id', 'integer primary key autoincrement'),
    ('requirement', 'task_id', 'integer not null references task on delete cascade'),
    ('requirement', 'other_task_id',
     'integer not null references task on delete cascade'),
    ('job', 'job_id', 'integer primary key autoincrement'),
    ('job', 'creation_date', 'datetime default (strftime(''%Y-%m-%d %H:%M:%f000'', ''now''))'))
update sqlite_master set sql = 'create table ' || name || ' (' || (
    select group_concat('"' || replace(c.name, '"', '""') || '" ' || coalesce(changed.words,
        c.type || case when c."notnull" then ' not null' else '' end
               || coalesce(' default (' || c.dflt_value || ')', '')), ', ')
    from (select * from pragma_table_info(sqlite_master.name) order by cid) c
    left join changed on changed.tab = sqlite_master.name and changed.col = c.name) || ')'
where type = 'table'
and name in ('worker', 'task', 'execution', 'signal', 'requirement', 'job');
pragma writable_schema = reset;
