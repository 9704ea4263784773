-- The tables of scitq 1.3's head revision, under the names and types SQLAlchemy gave
-- them, then what is ours.  People query these by hand.  What 1.3 left is there already
-- (0000-legacy.sql).  Dates are texts
-- `YYYY-MM-DD HH:MM:SS.ffffff`, always with their six decimals, so that they sort;
-- booleans are 0 and 1.

create table if not exists scitq_schema (
    version integer primary key,
    applied datetime not null
);

-- Which database this is, for workers that outlive a mistaken server (doc/sync.md).
create table if not exists scitq_identity (identity varchar not null);
insert into scitq_identity values (lower(hex(randomblob(16))));

create table if not exists worker (
    worker_id integer primary key autoincrement,
    name varchar not null,
    hostname varchar,
    status varchar not null,
    concurrency integer not null,
    prefetch integer,
    load varchar,
    memory varchar,
    stats varchar,
    task_properties varchar,
    creation_date datetime,
    modification_date datetime,
    last_contact_date datetime,
    batch varchar not null,
    permanent boolean,
    flavor varchar,
    region varchar,
    provider varchar,
    ipv4 varchar,
    ipv6 varchar,
    ansible_host varchar,
    ansible_group varchar,
    ansible_active boolean,
    spool varchar,                    -- ours: whose sequence numbers `acked` counts
    acked bigint not null default 0
);
create index if not exists ix_worker_batch on worker (batch);

create table if not exists task (
    task_id integer primary key autoincrement,
    name varchar,
    command varchar not null,
    status varchar not null,
    creation_date datetime not null,
    modification_date datetime,
    batch varchar not null,
    input varchar,
    output varchar,
    container varchar,
    container_options varchar,
    resource varchar,
    retry integer not null,
    status_date datetime,
    download_timeout integer,
    run_timeout integer,
    use_cache boolean,
    waits_on bigint,                  -- ours: the requirement it is watched through
    cache_key varchar,                -- ours, of use_cache: what it will run on; '' when
                                      -- that cannot be told; null: not looked at yet
    cache_state varchar               -- ours: of its inputs and resources, at that moment
);
-- For the counts of batches alone.  Two, whose conditions no other query has: a whole
-- index on these columns would draw the scheduler's queries away from theirs.
create index if not exists ix_task_ended on task (batch, status) where status in ('failed', 'succeeded');
create index if not exists ix_task_open on task (batch, status)
    where status not in ('failed', 'succeeded');
-- Those that may be given to a worker; those whose earlier result is to be looked for.
create index if not exists ix_task_pending on task (batch, task_id)
    where status = 'pending' and (use_cache is not true or cache_key is not null);
create index if not exists ix_task_uncached on task (task_id)
    where status = 'pending' and use_cache is true and cache_key is null;
create index if not exists ix_task_cache_key on task (cache_key)
    where status = 'pending' and cache_key is not null;
create index if not exists ix_task_waiting on task (task_id) where status = 'waiting';
create index if not exists ix_task_waits_on on task (waits_on) where status = 'waiting';
create index if not exists ix_task_limits on task (status_date)
    where status in ('accepted', 'running')
    and (run_timeout is not null or download_timeout is not null);
create index if not exists ix_task_name on task (name) where name is not null;

create table if not exists execution (
    execution_id integer primary key autoincrement,
    worker_id integer references worker on delete set null,
    task_id integer not null references task on delete cascade,
    status varchar not null,
    creation_date datetime not null,
    modification_date datetime,
    output text,
    error text,
    return_code integer,
    pid varchar,
    output_files varchar,
    command varchar,
    container varchar,
    container_options varchar,
    input varchar,
    output_folder varchar,
    resource varchar,
    input_hash varchar,
    output_hash varchar,
    latest boolean,
    downloaded boolean,               -- ours: inputs and resources are there
    cache_state varchar               -- ours: the task's; null once it is recorded, or
                                      -- when its result is not to be reused
);
create index if not exists ix_execution_input_hash on execution (input_hash)
    where input_hash is not null;
create index if not exists ix_execution_unrecorded on execution (execution_id)
    where cache_state is not null and status = 'succeeded';
create index if not exists ix_execution_live on execution (worker_id)
    where status in ('pending', 'accepted', 'running');
create index if not exists ix_execution_task on execution (task_id);
create index if not exists ix_execution_worker on execution (worker_id, execution_id);

-- Output, in rows of at most 256 KiB.  `chars` and `carry` are the decoder's state at
-- `start`; `data` comes last, so that they are read without it.  Not WITHOUT ROWID: with
-- blobs in the key's own tree, finding the last chunk took 200 times longer.
create table if not exists execution_log (
    execution_id integer not null references execution on delete cascade,
    stream smallint not null,
    start bigint not null,
    chars bigint not null,
    carry blob,
    data blob not null,
    primary key (execution_id, stream, start)
);

create table if not exists signal (
    signal_id integer primary key autoincrement,
    execution_id integer,             -- no reference: who runs it is told to stop
                                      -- when the task is deleted with it
    worker_id integer references worker on delete cascade,
    signal integer not null
);
create index if not exists ix_signal_worker on signal (worker_id);
create index if not exists ix_signal_execution on signal (execution_id);

create table if not exists requirement (
    requirement_id integer primary key autoincrement,
    task_id integer not null references task on delete cascade,
    other_task_id integer not null references task on delete cascade
);
create index if not exists ix_requirement_task on requirement (task_id, other_task_id);
create index if not exists ix_requirement_other_task on requirement (other_task_id);

create table if not exists job (
    job_id integer primary key autoincrement,
    target varchar,
    action varchar,
    args json,
    retry integer,
    status varchar,
    log text,
    creation_date datetime default (strftime('%Y-%m-%d %H:%M:%f000', 'now')),
    modification_date datetime,
    progression smallint
);

create table if not exists recruiter (
    batch varchar not null,
    rank integer not null,
    tasks_per_worker integer not null,
    worker_flavor varchar not null,
    worker_region varchar,
    worker_provider varchar,
    worker_concurrency integer not null,
    worker_prefetch integer not null,
    minimum_tasks integer,
    maximum_workers integer,
    primary key (batch, rank)
);

create table if not exists region (
    name varchar not null,
    provider varchar not null,
    primary key (name, provider)
);

create table if not exists flavor (
    name varchar not null,
    provider varchar not null,
    cpu integer not null,
    ram float not null,
    disk float not null,
    bandwidth float,
    gpu varchar,
    gpumem float,
    tags varchar,
    primary key (name, provider)
);

create table if not exists flavormetrics (
    flavor_name varchar not null,
    provider varchar not null,
    region_name varchar not null,
    cost float not null,
    eviction integer,
    primary key (flavor_name, provider, region_name)
);

create table if not exists flavorstats (
    flavor_name varchar not null,
    provider varchar not null,
    region_name varchar not null,
    rank integer not null,
    failure_rate float,
    eviction_rate float,
    event_number integer,
    primary key (flavor_name, provider, region_name, rank)
);

-- Ours: what Ansible is told of hosts besides worker.ansible_host and ansible_group.
create table if not exists inventory_host (
    host varchar primary key,
    ansible_group varchar             -- null: its worker's, else manual
);

create table if not exists inventory_variable (
    host varchar not null references inventory_host on delete cascade,
    name varchar not null,
    value varchar not null,
    primary key (host, name)
);
