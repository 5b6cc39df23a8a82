-- The two places that look across tenants. Both are functions of veetflow_gate, so that the application role needs
-- no right to cross itself.
set local role veetflow_owner;
set local search_path = veetflow;

create policy gate on tenant to veetflow_gate using (true);
create policy gate on widget to veetflow_gate using (true);
create policy gate on visitor for select to veetflow_gate using (true);
create policy gate on conversation to veetflow_gate using (true) with check (true);
create policy gate on turn to veetflow_gate using (true) with check (true);
grant select on tenant, widget, visitor to veetflow_gate;
grant select, update on conversation to veetflow_gate;
grant select, insert on turn to veetflow_gate;
grant create on schema veetflow to veetflow_gate;
reset role;
reset search_path;

set local role veetflow_gate;

create function veetflow.tenant_directory()
returns table (tenant_id uuid, slug text, display_name text, state text, retention_months integer,
               retention_days integer, widget_id uuid, origins text[])
language sql stable security definer set search_path = veetflow, pg_temp as $$
    select t.tenant_id, t.slug, t.display_name, t.state, t.retention_months, t.retention_days, w.widget_id, w.origins
    from tenant t left join widget w using (tenant_id)
    order by t.tenant_id, w.widget_id
$$;

-- Appends turns of many conversations in one statement; each row is judged by itself and answered by itself.
-- Outcomes: 1 stored, 2 repeated (answered with the first one's seq), 3 fenced by a newer lease, 4 tenant not active,
-- 5 gone or hidden, 6 closed. The caller sends each conversation at most once in one call.
-- The plan is fixed: planning anew for each call costs more than a lone append itself.
-- Locking comes first and in a statement of its own, so that the second statement sees what the lock waited for.
create function veetflow.append_turns(
    tenants uuid[], conversations uuid[], epochs bigint[], turns uuid[], kinds smallint[], clients uuid[],
    instants timestamptz[], contents bytea[], classes text[], reads bigint[])
returns table (ord bigint, outcome smallint, seq bigint, tenant_state text, policy_version text, granted integer,
               consent_epoch bigint)
language plpgsql security definer set search_path = veetflow, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
    perform 1
    from conversation c
    join (select distinct u.t, u.c from unnest(tenants, conversations) as u (t, c)) as wanted
      on c.tenant_id = wanted.t and c.conversation_id = wanted.c
    order by c.tenant_id, c.conversation_id
    for no key update of c;

    return query
    with input as (
        select i.*
        from unnest(tenants, conversations, epochs, turns, kinds, clients, instants, contents, classes, reads)
             with ordinality as i (tenant_id, conversation_id, epoch, turn_id, kind, client_id, at, content, class,
                                   read_seq, ord)
    ), judged as (
        select i.*, c.head_seq, t.state as tenant_state, v.policy_version, coalesce(v.granted, 0) as granted,
               coalesce(v.consent_epoch, 0) as consent_epoch, earlier.seq as earlier_seq,
               (case when c.conversation_id is null or c.hidden then 5
                     when t.state <> 'active' then 4
                     when c.epoch <> i.epoch then 3
                     when earlier.seq is not null then 2
                     when c.state = 2 then 6
                     else 1 end)::smallint as outcome
        from input i
        left join conversation c on c.tenant_id = i.tenant_id and c.conversation_id = i.conversation_id
        left join tenant t on t.tenant_id = i.tenant_id
        left join visitor v on v.tenant_id = c.tenant_id and v.visitor_id = c.visitor_id
        left join turn earlier on earlier.tenant_id = i.tenant_id and earlier.conversation_id = i.conversation_id
                              and earlier.client_id = i.client_id
    ), written as (
        insert into turn (tenant_id, conversation_id, seq, turn_id, kind, client_id, at, content, policy_version,
                          purposes, retention_class, anchor_at)
        select j.tenant_id, j.conversation_id, j.head_seq + 1, j.turn_id, j.kind, j.client_id, j.at, j.content,
               j.policy_version, j.granted, j.class, j.at
        from judged j where j.outcome = 1
    ), moved as (
        update conversation c
        set head_seq = c.head_seq + 1,
            read_seq = least(greatest(c.read_seq, j.read_seq), c.head_seq + 1),
            anchor_at = greatest(c.anchor_at, j.at),
            anchor_day = (greatest(c.anchor_at, j.at) at time zone 'UTC')::date,
            state = case when j.kind = 4 then 2 else c.state end
        from judged j
        where j.outcome = 1 and c.tenant_id = j.tenant_id and c.conversation_id = j.conversation_id
    )
    select j.ord, j.outcome, coalesce(j.earlier_seq, j.head_seq + 1, 0), coalesce(j.tenant_state, 'closed'),
           j.policy_version, j.granted, j.consent_epoch
    from judged j;
end
$$;
reset role;
reset search_path;

revoke create on schema veetflow from veetflow_gate;
revoke execute on all functions in schema veetflow from public;
set local role veetflow_gate;
grant execute on function veetflow.tenant_directory() to veetflow_app, veetflow_purge;
grant execute on function veetflow.append_turns(uuid[], uuid[], bigint[], uuid[], smallint[], uuid[], timestamptz[],
    bytea[], text[], bigint[]) to veetflow_app;
reset role;
reset search_path;
