-- Where the erasure ledger stood when this database was last found to hold nothing that it names. A copy of the database
-- is a copy of this row, too, so that an older one shows its age; a restore by this program says so outright.
set local role veetflow_owner;
set local search_path = veetflow;

create table ledger_mark (
    singleton boolean primary key default true check (singleton),
    seq       bigint not null check (seq >= 0),
    hash      bytea not null check (octet_length(hash) = 32),
    restored  boolean not null default false
);
grant select, insert, update on ledger_mark to veetflow_app;
reset role;
reset search_path;
