-- What a worker's machine has, as our worker says when it registers: cores, memory_bytes,
-- disk_bytes, gpu (JSON).
alter table worker add column facts text;
