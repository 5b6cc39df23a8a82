-- How a widget looks and whether it is paused, as its tenant chose. Settings are JSON that the program checked; an empty
-- object means its own ways.
set local role veetflow_owner;
set local search_path = veetflow;

alter table widget add column settings text not null default '{}' check (octet_length(settings) <= 8192);
reset role;
reset search_path;

grant create on schema veetflow to veetflow_gate;
set local role veetflow_gate;

-- The directory of widgets is read before any tenant is named, so this look crosses tenants.
create function veetflow.widget_settings()
returns table (widget_id uuid, settings text)
language sql stable security definer set search_path = veetflow, pg_temp as $$
    select w.widget_id, w.settings from widget w where w.settings <> '{}'
$$;
revoke execute on function veetflow.widget_settings() from public;
grant execute on function veetflow.widget_settings() to veetflow_app;
reset role;
revoke create on schema veetflow from veetflow_gate;
reset role;
reset search_path;
