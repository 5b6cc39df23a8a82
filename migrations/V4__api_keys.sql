-- The keys with which a tenant's own programs call. Only a digest is stored: whoever reads the table can call nobody.
set local role veetflow_owner;
set local search_path = veetflow;

create table api_key (
    tenant_id  uuid not null references tenant,
    key_id     uuid not null,
    digest     bytea not null unique check (octet_length(digest) = 32),
    label      text not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    primary key (tenant_id, key_id)
);
alter table api_key enable row level security;
alter table api_key force row level security;
create policy one_tenant on api_key to veetflow_app, veetflow_purge
    using (tenant_id = nullif(current_setting('veetflow.tenant', true), '')::uuid);
create policy gate on api_key for select to veetflow_gate using (true);
grant select, insert, update on api_key to veetflow_app;
grant select, delete on api_key to veetflow_purge;
grant select on api_key to veetflow_gate;
reset role;
reset search_path;

grant create on schema veetflow to veetflow_gate;
set local role veetflow_gate;

-- Who calls with a key is not known before the key is found, so the look-up crosses tenants.
create function veetflow.holder_of_key(wanted bytea, at timestamptz)
returns table (tenant_id uuid, key_id uuid, tenant_state text)
language sql stable security definer set search_path = veetflow, pg_temp as $$
    select k.tenant_id, k.key_id, t.state
    from api_key k join tenant t using (tenant_id)
    where k.digest = wanted and k.revoked_at is null and (k.expires_at is null or k.expires_at > at)
$$;
revoke execute on function veetflow.holder_of_key(bytea, timestamptz) from public;
grant execute on function veetflow.holder_of_key(bytea, timestamptz) to veetflow_app;
reset role;
revoke create on schema veetflow from veetflow_gate;
reset role;
reset search_path;
