-- A tenant's own keys for providers, each sealed under a key of its own in the vault: destroying that one takes the other out
-- of every copy of this table.
set local role veetflow_owner;
set local search_path = veetflow;

create table provider_key (
    tenant_id uuid not null references tenant,
    provider  text not null check (octet_length(provider) between 1 and 64),
    key_id    uuid not null unique,
    sealed    bytea not null,
    set_at    timestamptz not null,
    primary key (tenant_id, provider)
);
alter table provider_key enable row level security;
alter table provider_key force row level security;
create policy one_tenant on provider_key to veetflow_app, veetflow_purge
    using (tenant_id = nullif(current_setting('veetflow.tenant', true), '')::uuid);
create policy gate on provider_key for select to veetflow_gate using (true);
grant select, insert, update on provider_key to veetflow_app;
grant select, delete on provider_key to veetflow_purge;
grant select on provider_key to veetflow_gate;
reset role;
reset search_path;

grant create on schema veetflow to veetflow_gate;
set local role veetflow_gate;

-- The directory of tenants is read before any tenant is named.
create function veetflow.tenant_provider_keys()
returns table (tenant_id uuid, provider text, key_id uuid, sealed bytea, set_at timestamptz)
language sql stable security definer set search_path = veetflow, pg_temp as $$
    select k.tenant_id, k.provider, k.key_id, k.sealed, k.set_at from provider_key k
$$;
revoke execute on function veetflow.tenant_provider_keys() from public;
grant execute on function veetflow.tenant_provider_keys() to veetflow_app;
reset role;
revoke create on schema veetflow from veetflow_gate;
reset role;
reset search_path;
