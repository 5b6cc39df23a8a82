//! The lane on which turns of all conversations ride into the database together.
//!
//! Whatever waits (up to 256 turns) goes in one statement; at most four statements are in flight; there is no timer, so
//! a turn alone leaves at once. Group commit is what makes a durable row cheap, and the database function judges each
//! row by itself: tenant state, lease, repetition.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_postgres::Row;
use uuid::Uuid;

use super::StoreError;
use super::statement::{Runs, Statement};
use crate::domain::consent::{Purposes, Standing};
use crate::domain::tenant::TenantState;
use crate::domain::turn::Content;
use crate::id::{ConversationId, TenantId};
use crate::privacy::retention::Stamped;
use crate::vault::Sealed;

const APPEND: Statement = Statement::application(
    "select ord, outcome, seq, tenant_state, policy_version, granted, consent_epoch \
     from append_turns($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
);

pub(super) const STATEMENTS: &[Statement] = &[APPEND];

const MOST_TOGETHER: usize = 256;
const MOST_IN_FLIGHT: usize = 4;
const MOST_WAITING: usize = 8192;

/// One turn to append.
#[derive(Debug)]
pub struct AppendRow {
    /// Whose.
    pub tenant: TenantId,
    /// Where.
    pub conversation: ConversationId,
    /// The lease under which the writer writes.
    pub epoch: i64,
    /// The row's identifier, to which the ciphertext is bound.
    pub turn_id: Uuid,
    /// [`Content::stored_kind`].
    pub kind: i16,
    /// The client's identifier, by which a repetition is recognised.
    pub client_id: Option<Uuid>,
    /// The ciphertext, with class and anchor.
    pub content: Stamped<Sealed<Content>>,
    /// What the visitor has read so far; rides along.
    pub read_seq: i64,
}

/// How a row was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable.
    Stored,
    /// The client sent it before; `seq` is the first one's.
    Repeated,
    /// Another holder has a newer lease.
    Fenced,
    /// The tenant is not active.
    TenantInactive,
    /// There is no such conversation any more.
    Gone,
    /// The conversation was ended.
    Closed,
}

/// The answer to one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The judgement.
    pub outcome: Outcome,
    /// The row's place in the log.
    pub seq: i64,
    /// The tenant's state at that moment.
    pub tenant: TenantState,
    /// The consent in force at that moment.
    pub standing: Standing,
}

/// A way onto the lane. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lane {
    entrance: mpsc::Sender<Rider>,
}

#[derive(Debug)]
struct Rider {
    row: AppendRow,
    answer: oneshot::Sender<Result<Appended, StoreError>>,
}

impl Lane {
    pub(super) fn start(pool: Pool, runtime: &Handle, timeout: Duration) -> Self {
        let (entrance, waiting) = mpsc::channel(MOST_WAITING);
        runtime.spawn(run(pool, waiting, timeout));
        Self { entrance }
    }

    /// Appends one turn; resolves when it is durable or refused. A caller has at most one append under way for each
    /// conversation.
    pub async fn append(&self, row: AppendRow) -> Result<Appended, StoreError> {
        let (answer, answered) = oneshot::channel();
        let full = |_| StoreError::Unavailable("the append lane is full".into());
        self.entrance.try_send(Rider { row, answer }).map_err(full)?;
        answered.await.map_err(|_| StoreError::Unavailable("the append lane has ended".into()))?
    }
}

async fn run(pool: Pool, mut waiting: mpsc::Receiver<Rider>, timeout: Duration) {
    let in_flight = Arc::new(Semaphore::new(MOST_IN_FLIGHT));
    let mut held_back = VecDeque::new();
    loop {
        let first = match held_back.pop_front() {
            Some(rider) => rider,
            None => match waiting.recv().await {
                Some(rider) => rider,
                None => return,
            },
        };
        let Ok(permit) = in_flight.clone().acquire_owned().await else { return };
        let batch = gather(first, &mut held_back, &mut waiting);
        let pool = pool.clone();
        Handle::current().spawn(async move {
            deliver(&pool, batch, timeout).await;
            drop(permit);
        });
    }
}

