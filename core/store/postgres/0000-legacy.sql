-- Tables of scitq 1.3, once they have all columns (core/store/legacy.c), become what
-- migration 0001 would have made; it makes what is absent.  The rows stay where they
-- are.
set local lock_timeout = '30s';
drop trigger if exists is_latest on execution;
drop function if exists render_obsolete();
drop index if exists ix_execution_input_hash;
update worker set batch = 'Default' where batch is null;
update worker set concurrency = 1 where concurrency is null;
update task set batch = 'Default' where batch is null;
alter table worker
    alter batch set not null,
    alter concurrency set not null,
    alter task_properties drop not null,
    alter task_properties drop default;
alter table task
    alter batch set not null,
    alter retry drop default;

-- References, whatever their names: what refers to a task goes with it.
do $$
declare it record;
begin
    for it in
        select conrelid, conname from pg_constraint
        where contype = 'f' and conrelid in (cast('execution' as regclass),
            cast('signal' as regclass), cast('requirement' as regclass))
    loop
        execute format('alter table %s drop constraint %I', cast(it.conrelid as regclass),
                       it.conname);
    end loop;
end
$$;
alter table execution
    add foreign key (worker_id) references worker on delete set null,
    add foreign key (task_id) references task on delete cascade;
alter table signal
    add foreign key (worker_id) references worker on delete cascade;
alter table requirement
    add foreign key (task_id) references task on delete cascade,
    add foreign key (other_task_id) references task on delete cascade;
