-- The ledger of consent holds every act about what a person's data may be used for, not only decisions taken in a chat:
-- signals of the browser, restrictions, withdrawals after the conversation was closed. A child's data is marked here and
-- goes with the next pass of the purge.
set local role veetflow_owner;
set local search_path = veetflow;

alter table visitor
    add column gpc boolean not null default false,
    add column restricted boolean not null default false,
    add column objected integer not null default 0,
    add column child_at timestamptz;
create index visitor_child on visitor (tenant_id) where child_at is not null;

-- 1 decision, 2 Global Privacy Control, 3 restriction, 4 restriction lifted.
alter table consent_act
    add column kind smallint not null default 1 check (kind between 1 and 4),
    add column client_id uuid,
    alter column conversation_id drop not null;
create unique index consent_act_by_client on consent_act (tenant_id, visitor_id, client_id) where client_id is not null;

reset role;
reset search_path;
