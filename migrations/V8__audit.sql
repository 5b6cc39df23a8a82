-- The audit log: one chain of hashes over all tenants, written by one function and changed by nobody.
-- No role of the program may insert, update or delete here. What it may do is call the functions below, inside the
-- transaction of the act itself. Who acted and, where it is a person's, what was acted on stand under a salt that can be
-- destroyed; without it a line can no longer be tied to anybody.
create schema veetflow_audit authorization veetflow_owner;
set local role veetflow_owner;
set local search_path = veetflow;

-- Its lock puts all lines in one row: each holds the hash of the one before.
create table audit_head (
    singleton boolean primary key default true check (singleton),
    seq       bigint not null check (seq >= 0),
    month     date not null,
    hash      bytea not null check (octet_length(hash) = 32)
);
insert into audit_head (seq, month, hash) values (0, date '1970-01-01', sha256('veetflow audit log 1'::bytea));

-- The month of a line is that of its instant, and never earlier than that of the line before: a clock that is set back
-- must not put a line into a part that is gone.
create table audit_entry (
    tenant_id  uuid not null,
    month      date not null,
    seq        bigint not null check (seq > 0),
    at         timestamptz not null,
    actor_kind smallint not null,
    actor      bytea not null check (octet_length(actor) = 32),
    action     text not null,
    object     bytea check (octet_length(object) in (16, 32)),
    amount     bigint not null,
    hash       bytea not null check (octet_length(hash) = 32),
    primary key (tenant_id, month, seq)
) partition by range (month);

create table audit_salt (
    tenant_id uuid not null,
    subject   uuid not null,
    salt      bytea not null check (octet_length(salt) = 32),
    primary key (tenant_id, subject)
);

-- What the program signed, and what came back from outside with its signature whole.
create table audit_checkpoint (
    size       bigint not null,
    is_outside boolean not null,
    note       text not null,
    at         timestamptz not null,
    primary key (size, is_outside)
);

-- What is left of a month that was dropped: enough to verify what follows.
create table audit_epoch (
    month      date primary key,
    first_seq  bigint not null,
    last_seq   bigint not null,
    last_hash  bytea not null check (octet_length(last_hash) = 32),
    dropped_at timestamptz not null
);

alter table audit_entry enable row level security;
alter table audit_entry force row level security;
alter table audit_salt enable row level security;
alter table audit_salt force row level security;
create policy log on audit_entry to veetflow_owner using (true) with check (true);
create policy log on audit_salt to veetflow_owner using (true) with check (true);
create policy one_tenant on audit_salt to veetflow_purge
    using (tenant_id = nullif(current_setting('veetflow.tenant', true), '')::uuid);
grant select, delete on audit_salt to veetflow_purge;
grant select, insert on audit_checkpoint to veetflow_app;
grant select on audit_epoch, audit_head to veetflow_app;

-- The pseudonym of somebody: SHA-256 over a secret of 32 bytes and the 16 of the identifier. Both have a fixed width,
-- so that nothing can be appended.
create function audit_pseudonym(whose uuid, somebody uuid, fresh bytea) returns bytea
language plpgsql security definer set search_path = veetflow, pg_temp as $$
declare
    kept bytea;
begin
    -- Locked, so that a purge that destroys it waits for this line.
    select salt into kept from audit_salt where tenant_id = whose and subject = somebody for key share;
    if not found then
        insert into audit_salt (tenant_id, subject, salt) values (whose, somebody, fresh)
        on conflict (tenant_id, subject) do update set subject = excluded.subject
        returning salt into strict kept;
    end if;
    return sha256(kept || uuid_send(somebody));
end
$$;

-- Appends one line for each object, or one without an object. `fresh` are random salts, one for the actor and one for
-- each object, used where there is none yet. The bytes that are hashed are those of privacy::audit_log.
create function audit_append(
    whose uuid, who_kind smallint, who uuid, what text, objects uuid[], are_personal boolean, how_many bigint,
    instant timestamptz, fresh bytea[])
returns void language plpgsql security definer set search_path = veetflow, pg_temp as $$
declare
    head    audit_head;
    actor   bytea;
    object  bytea;
    child   text;
    place   integer;
