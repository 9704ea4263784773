-- A worker of 1.3 asks every few seconds which executions were taken from it.
create index ix_execution_refused on execution (worker_id) where status = 'refused';