/// Takes everything that waits, one row of a conversation at most.
fn gather(
    first: Rider,
    held_back: &mut VecDeque<Rider>,
    waiting: &mut mpsc::Receiver<Rider>,
) -> Vec<Rider> {
    let mut seen = HashSet::from([(first.row.tenant, first.row.conversation)]);
    let mut batch = vec![first];
    let mut again = VecDeque::new();
    while batch.len() < MOST_TOGETHER {
        let Some(rider) = held_back.pop_front().or_else(|| waiting.try_recv().ok()) else { break };
        if seen.insert((rider.row.tenant, rider.row.conversation)) {
            batch.push(rider);
        } else {
            again.push_back(rider);
        }
    }
    again.append(held_back);
    *held_back = again;
    batch
}

async fn deliver(pool: &Pool, batch: Vec<Rider>, timeout: Duration) {
    let (rows, answers): (Vec<AppendRow>, Vec<_>) =
        batch.into_iter().map(|rider| (rider.row, rider.answer)).unzip();
    let outcome = match pool.get().await {
        Ok(client) => append_within(client, &rows, timeout).await,
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(appended) => {
            for (answer, one) in answers.into_iter().zip(appended) {
                // A conversation that stopped waiting has lost its socket and its node; the row is in the log all the same.
                drop(answer.send(Ok(one)));
            }
        }
        Err(error) => {
            tracing::warn!(rows = rows.len(), error = %error, "turns could not be appended");
            for answer in answers {
                drop(answer.send(Err(StoreError::Unavailable("the append failed".into()))));
            }
        }
    }
}

async fn append_within(
    client: Object,
    rows: &[AppendRow],
    timeout: Duration,
) -> Result<Vec<Appended>, StoreError> {
    let patience = timeout.saturating_add(Duration::from_secs(1));
    match tokio::time::timeout(patience, append(&client, rows)).await {
        Ok(appended) => appended,
        Err(elapsed) => {
            // The statement may still run on that connection; nobody else may get it.
            drop(Object::take(client));
            Err(StoreError::Unavailable(Box::new(elapsed)))
        }
    }
}

/// Appends rows on a client or within a transaction; the answers come in the order of the rows.
pub(super) async fn append(
    client: &impl Runs,
    rows: &[AppendRow],
) -> Result<Vec<Appended>, StoreError> {
    let tenants: Vec<Uuid> = rows.iter().map(|row| row.tenant.uuid()).collect();
    let conversations: Vec<Uuid> = rows.iter().map(|row| row.conversation.uuid()).collect();
    let epochs: Vec<i64> = rows.iter().map(|row| row.epoch).collect();
    let turns: Vec<Uuid> = rows.iter().map(|row| row.turn_id).collect();
    let kinds: Vec<i16> = rows.iter().map(|row| row.kind).collect();
    let clients: Vec<Option<Uuid>> = rows.iter().map(|row| row.client_id).collect();
    let instants: Vec<jiff::Timestamp> = rows.iter().map(|row| row.content.anchor()).collect();
    let contents: Vec<&[u8]> = rows.iter().map(|row| row.content.get().as_bytes()).collect();
    let classes: Vec<&str> = rows.iter().map(|row| row.content.class().as_str()).collect();
    let reads: Vec<i64> = rows.iter().map(|row| row.read_seq).collect();
    let answers = client
        .rows(
            APPEND,
            &[
                &tenants,
                &conversations,
                &epochs,
                &turns,
                &kinds,
                &clients,
                &instants,
                &contents,
                &classes,
                &reads,
            ],
        )
        .await?;
    let mut appended = answers
        .iter()
        .map(|row| Ok((row.get::<_, i64>("ord"), appended_from(row)?)))
        .collect::<Result<Vec<_>, StoreError>>()?;
    appended.sort_by_key(|(order, _)| *order);
    if appended.len() != rows.len() {
        return Err(StoreError::Unreadable("append answered another number of rows"));
    }
    Ok(appended.into_iter().map(|(_, one)| one).collect())
}

fn appended_from(row: &Row) -> Result<Appended, StoreError> {
    let outcome = match row.get::<_, i16>("outcome") {
        1 => Outcome::Stored,
        2 => Outcome::Repeated,
        3 => Outcome::Fenced,
        4 => Outcome::TenantInactive,
        5 => Outcome::Gone,
        6 => Outcome::Closed,
        _ => return Err(StoreError::Unreadable("append outcome")),
    };
    Ok(Appended {
        outcome,
        seq: row.get("seq"),
        tenant: TenantState::from_stored(row.get("tenant_state")),
        standing: Standing {
            policy_version: row.get("policy_version"),
            granted: Purposes::from_stored(row.get("granted")),
            epoch: row.get("consent_epoch"),
        },
    })
}
