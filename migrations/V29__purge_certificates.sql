-- Each batch of the purge leaves a signed certificate and its record, in the transaction that deletes the rows.
set local role veetflow_owner;
set local search_path = veetflow;

alter table purge_run
    add column visitors bigint not null default 0,
    add column consent_acts bigint not null default 0;

create table purge_certificate (
    tenant_id uuid not null,
    run_id    uuid not null,
    at        timestamptz not null,
    note      text not null,
    primary key (tenant_id, run_id)
);
alter table purge_certificate enable row level security;
alter table purge_certificate force row level security;
create policy one_tenant on purge_certificate to veetflow_app, veetflow_purge
    using (tenant_id = nullif(current_setting('veetflow.tenant', true), '')::uuid);
grant select on purge_certificate to veetflow_app;
grant select, insert on purge_certificate to veetflow_purge;
reset role;
reset search_path;
