//! Recording: a turn becomes ciphertext, gets its stamp, and rides into the database. Nothing is acknowledged before.

use jiff::Timestamp;

use super::Services;
use crate::code::{Coded, ErrorCode};
use crate::domain::turn::{Content, Turn};
use crate::id::{ConversationId, Ids, Kind, VisitorId};
use crate::privacy::retention::{RetentionClass, stamp};
use crate::services::session::Session;
use crate::store::StoreError;
use crate::store::conversations::NewConversation;
use crate::store::lane::{AppendRow, Appended};
use crate::store::turns::StoredTurn;
use crate::vault::{ConversationKey, Place, Scope, SealedColumn, VaultError};

/// Why something was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The database.
    #[error("the turn could not be stored")]
    Store(#[from] StoreError),
    /// The keys.
    #[error("the turn could not be sealed")]
    Vault(#[from] VaultError),
}

impl Coded for RecordError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Store(error) => error.code(),
            Self::Vault(error) => error.code(),
        }
    }
}

/// A row's own identifier; it names nothing but the row.
#[derive(Debug, Clone, Copy)]
enum TurnRow {}

impl Kind for TurnRow {
    const PREFIX: &'static str = "trn";
}

/// One conversation's place: whose it is and where it is kept.
#[derive(Debug, Clone, Copy)]
pub struct Whereabouts {
    /// Who talks.
    pub session: Session,
    /// The conversation.
    pub conversation: ConversationId,
}

/// The state of the writer that a record depends on.
#[derive(Debug, Clone)]
pub struct Pen {
    /// The lease.
    pub epoch: i64,
    /// Whether the conversation's row exists.
    pub is_begun: bool,
    /// What the visitor has read.
    pub read_seq: i64,
    /// The key, once it is in memory.
    pub key: Option<ConversationKey>,
}

impl Whereabouts {
    /// The visitor.
    pub fn visitor(&self) -> VisitorId {
        self.session.visitor
    }

    fn scope(&self) -> Scope {
        Scope { tenant: self.session.tenant, conversation: self.conversation }
    }

    fn place(&self, record: uuid::Uuid, kind: i16) -> Place {
        Place {
            column: SealedColumn::TurnContent,
            tenant: self.session.tenant,
            conversation: self.conversation,
            record,
            kind: u8::try_from(kind).unwrap_or(u8::MAX),
        }
    }

    /// The conversation as a row about to begin.
    pub(super) fn beginning(&self, services: &Services) -> NewConversation {
        NewConversation {
            tenant: self.session.tenant,
            conversation: self.conversation,
            visitor: self.session.visitor,
            widget: self.session.widget,
            node: services.node,
        }
    }

    /// Seals and stamps an entry.
    pub(super) fn row(
        &self,
        ids: &Ids,
        pen: &Pen,
        key: &ConversationKey,
        content: &Content,
        at: Timestamp,
    ) -> Result<AppendRow, VaultError> {
        let turn_id = ids.next::<TurnRow>().uuid();
        let kind = content.stored_kind();
        let sealed = key.seal(self.place(turn_id, kind), content)?;
        Ok(AppendRow {
            tenant: self.session.tenant,
            conversation: self.conversation,
            epoch: pen.epoch,
            turn_id,
            kind,
            client_id: content.client_id(),
            content: stamp(sealed, RetentionClass::Conversation, at),
            read_seq: pen.read_seq,
        })
    }
}

impl Services {
    /// The conversation's key: the one in hand, the one in the keyring, or a new one.
    pub async fn key(
        &self,
        whereabouts: Whereabouts,
        held: Option<ConversationKey>,
    ) -> Result<ConversationKey, VaultError> {
        if let Some(key) = held {
            return Ok(key);
        }
        let (vault, scope) = (self.vault.clone(), whereabouts.scope());
        match self.runtime.spawn_blocking(move || vault.mint(scope)).await {
            Ok(minted) => minted,
            Err(_) => {
                Err(VaultError::Unavailable { reason: "the keyring thread ended".to_owned() })
            }
        }
    }

    /// Records one entry; on the way the conversation begins, if it has not.
    pub async fn record(
        &self,
        whereabouts: Whereabouts,
        pen: Pen,
        content: Content,
        at: Timestamp,
    ) -> Result<(Appended, ConversationKey), RecordError> {
        let key = self.key(whereabouts, pen.key.clone()).await?;
        if !pen.is_begun {
            let beginning = stamp(whereabouts.beginning(self), RetentionClass::Conversation, at);
            self.store.begin_conversation(beginning).await?;
        }
        let row = whereabouts.row(&self.ids, &pen, &key, &content, at)?;
        Ok((self.store.lane().append(row).await?, key))
    }

    /// Opens entries read back from the log.
    pub fn read_back(
        &self,
        whereabouts: Whereabouts,
        key: &ConversationKey,
        stored: Vec<StoredTurn>,
    ) -> Result<Vec<Turn>, VaultError> {
        stored
            .into_iter()
            .map(|turn| {
                let place = whereabouts.place(turn.turn_id, turn.kind);
                let content = key.open(place, &turn.content)?;
                Ok(Turn { seq: turn.seq, at: turn.at, content })
            })
            .collect()
    }

    /// The key of a conversation that exists already; none is made.
    pub async fn existing_key(
        &self,
        whereabouts: Whereabouts,
    ) -> Result<ConversationKey, VaultError> {
        let (vault, scope) = (self.vault.clone(), whereabouts.scope());
        match self.runtime.spawn_blocking(move || vault.key(scope)).await {
            Ok(found) => found,
            Err(_) => {
                Err(VaultError::Unavailable { reason: "the keyring thread ended".to_owned() })
            }
        }
    }
}
