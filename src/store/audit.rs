//! The audit log. A line is appended by the act's own transaction, or neither happens.

use jiff::Timestamp;
use jiff::civil::Date;
use tokio_postgres::Row;
use uuid::Uuid;

use super::statement::{Runs, Statement};
use super::{Store, StoreError, begin};
use crate::clock::{SharedClock, SystemClock};
use crate::domain::audit::{Actor, Deed, INSTALLATION, Objects};
use crate::id::{ConversationId, TenantId};
use crate::privacy::audit_log::{Chain, Entry, Hash};

const APPEND: Statement =
    Statement::application("select audit_append($1, $2, $3, $4, $5, $6, $7, $8, $9)");
const APPEND_BY_PURGE: Statement =
    Statement::purge("select audit_append($1, $2, $3, $4, $5, $6, $7, $8, $9)");
const PAGE: Statement = Statement::application("select * from audit_page($1, $2)");
const HEAD: Statement = Statement::application("select seq, hash from audit_head");
const EPOCHS: Statement = Statement::application(
    "select first_seq, last_seq, last_hash from audit_epoch order by first_seq",
);
const KEEP_CHECKPOINT: Statement = Statement::application(
    "insert into audit_checkpoint (size, is_outside, note, at) values ($1, $2, $3, $4) on conflict do nothing",
);
const NEWEST_CHECKPOINT: Statement = Statement::application(
    "select note from audit_checkpoint where not is_outside order by size desc limit 1",
);
const DROP: Statement = Statement::application("select audit_drop($1, $2)");
const FORGET: Statement =
    Statement::purge("delete from audit_salt where tenant_id = $1 and subject = any($2)");

pub(super) const STATEMENTS: &[Statement] = &[
    APPEND,
    APPEND_BY_PURGE,
    PAGE,
    HEAD,
    EPOCHS,
    KEEP_CHECKPOINT,
    NEWEST_CHECKPOINT,
    DROP,
    FORGET,
];

/// On whose behalf the store is used, and what time it is there.
#[derive(Debug, Clone)]
pub(super) struct Witness {
    actor: Actor,
    clock: SharedClock,
}

impl Default for Witness {
    fn default() -> Self {
        Self { actor: Actor::System, clock: std::sync::Arc::new(SystemClock) }
    }
}

/// A month whose lines are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    /// Its first line.
    pub first_seq: i64,
    /// Where the chain went on from.
    pub end: Chain,
}

/// Why parts of the log were not dropped.
#[derive(Debug, thiserror::Error)]
pub enum DropError {
    /// Logs are kept for two years at least (policy §6.1).
    #[error("a part of these is younger than two years")]
    TooYoung,
    /// Lines are missing.
    #[error("a part of these is not whole; run `veetflow audit verify`")]
    NotWhole,
    /// Nobody outside holds a checkpoint that covers it.
    #[error("no checkpoint from outside covers these parts")]
    NotCovered,
    /// The database.
    #[error("the audit log could not be reached")]
    Store(#[from] StoreError),
}

impl From<tokio_postgres::Error> for DropError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.code().map(tokio_postgres::error::SqlState::code) {
            Some("VF001") => Self::TooYoung,
            Some("VF002") => Self::NotWhole,
            Some("VF003") => Self::NotCovered,
            _ => Self::Store(error.into()),
        }
    }
}

impl Store {
    /// The same store, used on behalf of somebody: what is done through it is written down as theirs.
    #[must_use]
    pub fn by(&self, actor: Actor) -> Self {
        let mut store = self.clone();
        store.witness.actor = actor;
        store
    }

    /// The same store with another clock for the lines of the audit log.
    #[must_use]
    pub fn at_time_of(&self, clock: SharedClock) -> Self {
        let mut store = self.clone();
        store.witness.clock = clock;
        store
    }

    /// Writes an act down inside its own transaction. Last, because it takes a lock that is shared by all acts.
    pub(super) async fn record(
        &self,
        transaction: &impl Runs,
        tenant: TenantId,
        deed: &Deed,
    ) -> Result<(), StoreError> {
        self.append(transaction, APPEND, tenant, deed).await
    }

    /// The same by the role of the purge.
    pub(super) async fn record_by_purge(
        &self,
        transaction: &impl Runs,
        tenant: TenantId,
        deed: &Deed,
    ) -> Result<(), StoreError> {
        self.append(transaction, APPEND_BY_PURGE, tenant, deed).await
    }

    async fn append(
        &self,
        transaction: &impl Runs,
        statement: Statement,
        tenant: TenantId,
        deed: &Deed,
    ) -> Result<(), StoreError> {
        let (objects, are_personal) = match &deed.objects {
            Objects::None => (Vec::new(), false),
            Objects::Thing(thing) => (vec![*thing], false),
            Objects::Conversations(conversations) => {
                (conversations.iter().map(ConversationId::uuid).collect(), true)
            }
        };
        let actor = self.witness.actor;
        transaction
            .row(
                statement,
                &[
                    &tenant.uuid(),
                    &actor.kind(),
                    &actor.uuid(),
                    &deed.action.as_str(),
                    &objects,
                    &are_personal,
                    &deed.amount,
                    &self.witness.clock.now(),
                    &salts(objects.len() + 1)?,
                ],
            )
            .await?;
        Ok(())
    }

