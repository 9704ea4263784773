-- Jobs, recruiters, flavors, and the machines of workers.

-- name: job_insert
insert into job (target, action, args, retry, status, log, creation_date, progression)
values ($1, $2, $3, cast($4 as integer), $5, $6, $7, cast($8 as integer))
returning job_id

-- What is made waits, not what costs money until it is destroyed.
-- name: job_open
select job_id, target, action, args, retry, status from job
where status in ('pending', 'running')
order by case when action = 'worker_deploy' then 1 else 0 end, job_id limit 1000

-- Interrupted by the end of a server: taken up again, no try is lost.
-- name: job_reset
update job set status = 'pending' where status = 'running'
returning job_id

-- name: job_set
update job set status = $2, retry = cast($3 as integer),
    progression = coalesce(cast($4 as integer), progression), modification_date = $5
where job_id = cast($1 as bigint)

-- name: job_log
update job set log = coalesce(log, '') || $2,
    progression = coalesce(cast($3 as integer), progression), modification_date = $4
where job_id = cast($1 as bigint) and length(coalesce(log, '')) < cast($5 as integer)

-- name: job_delete
delete from job where job_id = cast($1 as bigint)

-- name: job_delete_ended
delete from job where status in ('succeeded', 'failed')
returning job_id

-- What was to be made of a worker that is to go.
-- name: job_forget
update job set status = 'failed', log = coalesce(log, '') || $3, modification_date = $2
where status = 'pending' and action = 'worker_deploy' and target = $1
returning job_id

-- name: recruiter_get
select batch, rank, tasks_per_worker, worker_flavor, worker_provider, worker_region,
    worker_concurrency, worker_prefetch, minimum_tasks, maximum_workers
from recruiter where batch = $1 and rank = cast($2 as integer)

-- name: recruiter_delete
delete from recruiter where batch = $1 and rank = cast($2 as integer)

-- name: recruiter_insert
insert into recruiter (batch, rank, tasks_per_worker, worker_flavor, worker_provider,
    worker_region, worker_concurrency, worker_prefetch, minimum_tasks, maximum_workers)
values ($1, cast($2 as integer), cast($3 as integer), $4, $5, $6, cast($7 as integer),
    cast($8 as integer), cast($9 as integer), cast($10 as integer))

-- Those whose batch has work, in the order they act.
-- name: recruiter_due
select batch, rank, tasks_per_worker, worker_flavor, worker_provider, worker_region,
    worker_concurrency, worker_prefetch, minimum_tasks, maximum_workers,
    (select count(*) from task t where t.batch = r.batch and t.status = 'pending'),
    (select count(*) from worker w where w.batch = r.batch)
from recruiter r
where exists (select 1 from task t where t.batch = r.batch and t.status = 'pending')
order by batch, rank

-- Running workers, and what is known of their flavors: of other batches that have nothing
-- pending, without a task left from an earlier time in this one; null: all.
-- name: recruit_candidates
select w.worker_id, w.batch, w.concurrency, w.task_properties, w.flavor, w.provider,
    w.region, f.cpu, f.ram, f.disk, f.gpumem, f.tags, m.eviction, m.cost
from worker w
left join flavor f on f.name = w.flavor and f.provider = w.provider
left join flavormetrics m on m.flavor_name = w.flavor and m.provider = w.provider
    and m.region_name = w.region
where w.status = 'running' and (cast($1 as varchar) is null or (w.batch <> $1
    and not exists (select 1 from task t where t.batch = w.batch and t.status = 'pending')
    and not exists (select 1 from execution e join task t on t.task_id = e.task_id
        where e.worker_id = w.worker_id and e.status in ('pending', 'accepted', 'running')
            and t.batch = $1)))
order by w.worker_id

-- A worker's live executions by batch: all, and those that run.
-- name: recruit_live
select t.batch, count(*), sum(case when e.status = 'running' then 1 else 0 end)
from execution e join task t on t.task_id = e.task_id
where e.worker_id = cast($1 as bigint) and e.status in ('pending', 'accepted', 'running')
group by t.batch

-- name: fleet_names
select name from worker

-- name: fleet_machine
select name, batch, flavor, region, provider, token, machine, concurrency,
    spool is not null
from worker where worker_id = cast($1 as bigint)

-- name: fleet_set_token
update worker set token = $2 where worker_id = cast($1 as bigint)

-- name: fleet_set_machine
update worker set machine = $2, ipv4 = $3, ipv6 = $4, ansible_host = $5,
    ansible_group = $6, ansible_active = cast($7 as boolean)
where worker_id = cast($1 as bigint)

-- name: fleet_tokens
select token from worker where token is not null

-- Recruited workers that came and do not run, but those that a job is about.
-- name: fleet_silent
select worker_id, last_contact_date, name, provider, token, status = 'evicted'
from worker w
where permanent is false and token is not null and provider is not null
    and spool is not null and status <> 'running'
    and not exists (select 1 from job j where j.target = w.name
        and j.status in ('pending', 'running'))
order by worker_id limit 1000

-- What was to be destroyed and could not be, though its worker is there still: the last
-- job of its kind, while none is under way.
-- name: job_destroys_failed
select j.job_id, j.creation_date, j.modification_date
from job j join worker w on (j.action = 'worker_destroy' and w.name = j.target)
    or (j.action = 'machine_destroy' and w.token = j.target and w.status = 'failed'
        and not exists (select 1 from job d where d.target = w.name
            and d.action = 'worker_destroy'))
where j.status = 'failed'
    and not exists (select 1 from job k where k.target = j.target
        and k.action = j.action and k.job_id > j.job_id)
    and not exists (select 1 from job o where o.target = w.name
        and o.status in ('pending', 'running'))
order by j.job_id limit 1000

-- name: job_latest
select job_id, status from job where target = $1 and action = $2
order by job_id desc limit 1

-- name: flavor_tags
select tags from flavor where name = $1 and provider = $2

-- name: flavor_clear
delete from flavor where provider = $1

-- name: flavormetrics_clear
delete from flavormetrics where provider = $1

-- name: region_clear
delete from region where provider = $1

-- name: flavor_insert
insert into flavor (name, provider, cpu, ram, disk, bandwidth, gpu, gpumem, tags)
values ($1, $2, cast($3 as integer), $4, $5, $6, $7, $8, $9)

-- name: flavormetrics_insert
insert into flavormetrics (flavor_name, provider, region_name, cost, eviction)
values ($1, $2, $3, $4, cast($5 as integer))

-- name: region_insert
insert into region (name, provider, cpus) values ($1, $2, cast($3 as bigint))
