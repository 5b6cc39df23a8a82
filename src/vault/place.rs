//! Where a sealed value belongs, as the bytes that are authenticated with it.
//!
//! A ciphertext opens only at the place it was sealed for: every field here has a fixed width, so no two places
//! can read as the same bytes. What may change without re-encryption (deadlines, consent) is left out.

use uuid::Uuid;

use crate::id::{ConversationId, DocumentId, Id, ProviderKeyId, TenantId};

/// What one key covers: a conversation, or a document with all its versions. Built from the authenticated session, never
/// from stored bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Whose customer it is.
    pub tenant: TenantId,
    /// Which conversation.
    pub conversation: ConversationId,
}

impl Scope {
    /// The scope of a document. It has a key of its own and is erased like a conversation, by destroying that key; both
    /// kinds of identifier are random in the same space, and what they seal differs by its column.
    pub const fn of_document(tenant: TenantId, document: DocumentId) -> Self {
        Self { tenant, conversation: Id::from_uuid(document.uuid()) }
    }

    /// The scope of a tenant's own key for a provider, which goes when its key of ours goes.
    pub const fn of_provider_key(tenant: TenantId, key: ProviderKeyId) -> Self {
        Self { tenant, conversation: Id::from_uuid(key.uuid()) }
    }
}

/// A column that holds envelopes. The numbers are part of the authenticated data and never change meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum SealedColumn {
    /// What one turn says.
    TurnContent = 1,
    /// The state of a conversation between two turns.
    ConversationCheckpoint = 2,
    /// Title, address and language of a version of a document.
    DocumentCard = 3,
    /// A piece of the text of a version of a document; its number within the text is the place's kind.
    DocumentText = 4,
    /// A tenant's own key for a provider.
    ProviderKey = 5,
}

impl SealedColumn {
    /// The number authenticated with the value.
    const fn number(self) -> u16 {
        match self {
            Self::TurnContent => 1,
            Self::ConversationCheckpoint => 2,
            Self::DocumentCard => 3,
            Self::DocumentText => 4,
            Self::ProviderKey => 5,
        }
    }

    /// The revision of the JSON in the column; raised when old JSON can no longer be read as the new type.
    const fn schema_revision(self) -> u16 {
        match self {
            Self::TurnContent
            | Self::ConversationCheckpoint
            | Self::DocumentCard
            | Self::DocumentText
            | Self::ProviderKey => 1,
        }
    }
}

/// One cell of the database.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The column.
    pub column: SealedColumn,
    /// Whose row it is.
    pub tenant: TenantId,
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// The row's own identifier.
    pub record: Uuid,
    /// The role or kind stored in clear beside the value, which must not be swapped.
    pub kind: u8,
}

impl Place {
    /// The scope whose key seals here.
    pub const fn scope(&self) -> Scope {
        Scope { tenant: self.tenant, conversation: self.conversation }
    }

    /// The 59 authenticated bytes: `"VF1\0"`, column, schema revision, tenant, conversation, record, kind, key
    /// version; numbers big-endian.
    pub(super) fn authenticated_bytes(&self, key_version: u16) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(59);
        bytes.extend_from_slice(b"VF1\0");
        bytes.extend_from_slice(&self.column.number().to_be_bytes());
        bytes.extend_from_slice(&self.column.schema_revision().to_be_bytes());
        bytes.extend_from_slice(self.tenant.uuid().as_bytes());
        bytes.extend_from_slice(self.conversation.uuid().as_bytes());
        bytes.extend_from_slice(self.record.as_bytes());
        bytes.push(self.kind);
        bytes.extend_from_slice(&key_version.to_be_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;

    #[test]
    fn the_authenticated_bytes_have_one_width_and_every_field_in_its_place() {
        let place = Place {
            column: SealedColumn::ConversationCheckpoint,
            tenant: Id::from_uuid(Uuid::from_u128(1)),
            conversation: Id::from_uuid(Uuid::from_u128(2)),
            record: Uuid::from_u128(3),
            kind: 4,
        };
        let mut expected = b"VF1\0\0\x02\0\x01".to_vec();
        for number in 1..=3_u128 {
            expected.extend_from_slice(&number.to_be_bytes());
        }
        expected.extend_from_slice(&[4, 0, 5]);
        assert_eq!(place.authenticated_bytes(5), expected);
        assert_eq!(expected.len(), 59);
        assert_eq!(SealedColumn::TurnContent.number(), SealedColumn::TurnContent as u16);
    }
}