    /// Writes down an act that does not happen in the database, before it happens.
    pub async fn record_alone(&self, deed: &Deed) -> Result<(), StoreError> {
        let client = self.application().await?;
        self.record(&client, INSTALLATION, deed).await
    }

    /// The next lines after `after`, of all tenants, oldest first.
    pub async fn audit_page(&self, after: i64, most: i32) -> Result<Vec<Entry>, StoreError> {
        let client = self.application().await?;
        client.rows(PAGE, &[&after, &most]).await?.iter().map(entry_from).collect()
    }

    /// Where the log says that it ends.
    pub async fn audit_head(&self) -> Result<Chain, StoreError> {
        let row = self.application().await?.row(HEAD, &[]).await?;
        Ok(Chain { seq: row.get("seq"), hash: hash_from(row.get("hash"))? })
    }

    /// The months that are gone, oldest first.
    pub async fn audit_epochs(&self) -> Result<Vec<Epoch>, StoreError> {
        let rows = self.application().await?.rows(EPOCHS, &[]).await?;
        let epoch = |row: &Row| {
            let end = Chain { seq: row.get("last_seq"), hash: hash_from(row.get("last_hash"))? };
            Ok(Epoch { first_seq: row.get("first_seq"), end })
        };
        rows.iter().map(epoch).collect()
    }

    /// Keeps a checkpoint: one that was signed here, or one that came back from outside and was verified.
    pub async fn keep_checkpoint(
        &self,
        size: i64,
        note: &str,
        is_outside: bool,
    ) -> Result<(), StoreError> {
        let client = self.application().await?;
        let now = self.witness.clock.now();
        client.run(KEEP_CHECKPOINT, &[&size, &is_outside, &note, &now]).await?;
        Ok(())
    }

    /// The newest checkpoint signed here.
    pub async fn newest_checkpoint(&self) -> Result<Option<String>, StoreError> {
        let client = self.application().await?;
        Ok(client.row_if_any(NEWEST_CHECKPOINT, &[]).await?.map(|row| row.get(0)))
    }

    /// Drops the parts up to and including a month, and writes down that it did; gives back how many lines went.
    pub async fn drop_audit_parts(&self, through: Date) -> Result<i64, DropError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, INSTALLATION).await?;
        let now = self.witness.clock.now();
        let gone: i64 = transaction.row(DROP, &[&through, &now]).await?.get(0);
        let action = crate::domain::audit::Action::AuditDropped;
        let deed = Deed { action, objects: Objects::None, amount: gone };
        self.record(&transaction, INSTALLATION, &deed).await?;
        transaction.commit().await?;
        Ok(gone)
    }

    /// Destroys the salt of an actor in one chapter: its lines there can no longer be tied to it. What it does from now
    /// on stands under a new pseudonym. False when there was none.
    pub async fn forget_actor(&self, tenant: TenantId, actor: Actor) -> Result<bool, StoreError> {
        let mut client = self.purge().await?;
        let transaction = begin(&mut client, tenant).await?;
        let action = crate::domain::audit::Action::ActorForgotten;
        self.record_by_purge(
            &transaction,
            tenant,
            &Deed { action, objects: Objects::None, amount: 1 },
        )
        .await?;
        let gone = forget(&transaction, tenant, &[actor.uuid()]).await?;
        transaction.commit().await?;
        Ok(gone > 0)
    }
}

/// Destroys salts of one chapter.
pub(super) async fn forget(
    transaction: &impl Runs,
    tenant: TenantId,
    subjects: &[Uuid],
) -> Result<u64, StoreError> {
    Ok(transaction.run(FORGET, &[&tenant.uuid(), &subjects]).await?)
}

/// Random salts, for whoever has none yet.
fn salts(count: usize) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut bytes = vec![0; 32 * count];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Unavailable(Box::new(error)))?;
    Ok(bytes.chunks(32).map(<[u8]>::to_vec).collect())
}

fn hash_from(bytes: &[u8]) -> Result<Hash, StoreError> {
    bytes.try_into().map_err(|_| StoreError::Unreadable("a hash of the audit log"))
}

fn entry_from(row: &Row) -> Result<Entry, StoreError> {
    let (month, at): (Date, Timestamp) = (row.get("month"), row.get("at"));
    let days = month.since(Date::constant(1970, 1, 1)).map(|span| span.get_days());
    Ok(Entry {
        tenant: row.get("tenant_id"),
        month: days.map_err(|_| StoreError::Unreadable("a month of the audit log"))?,
        seq: row.get("seq"),
        at,
        actor_kind: row.get("actor_kind"),
        actor: row.get("actor"),
        action: row.get("action"),
        object: row.get("object"),
        amount: row.get("amount"),
        hash: hash_from(row.get("hash"))?,
    })
}
