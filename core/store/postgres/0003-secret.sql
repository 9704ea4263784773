-- The key of the tokens that the server makes itself, for workers it deploys and for
-- its jobs (core/model/pass.h): who reads it can make them.
create table if not exists scitq_secret (key varchar not null);
insert into scitq_secret values (
    cast(gen_random_uuid() as text) || cast(gen_random_uuid() as text));
