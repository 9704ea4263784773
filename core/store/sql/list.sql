-- What lists need besides their own rows (see list.c).

-- name: task_requirements
-- engine: sqlite
select task_id, other_task_id from requirement
where task_id in (select value from json_each($1))
order by task_id, requirement_id
-- engine: postgres
select task_id, other_task_id from requirement
where task_id = any(array(
    select cast(value as bigint) from json_array_elements_text(cast($1 as json)) j(value)))
order by task_id, requirement_id
