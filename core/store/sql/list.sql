-- What lists need besides their own rows (see list.c).

-- name: task_requirements
select task_id, other_task_id from requirement
where task_id in ids($1)
order by task_id, requirement_id
