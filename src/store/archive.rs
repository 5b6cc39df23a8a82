//! The whole database as a stream of tables, and back. Done by the operator's own account, because a copy must see all
//! tenants at once and no role of the program may; its statements name tables found in the catalogue, so that none of them
//! can be in the list.

use std::pin::pin;

use bytes::Bytes;
use futures_util::{SinkExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::{Address, StoreError};

const BEGIN_READING: &str =
    "begin isolation level repeatable read read only; set local timezone = 'UTC'";
const BEGIN_WRITING: &str = "begin; set local session_replication_role = replica; \
     set local timezone = 'UTC'";
const SCHEMA: &str = "select max(version)::bigint from refinery_schema_history";
const TABLES: &str = "select c.relname::text, array_agg(a.attname::text order by a.attnum) \
     from pg_class c join pg_namespace n on n.oid = c.relnamespace \
     join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
     where n.nspname = 'veetflow' and c.relkind in ('r', 'p') group by c.oid, c.relname order by c.relname";
const MONTHS: &str = "select distinct month::text from veetflow.audit_entry order by 1";
const MARK_RESTORED: &str = "insert into veetflow.ledger_mark (seq, hash, restored) \
     values (0, decode(repeat('00', 32), 'hex'), true) \
     on conflict (singleton) do update set restored = true";

/// A table and its columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
}

impl Table {
    fn columns_in_sql(&self) -> String {
        let quoted: Vec<String> = self.columns.iter().map(|column| quoted(column)).collect();
        quoted.join(", ")
    }
}

/// The operator's own connection, in one transaction.
#[derive(Debug)]
pub struct Whole {
    client: Client,
    driver: JoinHandle<()>,
}

impl Whole {
    /// One snapshot of everything, beside whoever writes.
    pub async fn read(address: &Address) -> Result<Self, StoreError> {
        Self::begin(address, BEGIN_READING).await
    }

    /// Everything is about to be replaced, or nothing.
    pub async fn write(address: &Address) -> Result<Self, StoreError> {
        Self::begin(address, BEGIN_WRITING).await
    }

    async fn begin(address: &Address, how: &str) -> Result<Self, StoreError> {
        let (client, driver) = address.connect_as_operator().await?;
        client.batch_execute(how).await?;
        Ok(Self { client, driver })
    }

    /// The version of the schema.
    pub async fn schema(&self) -> Result<i64, StoreError> {
        Ok(self.client.query_one(SCHEMA, &[]).await?.get(0))
    }

    /// All tables.
    pub async fn tables(&self) -> Result<Vec<Table>, StoreError> {
        let rows = self.client.query(TABLES, &[]).await?;
        Ok(rows.iter().map(|row| Table { name: row.get(0), columns: row.get(1) }).collect())
    }

    /// The months for which the audit log has a part.
    pub async fn months(&self) -> Result<Vec<String>, StoreError> {
        let rows = self.client.query(MONTHS, &[]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Hands out the rows of a table, in PostgreSQL's binary form.
    pub async fn copy_out<E: From<StoreError>>(
        &self,
        table: &Table,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (name, columns) = (quoted(&table.name), table.columns_in_sql());
        let copy =
            format!("copy (select {columns} from veetflow.{name}) to stdout (format binary)");
        let rows = self.client.copy_out(&copy).await.map_err(StoreError::from)?;
        let mut rows = pin!(rows);
        while let Some(row) = rows.try_next().await.map_err(StoreError::from)? {
            take(&row)?;
        }
        Ok(())
    }

    /// Empties every table and makes the parts of the audit log.
    pub async fn clear(&self, months: &[String]) -> Result<(), StoreError> {
        for table in self.tables().await? {
            let name = quoted(&table.name);
            self.client.batch_execute(&format!("truncate veetflow.{name} cascade")).await?;
        }
        self.client.batch_execute("set local role veetflow_owner").await?;
        for month in months {
            let name = format!("entry_{}", month.get(..7).unwrap_or(month).replace('-', "_"));
            let part = format!(
                "create table if not exists veetflow_audit.{} partition of veetflow.audit_entry \
                 for values from ({}) to ((date {} + interval '1 month')::date)",
                quoted(&name),
                literal(month),
                literal(month),
            );
            self.client.batch_execute(&part).await?;
        }
        self.client.batch_execute("reset role").await?;
        Ok(())
    }

    /// Begins to take the rows of a table back.
    pub async fn copy_in<E: From<StoreError>>(
        &self,
        table: &Table,
        mut more: impl FnMut() -> Result<Option<Vec<u8>>, E>,
    ) -> Result<(), E> {
        let (name, columns) = (quoted(&table.name), table.columns_in_sql());
        let copy = format!("copy veetflow.{name} ({columns}) from stdin (format binary)");
        let sink = self.client.copy_in::<_, Bytes>(&copy).await.map_err(StoreError::from)?;
        let mut sink = pin!(sink);
        while let Some(rows) = more()? {
            sink.send(Bytes::from(rows)).await.map_err(StoreError::from)?;
        }
        sink.finish().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Marks the database as restored and makes all of it last.
    pub async fn keep_as_restored(self) -> Result<(), StoreError> {
        self.client.batch_execute(MARK_RESTORED).await?;
        self.client.batch_execute("commit").await?;
        self.driver.abort();
        Ok(())
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
