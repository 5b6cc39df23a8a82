-- How each tenant's visitors are answered, what it may spend on that, and what it has spent. Settings are JSON that the
-- program checked. Whoever was answered under the operator's keys so far goes on to be.
set local role veetflow_owner;
set local search_path = veetflow;

alter table tenant
    add column answering text not null default '{}' check (octet_length(answering) <= 8192),
    add column granted text not null default '{}' check (octet_length(granted) <= 8192),
    add column instruction_version integer not null default 0 check (instruction_version >= 0);
update tenant set granted = '{"operator_keys":true}';

create table instruction (
    tenant_id  uuid not null references tenant,
    version    integer not null check (version > 0),
    zh         text not null,
    en         text not null,
    created_at timestamptz not null,
    primary key (tenant_id, version),
    check (zh <> '' or en <> '')
);

-- Sums for a day, a provider and a model. The line with an empty provider is what a node had under way when it last wrote;
-- after a crash it stands for what nobody counted.
create table spending (
    tenant_id     uuid not null references tenant,
    day           date not null,
    provider      text not null,
    model         text not null,
    requests      bigint not null check (requests >= 0),
    input_tokens  bigint not null check (input_tokens >= 0),
    output_tokens bigint not null check (output_tokens >= 0),
    micros        bigint not null check (micros >= 0),
    primary key (tenant_id, day, provider, model)
);
alter table instruction enable row level security;
alter table instruction force row level security;
alter table spending enable row level security;
alter table spending force row level security;
create policy one_tenant on instruction to veetflow_app, veetflow_purge
    using (tenant_id = nullif(current_setting('veetflow.tenant', true), '')::uuid);
create policy one_tenant on spending to veetflow_app, veetflow_purge
    using (tenant_id = nullif(current_setting('veetflow.tenant', true), '')::uuid);
create policy gate on spending to veetflow_gate using (true) with check (true);
grant select, insert on instruction to veetflow_app;
grant select on spending to veetflow_app;
grant select, insert, update on spending to veetflow_gate;
reset role;
reset search_path;

grant create on schema veetflow to veetflow_gate;
set local role veetflow_gate;

-- The directory of tenants is read before any tenant is named.
create function veetflow.tenant_answering()
returns table (tenant_id uuid, answering text, granted text, instruction_version integer)
language sql stable security definer set search_path = veetflow, pg_temp as $$
    select t.tenant_id, t.answering, t.granted, t.instruction_version from tenant t
    where t.answering <> '{}' or t.granted <> '{}' or t.instruction_version > 0
$$;

-- What all tenants have spent on one day and since the first of its month.
create function veetflow.spending_since(today date, first date)
returns table (tenant_id uuid, requests bigint, input_tokens bigint, output_tokens bigint, micros bigint,
               month_requests bigint, month_input_tokens bigint, month_output_tokens bigint, month_micros bigint)
language sql stable security definer set search_path = veetflow, pg_temp as $$
    select s.tenant_id,
           coalesce(sum(s.requests) filter (where s.day = today), 0)::bigint,
           coalesce(sum(s.input_tokens) filter (where s.day = today), 0)::bigint,
           coalesce(sum(s.output_tokens) filter (where s.day = today), 0)::bigint,
           coalesce(sum(s.micros) filter (where s.day = today), 0)::bigint,
           sum(s.requests)::bigint, sum(s.input_tokens)::bigint, sum(s.output_tokens)::bigint, sum(s.micros)::bigint
    from spending s where s.day between first and today group by s.tenant_id
$$;

-- Adds lines of many tenants; a line without a provider replaces the one before it.
create function veetflow.record_spending(tenants uuid[], days date[], providers text[], models text[], requests bigint[],
                                         inputs bigint[], outputs bigint[], costs bigint[])
returns void language sql security definer set search_path = veetflow, pg_temp as $$
    insert into spending as s
        (tenant_id, day, provider, model, requests, input_tokens, output_tokens, micros)
    select * from unnest(tenants, days, providers, models, requests, inputs, outputs, costs)
    on conflict (tenant_id, day, provider, model) do update
    set requests = excluded.requests + case when s.provider = '' then 0 else s.requests end,
        input_tokens = excluded.input_tokens + case when s.provider = '' then 0 else s.input_tokens end,
        output_tokens = excluded.output_tokens + case when s.provider = '' then 0 else s.output_tokens end,
        micros = excluded.micros + case when s.provider = '' then 0 else s.micros end
$$;
revoke execute on function veetflow.tenant_answering(), veetflow.spending_since(date, date),
    veetflow.record_spending(uuid[], date[], text[], text[], bigint[], bigint[], bigint[], bigint[]) from public;
grant execute on function veetflow.tenant_answering(), veetflow.spending_since(date, date),
    veetflow.record_spending(uuid[], date[], text[], text[], bigint[], bigint[], bigint[], bigint[]) to veetflow_app;
reset role;
revoke create on schema veetflow from veetflow_gate;
reset role;
reset search_path;
