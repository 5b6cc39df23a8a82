-- Legal holds: what a dispute needs is not destroyed (policy §6.2). One function says what is held; every statement that
-- destroys or chooses what to destroy joins it. A hold binds from the moment it is placed, because what is destroyed
-- meanwhile cannot be held; without a second person's approval it lapses after seven days.
set local role veetflow_owner;
set local search_path = veetflow;

-- scope: 1 the whole tenant, 2 a visitor, 3 a conversation.
create table legal_hold (
    tenant_id   uuid not null references tenant,
    hold_id     uuid not null,
    scope       smallint not null check (scope between 1 and 3),
    object_id   uuid check ((object_id is null) = (scope = 1)),
    matter      text not null,
    placed_by   text not null,
    placed_at   timestamptz not null,
    approved_by text,
    approved_at timestamptz,
    released_by text,
    released_at timestamptz,
    reason      text,
    primary key (tenant_id, hold_id),
    check ((approved_by is null) = (approved_at is null)),
    check ((released_by is null) = (released_at is null)),
    check (approved_by <> placed_by)
);
create index legal_hold_live on legal_hold (tenant_id, scope, object_id) where released_at is null;

create table legal_hold_event (
    tenant_id uuid not null,
    hold_id   uuid not null,
    what      smallint not null check (what between 1 and 3),
    who       text not null,
    at        timestamptz not null,
    primary key (tenant_id, hold_id, what)
);

-- A second place that says what is held would be one too many.
alter table conversation drop column hold_count;

do $$
declare
    guarded text;
begin
    foreach guarded in array array['legal_hold', 'legal_hold_event'] loop
        execute format('alter table %I enable row level security', guarded);
        execute format('alter table %I force row level security', guarded);
        execute format(
            'create policy one_tenant on %I to veetflow_app, veetflow_purge '
            'using (tenant_id = nullif(current_setting(''veetflow.tenant'', true), '''')::uuid)', guarded);
    end loop;
end
$$;
grant select, insert on legal_hold, legal_hold_event to veetflow_app;
grant update (approved_by, approved_at, released_by, released_at, reason) on legal_hold to veetflow_app;
grant select on legal_hold, legal_hold_event to veetflow_purge;

-- What is held now, as one relation: statements about many rows join it once instead of asking for each row.
create function veetflow.live_holds(tenant uuid, at timestamptz) returns table (scope smallint, object_id uuid)
language sql stable as $$
    select h.scope, h.object_id
    from veetflow.legal_hold h
    where h.tenant_id = tenant and h.released_at is null
      and (h.approved_at is not null or h.placed_at > at - interval '7 days')
$$;
revoke execute on function veetflow.live_holds(uuid, timestamptz) from public;
grant execute on function veetflow.live_holds(uuid, timestamptz) to veetflow_app, veetflow_purge;
reset role;
reset search_path;
