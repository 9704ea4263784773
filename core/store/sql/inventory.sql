-- Ansible's hosts: inventory_host, inventory_variable, and workers with ansible_active.

-- name: inventory_hosts
select h.host, coalesce(h.ansible_group,
    (select min(coalesce(w.ansible_group, w.provider)) from worker w
     where w.name = h.host and w.ansible_active), 'manual')
from inventory_host h
union all
select w.name, min(coalesce(w.ansible_group, w.provider, 'manual')) from worker w
where w.ansible_active and w.name not in (select host from inventory_host)
group by w.name
order by 1

-- What was said of a host wins over its worker's columns.
-- name: inventory_variables
select v.host, v.name, v.value from inventory_variable v
union all
select w.name, 'ansible_host', max(coalesce(w.ansible_host, w.ipv4, w.ipv6)) from worker w
where w.ansible_active and coalesce(w.ansible_host, w.ipv4, w.ipv6) is not null
    and not exists (select 1 from inventory_variable v
        where v.host = w.name and v.name = 'ansible_host')
group by w.name
order by 1, 2

-- name: inventory_known
select 1 from inventory_host where host = $1
union all
select 1 from worker where name = $1 and ansible_active

-- name: inventory_put
insert into inventory_host (host, ansible_group) values ($1, $2)
on conflict (host) do update
set ansible_group = coalesce(excluded.ansible_group, inventory_host.ansible_group)

-- name: inventory_set
insert into inventory_variable (host, name, value) values ($1, $2, $3)
on conflict (host, name) do update set value = excluded.value

-- name: inventory_forget
delete from inventory_host where host = $1

-- name: inventory_deactivate
update worker set ansible_active = false where name = $1 and ansible_active
