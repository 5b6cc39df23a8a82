-- Three roles share the work and none of them can do all of it.
-- veetflow_owner owns the tables and never runs a request. veetflow_app reads and writes one tenant at a time.
-- veetflow_purge is the only one that may delete. veetflow_gate owns the two functions that look across tenants.
-- Roles belong to the whole cluster, so another database of it may have made them already.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['veetflow_owner', 'veetflow_app', 'veetflow_purge', 'veetflow_gate'] loop
        begin
            if not exists (select from pg_roles where rolname = wanted) then
                execute format('create role %I nologin nosuperuser nobypassrls noinherit', wanted);
            end if;
        exception when duplicate_object or unique_violation then
            null; -- another database of this cluster was a moment faster
        end;
        begin
            execute format('grant %I to %I', wanted, session_user);
        exception when duplicate_object or unique_violation or invalid_grant_operation then
            null; -- already a member, or the session is that role
        end;
    end loop;
end
$$;

create schema veetflow authorization veetflow_owner;
grant usage on schema veetflow to veetflow_app, veetflow_purge, veetflow_gate;
revoke create on schema public from public;
