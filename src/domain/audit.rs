//! What is written into the audit log: who did what, to how many, to which.
//!
//! Identifiers and closed lists only. No line has room for a word that somebody typed, so that the log can be kept for
//! years without becoming a copy of what was erased (policy §6.1).

use uuid::Uuid;

use crate::id::{ApiKeyId, ConversationId, Id, TenantId};

/// The chapter of what concerns the installation and no single tenant.
pub const INSTALLATION: TenantId = Id::from_uuid(Uuid::nil());

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The program itself.
    System,
    /// Whoever runs a command on the server's machine, by the number of the account there.
    Operator(u32),
    /// A tenant's own program.
    ApiKey(ApiKeyId),
}

impl Actor {
    /// The kind, which stands in clear.
    pub const fn kind(self) -> i16 {
        match self {
            Self::System => 0,
            Self::Operator(_) => 1,
            Self::ApiKey(_) => 2,
        }
    }

    /// A stored kind in words.
    pub const fn kind_in_words(kind: i16) -> &'static str {
        match kind {
            0 => "system",
            1 => "operator",
            2 => "api key",
            _ => "unknown",
        }
    }

    /// Who it is; never written down without the salt.
    pub const fn uuid(self) -> Uuid {
        match self {
            Self::System => Uuid::nil(),
            Self::Operator(account) => {
                Uuid::from_u128(0x6f70_6572_0000_8000_8000_0000_0000_0000 | account as u128)
            }
            Self::ApiKey(key) => key.uuid(),
        }
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident $text:literal;)*) => {
        /// What was done. The texts are part of the hashed lines and never change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Action { $($(#[$doc])* $name,)* }

        impl Action {
            /// All actions.
            pub const ALL: &'static [Action] = &[$(Action::$name),*];

            /// As it is written down.
            pub const fn as_str(self) -> &'static str {
                match self { $(Action::$name => $text,)* }
            }
        }
    };
}

actions! {
    /// An organisation was added.
    TenantCreated "tenant.created";
    /// How long conversations are kept was changed; the amount is the new period in days, a month counted as 31.
    RetentionChanged "tenant.retention_changed";
    /// Whom visitors are told to ask was changed.
    ContactChanged "tenant.contact_changed";
    /// How an organisation's visitors are answered was chosen anew.
    AnsweringChanged "tenant.answering_changed";
    /// What an organisation may spend, and whether under the operator's keys, was changed.
    GrantChanged "tenant.grant_changed";
    /// Another instruction for models was put in force; the amount is its version.
    InstructionChosen "instruction.chosen";
    /// A tenant's own key for a provider was set.
    ProviderKeySet "provider_key.set";
    /// A tenant's own key for a provider was removed.
    ProviderKeyRemoved "provider_key.removed";
    /// A budget was used up; the amount is 1 for a day's, 2 for a month's.
    BudgetReached "budget.reached";
    /// An organisation was suspended, closed or restored; the amount is 1 for active, 2 for suspended, 3 for closed.
    StateChanged "tenant.state_changed";
    /// A widget was added.
    WidgetCreated "widget.created";
    /// An API key was made.
    ApiKeyMade "api_key.made";
    /// An API key was revoked.
    ApiKeyRevoked "api_key.revoked";
    /// A version of a document was added.
    DocumentAdded "document.added";
    /// Another version of a document was put in force.
    DocumentChosen "document.version_chosen";
    /// A document was removed.
    DocumentRemoved "document.removed";
    /// Words of a conversation were read by somebody who is not in it; the amount is how many turns.
    TranscriptRead "transcript.read";
    /// A batch of a purge erased conversations, visitors or acts of consent; the amount is how many.
    PurgeRan "purge.ran";
    /// A rotation of the master key is about to begin or go on; the amount is the generation it leads away from.
    KeysRotated "keys.rotate";
    /// A master key is about to be destroyed; the amount is its generation.
    MasterDestroyed "keys.destroy_master";
    /// Parts of the audit log are about to be dropped; the amount is how many lines.
    AuditDropped "audit.dropped";
    /// A backup was made.
    BackupMade "backup.made";
    /// A backup was put in place of the database.
    BackupRestored "backup.restored";
    /// A restore was tried out on a database that was thrown away; the amount is how many erased rows had come back.
    BackupDrilled "backup.drilled";
    /// After a restore, what the erasure ledger names was erased again; the amount is how many lines it has.
    LedgerReplayed "ledger.replayed";
    /// A new erasure ledger was begun in place of one that was lost.
    LedgerBegunAnew "ledger.begun_anew";
    /// The salt of an actor is about to be destroyed.
    ActorForgotten "audit.actor_forgotten";
}

/// What an act was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objects {
    /// Nothing in particular.
    None,
    /// A thing: it stands in clear.
    Thing(Uuid),
    /// Conversations of people: each gets a line of its own, under a pseudonym that goes with the conversation.
    Conversations(Vec<ConversationId>),
}

/// One act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// What.
    pub action: Action,
    /// To which.
    pub objects: Objects,
    /// How many, or how much.
    pub amount: i64,
}

impl Deed {
    /// An act on one thing.
    pub const fn on(action: Action, thing: Uuid) -> Self {
        Self { action, objects: Objects::Thing(thing), amount: 1 }
    }
}
