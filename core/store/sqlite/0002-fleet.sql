-- What machines need that 1.3 did not know: the token by which a provider finds a
-- worker's machine again, what it calls it, and how many processors a region may have.
alter table worker add column token varchar;
alter table worker add column machine varchar;
alter table region add column cpus bigint;
create index ix_job_open on job (job_id) where status in ('pending', 'running');
create index ix_worker_token on worker (token) where token is not null;
