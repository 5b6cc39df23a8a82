-- Rows carry a retention class and an anchor, never a deadline: the deadline is the tenant's setting at the time
-- of asking, so that a changed setting acts on old rows. No default is a clock: every instant is a parameter.
set local role veetflow_owner;
set local search_path = veetflow;

create table installation (
    singleton   boolean primary key default true check (singleton),
    keyring_id  uuid not null,
    created_at  timestamptz not null
);

create table policy_text (
    version      text not null,
    language     text not null check (language in ('zh', 'en')),
    sha256       bytea not null check (octet_length(sha256) = 32),
    body         text not null,
    published_at timestamptz not null,
    primary key (version, language)
);

create table tenant (
    tenant_id        uuid primary key,
    slug             text not null unique,
    display_name     text not null,
    state            text not null check (state in ('active', 'suspended', 'closed')),
    retention_months integer not null check (retention_months between 0 and 84),
    retention_days   integer not null check (retention_days between 0 and 2556),
    created_at       timestamptz not null,
    check ((retention_months = 0) <> (retention_days = 0)),
    check (retention_days = 0 or retention_days >= 30)
);

create table widget (
    tenant_id  uuid not null references tenant,
    widget_id  uuid not null unique,
    origins    text[] not null,
    created_at timestamptz not null,
    primary key (tenant_id, widget_id)
);

create table visitor (
    tenant_id       uuid not null,
    visitor_id      uuid not null,
    age_bracket     smallint not null default 0 check (age_bracket between 0 and 3),
    policy_version  text,
    granted         integer not null default 0,
    consent_epoch   bigint not null default 0,
    retention_class text not null,
    anchor_at       timestamptz not null,
    primary key (tenant_id, visitor_id)
);

create table consent_act (
    tenant_id       uuid not null,
    visitor_id      uuid not null,
    act_no          bigint not null,
    receipt_id      uuid not null,
    conversation_id uuid not null,
    policy_version  text not null,
    granted         integer not null,
    denied          integer not null,
    at              timestamptz not null,
    digest          bytea not null check (octet_length(digest) = 32),
    retention_class text not null,
    anchor_at       timestamptz not null,
    primary key (tenant_id, visitor_id, act_no)
);

-- anchor_day exists so that a turn changes no indexed column (the day changes once a day): updates stay in the page.
create table conversation (
    tenant_id       uuid not null,
    conversation_id uuid not null,
    visitor_id      uuid not null,
    widget_id       uuid not null,
    started_at      timestamptz not null,
    state           smallint not null default 1 check (state in (1, 2)),
    node_id         uuid not null,
    epoch           bigint not null check (epoch > 0),
    head_seq        bigint not null default 0,
    read_seq        bigint not null default 0,
    hold_count      integer not null default 0 check (hold_count >= 0),
    hidden          boolean not null default false,
    purge_lease     timestamptz,
    retention_class text not null,
    anchor_at       timestamptz not null,
    anchor_day      date not null,
    primary key (tenant_id, conversation_id)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
create index conversation_due on conversation (tenant_id, anchor_day);
create index conversation_of_visitor on conversation (tenant_id, visitor_id);

-- No foreign key to conversation: append_turns is the only writer and holds that row's lock when it writes.
create table turn (
    tenant_id       uuid not null,
    conversation_id uuid not null,
    seq             bigint not null check (seq > 0),
    turn_id         uuid not null,
    kind            smallint not null,
    client_id       uuid,
    at              timestamptz not null,
    content         bytea not null,
    policy_version  text,
    purposes        integer not null,
    retention_class text not null,
    anchor_at       timestamptz not null,
    primary key (tenant_id, conversation_id, seq)
) with (autovacuum_vacuum_scale_factor = 0.02);
create unique index turn_by_client on turn (tenant_id, conversation_id, client_id) where client_id is not null;

create table purge_run (
    tenant_id     uuid not null,
    run_id        uuid not null,
    retention_class text not null,
    started_at    timestamptz not null,
    ended_at      timestamptz not null,
    conversations bigint not null,
    turns         bigint not null,
    residue       bigint not null,
    primary key (tenant_id, run_id)
);

do $$
declare
    guarded text;
begin
    foreach guarded in array array['tenant', 'widget', 'visitor', 'consent_act', 'conversation', 'turn', 'purge_run'] loop
        execute format('alter table %I enable row level security', guarded);
        execute format('alter table %I force row level security', guarded);
        execute format(
            'create policy one_tenant on %I to veetflow_app, veetflow_purge '
            'using (tenant_id = nullif(current_setting(''veetflow.tenant'', true), '''')::uuid)', guarded);
    end loop;
end
$$;

grant select, insert on installation, policy_text to veetflow_app;
grant select, insert, update on tenant, widget to veetflow_app;
grant select, insert, update on visitor, conversation to veetflow_app;
grant select, insert on consent_act to veetflow_app;
grant select on turn to veetflow_app;
grant select on purge_run to veetflow_app;

grant select on tenant to veetflow_purge;
grant select, delete on visitor, consent_act, turn to veetflow_purge;
grant select, update, delete on conversation to veetflow_purge;
grant select, insert on purge_run to veetflow_purge;

reset role;
reset search_path;
