//! The store: roles, row-level security, statements, inventory.

use std::collections::BTreeSet;

use veetflow::privacy::inventory::COLUMNS;
use veetflow::store::{Role, all_statements};

use crate::support::{TestApp, Visitor};

/// Tables that belong to no tenant, and why.
const WITHOUT_TENANT: [(&str, &str); 6] = [
    ("installation", "one row about this installation"),
    ("policy_text", "published texts, the same for all"),
    ("ledger_mark", "where the one erasure ledger stood"),
    ("audit_head", "the end of the one chain of the audit log"),
    ("audit_checkpoint", "signatures of that chain"),
    ("audit_epoch", "what is left of its parts that were dropped"),
];

#[actix_web::test]
async fn every_statement_can_be_prepared_by_the_role_that_runs_it() {
    let app = TestApp::start().await;
    for statement in all_statements() {
        let client = app.store().client(statement.role).await.expect("a client");
        if let Err(error) = client.prepare(statement.sql).await {
            panic!("{}: {error:?}", statement.sql);
        }
    }
    app.drain().await;
}

/// Policy §1: a column that nobody declared fails.
#[actix_web::test]
async fn the_inventory_names_every_column_of_the_database_and_no_other() {
    let app = TestApp::start().await;
    let rows = app
        .operator()
        .await
        .query("select table_name, column_name from information_schema.columns where table_schema = 'veetflow'", &[])
        .await
        .expect("read");
    let real: BTreeSet<(String, String)> =
        rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let declared: BTreeSet<(String, String)> =
        COLUMNS.iter().map(|column| (column.table.to_owned(), column.name.to_owned())).collect();
    assert_eq!(
        real.difference(&declared).collect::<Vec<_>>(),
        Vec::<&(String, String)>::new(),
        "undeclared"
    );
    assert_eq!(
        declared.difference(&real).collect::<Vec<_>>(),
        Vec::<&(String, String)>::new(),
        "gone"
    );
    app.drain().await;
}

#[actix_web::test]
async fn every_tenants_table_begins_its_primary_key_with_the_tenant_and_forces_row_level_security()
{
    let app = TestApp::start().await;
    let rows = app
        .operator()
        .await
        .query(
            "select c.relname, c.relrowsecurity and c.relforcerowsecurity, pg_get_userbyid(c.relowner), \
                    (select a.attname from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] \
                     where i.indrelid = c.oid and i.indisprimary) \
             from pg_class c where c.relnamespace = 'veetflow'::regnamespace and c.relkind = 'r'",
            &[],
        )
        .await
        .expect("read");
    assert!(rows.len() > 5);
    for row in rows {
        let (table, is_forced, owner, first): (String, bool, String, String) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        assert_eq!(owner, "veetflow_owner", "{table}");
        if WITHOUT_TENANT.iter().any(|(name, _)| *name == table) {
            continue;
        }
        assert!(is_forced, "{table} does not force row-level security");
        assert_eq!(first, "tenant_id", "{table}");
    }
    app.drain().await;
}

#[actix_web::test]
async fn the_roles_of_the_program_own_nothing_and_cannot_bypass_row_level_security() {
    let app = TestApp::start().await;
    for role in [Role::Application, Role::Purge] {
        let client = app.store().client(role).await.expect("a client");
        let row = client
            .query_one(
                "select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb, \
                        (select count(*) from pg_class c where c.relowner = r.oid) \
                 from pg_roles r where rolname = current_user",
                &[],
            )
            .await
            .expect("read");
        assert_eq!((row.get::<_, bool>(0), row.get::<_, i64>(1)), (false, 0), "{role:?}");
        let timezone: String = client.query_one("show timezone", &[]).await.expect("read").get(0);
        assert_eq!(timezone, "UTC");
    }
    let application = app.store().client(Role::Application).await.expect("a client");
    for forbidden in
        ["delete from turn", "delete from consent_act", "update turn set at = at", "truncate turn"]
    {
        assert!(application.batch_execute(forbidden).await.is_err(), "{forbidden} was allowed");
    }
    app.drain().await;
}

/// Case 55 of the adversarial list: without a tenant nothing is visible, and a setting never outlives its transaction.
#[actix_web::test]
async fn a_connection_sees_one_tenant_within_a_transaction_and_none_after_it() {
    let app = TestApp::start().await;
    let visitor = Visitor::agreed(&app).await;
    let client = app.store().client(Role::Application).await.expect("a client");
    let count = "select count(*) from turn";
    let seen: i64 = client.query_one(count, &[]).await.expect("read").get(0);
    assert_eq!(seen, 0, "rows without a tenant");
    let other = "00000000-0000-7000-8000-00000000ffff";
    client.batch_execute("begin").await.expect("begun");
    client.execute("select set_config('veetflow.tenant', $1, true)", &[&other]).await.expect("set");
    let seen: i64 = client.query_one(count, &[]).await.expect("read").get(0);
    assert_eq!(seen, 0, "another tenant's rows");
    client.batch_execute("commit").await.expect("ended");
    let left: Option<String> = client
        .query_one("select current_setting('veetflow.tenant', true)", &[])
        .await
        .expect("read")
        .get(0);
    assert_eq!(left.unwrap_or_default(), "");
    assert!(app.count("turn").await > 0);
    drop(visitor);
    app.drain().await;
}

#[test]
fn no_migration_reads_a_clock() {
    for file in
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).expect("a folder")
    {
        let path = file.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("read").to_lowercase();
        for clock in ["now()", "current_timestamp", "current_date", "clock_timestamp", "localtime"]
        {
            assert!(!text.contains(clock), "{} says {clock}", path.display());
        }
    }
}
