-- Tenants' documents, versioned and sealed. They have no retention class: they are the tenant's own content, not an end
-- user's data, and stay until the tenant removes them. What stands in clear is what a list and a limit need.
set local role veetflow_owner;
set local search_path = veetflow;

-- One row a tenant that ever had documents. The revision rises with each change and is how other processes notice it;
-- its lock puts the changes of one tenant in a row.
create table library (
    tenant_id uuid primary key references tenant,
    revision  bigint not null,
    contact   text
);

create table document (
    tenant_id       uuid not null references tenant,
    document_id     uuid not null,
    slug            text not null,
    current_version integer not null check (current_version > 0),
    latest_version  integer not null check (latest_version >= current_version),
    created_at      timestamptz not null,
    changed_at      timestamptz not null,
    primary key (tenant_id, document_id),
    unique (tenant_id, slug)
);

create table document_version (
    tenant_id   uuid not null,
    document_id uuid not null,
    version     integer not null check (version > 0),
    version_id  uuid not null,
    card        bytea not null,
    format      text not null,
    text_bytes  integer not null check (text_bytes >= 0),
    at          timestamptz not null,
    primary key (tenant_id, document_id, version),
    foreign key (tenant_id, document_id) references document
);

create table document_chunk (
    tenant_id   uuid not null,
    document_id uuid not null,
    version     integer not null,
    part        smallint not null check (part between 0 and 255),
    content     bytea not null,
    primary key (tenant_id, document_id, version, part),
    foreign key (tenant_id, document_id, version) references document_version
);

do $$
declare
    guarded text;
begin
    foreach guarded in array array['library', 'document', 'document_version', 'document_chunk'] loop
        execute format('alter table %I enable row level security', guarded);
        execute format('alter table %I force row level security', guarded);
        execute format(
            'create policy one_tenant on %I to veetflow_app, veetflow_purge '
            'using (tenant_id = nullif(current_setting(''veetflow.tenant'', true), '''')::uuid)', guarded);
    end loop;
end
$$;
create policy gate on library for select to veetflow_gate using (true);
grant select, insert, update on library, document to veetflow_app;
grant select, insert on document_version, document_chunk to veetflow_app;
grant select, update on library to veetflow_purge;
grant select, update, delete on document to veetflow_purge;
grant select, delete on document_version, document_chunk to veetflow_purge;
grant select on library to veetflow_gate;

-- An answer that says "the documents do not cover this" is a kind of turn, so the report of unanswered questions needs
-- no copy of anything: its rows are the turns themselves, and go with their conversation.
create index turn_unanswered on turn (tenant_id, at) where kind = 5;
reset role;
reset search_path;

grant create on schema veetflow to veetflow_gate;
set local role veetflow_gate;
create function veetflow.libraries()
returns table (tenant_id uuid, revision bigint, contact text)
language sql stable security definer set search_path = veetflow, pg_temp as $$
    select l.tenant_id, l.revision, l.contact from library l order by l.tenant_id
$$;
revoke execute on function veetflow.libraries() from public;
grant execute on function veetflow.libraries() to veetflow_app;
reset role;
revoke create on schema veetflow from veetflow_gate;
reset role;
reset search_path;