begin
    select * into strict head from audit_head for update;
    actor := audit_pseudonym(whose, who, fresh[1]);
    head.month := greatest(head.month, date_trunc('month', instant at time zone 'UTC')::date);
    child := 'entry_' || to_char(head.month, 'YYYY_MM');
    if to_regclass('veetflow_audit.' || child) is null then
        execute format('create table veetflow_audit.%I partition of veetflow.audit_entry for values from (%L) to (%L)',
                       child, head.month, (head.month + interval '1 month')::date);
    end if;
    for place in 1 .. greatest(cardinality(objects), 1) loop
        object := case when objects[place] is null then null
                       when are_personal then audit_pseudonym(whose, objects[place], fresh[place + 1])
                       else uuid_send(objects[place]) end;
        head.seq := head.seq + 1;
        head.hash := sha256(
            head.hash || int8send(head.seq) || uuid_send(whose) || int4send(head.month - date '1970-01-01')
            || int8send((extract(epoch from instant) * 1000000)::bigint) || int2send(who_kind) || actor
            || int4send(octet_length(what)) || convert_to(what, 'UTF8')
            || int4send(coalesce(octet_length(object), 0)) || coalesce(object, ''::bytea) || int8send(how_many));
        insert into audit_entry (tenant_id, month, seq, at, actor_kind, actor, action, object, amount, hash)
        values (whose, head.month, head.seq, instant, who_kind, actor, what, object, how_many, head.hash);
    end loop;
    update audit_head set seq = head.seq, month = head.month, hash = head.hash;
end
$$;

create function audit_page(after bigint, most integer)
returns table (tenant_id uuid, month date, seq bigint, at timestamptz, actor_kind smallint, actor bytea, action text,
               object bytea, amount bigint, hash bytea)
language sql stable security definer set search_path = veetflow, pg_temp as $$
    select e.tenant_id, e.month, e.seq, e.at, e.actor_kind, e.actor, e.action, e.object, e.amount, e.hash
    from audit_entry e where e.seq > after order by e.seq limit most
$$;

-- Drops the parts up to a month, oldest first, each only if it is whole, follows the one before, is at least 24 months
-- old (policy 6.1: logs are kept 2 to 7 years), and lies below a checkpoint that came back from outside.
create function audit_drop(through date, instant timestamptz)
returns bigint language plpgsql security definer set search_path = veetflow, pg_temp as $$
declare
    chapter date;
    lines   record;
    gone    bigint := 0;
begin
    perform 1 from audit_head for update;
    -- An array, because a part that is being read cannot be dropped.
    foreach chapter in array array(select distinct month from audit_entry where month <= through order by month) loop
        select count(*) as n, min(seq) as first_seq, max(seq) as last_seq into lines
        from audit_entry where month = chapter;
        if (chapter + interval '25 months') at time zone 'UTC' > instant then
            raise exception 'the part is too young' using errcode = 'VF001';
        end if;
        if lines.n <> lines.last_seq - lines.first_seq + 1
           or lines.first_seq <> coalesce((select max(e.last_seq) from audit_epoch e), 0) + 1 then
            raise exception 'the part is not whole' using errcode = 'VF002';
        end if;
        if not exists (select from audit_checkpoint c where c.is_outside and c.size >= lines.last_seq) then
            raise exception 'no checkpoint outside covers the part' using errcode = 'VF003';
        end if;
        insert into audit_epoch (month, first_seq, last_seq, last_hash, dropped_at)
        select chapter, lines.first_seq, lines.last_seq, e.hash, instant
        from audit_entry e where e.month = chapter and e.seq = lines.last_seq;
        execute format('drop table veetflow_audit.%I', 'entry_' || to_char(chapter, 'YYYY_MM'));
        gone := gone + lines.n;
    end loop;
    return gone;
end
$$;

revoke execute on function audit_pseudonym(uuid, uuid, bytea),
    audit_append(uuid, smallint, uuid, text, uuid[], boolean, bigint, timestamptz, bytea[]),
    audit_page(bigint, integer), audit_drop(date, timestamptz) from public;
grant execute on function audit_append(uuid, smallint, uuid, text, uuid[], boolean, bigint, timestamptz, bytea[])
    to veetflow_app, veetflow_purge;
grant execute on function audit_page(bigint, integer), audit_drop(date, timestamptz) to veetflow_app;
reset role;
reset search_path;
