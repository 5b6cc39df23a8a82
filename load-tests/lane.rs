//! The append lane alone, in this process: the product's own store on a scratch database of the server's cluster, without
//! sockets, actors and keys before it.

use std::time::{Duration, Instant};

use anyhow::ensure;
use jiff::Timestamp;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use uuid::Uuid;
use veetflow::id::{ConversationId, Id};
use veetflow::privacy::retention::{RetentionClass, stamp};
use veetflow::services::demo;
use veetflow::store::conversations::NewConversation;
use veetflow::store::lane::{AppendRow, Outcome};
use veetflow::store::{Address, Store, StoreSettings, migrate};
use veetflow::vault::Sealed;

use crate::raw::CONTENT_BYTES;

const CONVERSATIONS: usize = 2_000;
const APPENDERS: usize = 256;
/// As the server's defaults are.
const SETTINGS: StoreSettings = StoreSettings { connections: 12, timeout: Duration::from_secs(5) };
/// As many as the server has for its database.
const THREADS: usize = 2;

/// A store with conversations that have begun.
#[derive(Debug)]
pub(crate) struct Lane {
    runtime: Runtime,
    store: Store,
    conversations: Vec<ConversationId>,
}

impl Lane {
    /// Migrates the database and begins the conversations.
    pub(crate) fn lay(address: &Address) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .enable_all()
            .build()?;
        let (store, conversations) = runtime.block_on(async {
            let (mut operator, driver) = address.connect_as_operator().await?;
            migrate::migrate(&mut operator).await?;
            driver.abort();
            let store = Store::open(address, runtime.handle(), SETTINGS)?;
            demo::ensure(&store, Timestamp::now()).await?;
            let conversations = begin_all(&store).await?;
            anyhow::Ok((store, conversations))
        })?;
        Ok(Self { runtime, store, conversations })
    }

    /// Appends for a while; returns how many rows in which time.
    pub(crate) fn append(&self, time: Duration) -> anyhow::Result<(u64, Duration)> {
        self.runtime.block_on(async {
            let began = Instant::now();
            let mut appenders = JoinSet::new();
            for own in self.conversations.chunks(CONVERSATIONS.div_ceil(APPENDERS)) {
                appenders.spawn(append(self.store.clone(), own.to_vec(), began + time));
            }
            let mut rows = 0;
            while let Some(appended) = appenders.join_next().await {
                rows += appended??;
            }
            Ok((rows, began.elapsed()))
        })
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.store.close();
    }
}

async fn begin_all(store: &Store) -> anyhow::Result<Vec<ConversationId>> {
    let conversations: Vec<ConversationId> =
        (0..CONVERSATIONS).map(|_| Id::from_uuid(Uuid::now_v7())).collect();
    let mut beginners = JoinSet::new();
    for own in conversations.chunks(CONVERSATIONS.div_ceil(SETTINGS.connections)) {
        let (store, own) = (store.clone(), own.to_vec());
        beginners.spawn(async move {
            for conversation in own {
                store
                    .begin_conversation(stamp(
                        new(conversation),
                        RetentionClass::Conversation,
                        Timestamp::now(),
                    ))
                    .await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(begun) = beginners.join_next().await {
        begun??;
    }
    Ok(conversations)
}

fn new(conversation: ConversationId) -> NewConversation {
    NewConversation {
        tenant: demo::TENANT,
        conversation,
        visitor: Id::from_uuid(Uuid::now_v7()),
        widget: demo::WIDGET,
        node: Id::from_uuid(Uuid::now_v7()),
    }
}

async fn append(store: Store, own: Vec<ConversationId>, until: Instant) -> anyhow::Result<u64> {
    let mut rows = 0;
    for conversation in own.into_iter().cycle() {
        if Instant::now() >= until {
            break;
        }
        let appended = store.lane().append(row(conversation)).await?;
        ensure!(appended.outcome == Outcome::Stored, "a row was judged {:?}", appended.outcome);
        rows += 1;
    }
    Ok(rows)
}

fn row(conversation: ConversationId) -> AppendRow {
    let content = Sealed::from_stored(vec![0x5a; CONTENT_BYTES]);
    AppendRow {
        tenant: demo::TENANT,
        conversation,
        epoch: 1,
        turn_id: Uuid::now_v7(),
        kind: 1,
        client_id: Some(Uuid::now_v7()),
        content: stamp(content, RetentionClass::Conversation, Timestamp::now()),
        read_seq: 0,
    }
}
