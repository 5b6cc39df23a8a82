//! What documents look like in the database, and what is asked of it about them.

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::domain::document::{Card, DocumentSlug};
use crate::id::{DocumentId, Id, TenantId};
use crate::vault::Sealed;

/// How far a tenant's library has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibraryRow {
    /// Whose.
    pub tenant: TenantId,
    /// Rises with each change.
    pub revision: i64,
    /// Whom visitors are told to ask where the documents are silent.
    pub contact: Option<String>,
}

/// A document without its versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundDocument {
    /// Which.
    pub id: DocumentId,
    /// The version in force.
    pub current: i32,
    /// The newest version.
    pub latest: i32,
}

/// One version of a document, still sealed.
#[derive(Debug, Clone)]
pub struct VersionRow {
    /// 1 for the first.
    pub version: i32,
    /// The row's identifier, to which card and chunks are bound.
    pub version_id: Uuid,
    /// Title, address, language.
    pub card: Sealed<Card>,
    /// What the file was made of, as a word.
    pub format: String,
    /// How long its text is.
    pub text_bytes: i32,
    /// When it was taken.
    pub at: Timestamp,
}

/// A document with the version in force, still sealed.
#[derive(Debug, Clone)]
pub struct DocumentRow {
    /// Which.
    pub document: FoundDocument,
    /// Its short name.
    pub slug: String,
    /// The version in force.
    pub version: VersionRow,
}

/// A version about to be added.
#[derive(Debug)]
pub struct NewVersion {
    /// Whose.
    pub tenant: TenantId,
    /// Of which document.
    pub document: DocumentId,
    /// The document's short name.
    pub slug: DocumentSlug,
    /// Whether the document is new, too.
    pub is_first: bool,
    /// Its row's identifier.
    pub version_id: Uuid,
    /// Title, address, language.
    pub card: Sealed<Card>,
    /// What the file was made of, as a word.
    pub format: &'static str,
    /// How long its text is.
    pub text_bytes: i32,
    /// The text, piece by piece.
    pub chunks: Vec<Sealed<String>>,
    /// When it was taken.
    pub at: Timestamp,
}

/// How much a tenant may keep.
#[derive(Debug, Clone, Copy)]
pub struct Shelf {
    /// Documents.
    pub documents: i64,
    /// Bytes of text of all versions in force.
    pub total_bytes: i64,
}

/// What became of a new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is in force under this number.
    Stored(i32),
    /// Another caller was faster: the short name now means another document, or none.
    Overtaken,
    /// The tenant's shelf is full.
    Full,
}

pub(super) fn found_from(row: &Row) -> FoundDocument {
    FoundDocument {
        id: Id::from_uuid(row.get::<_, Uuid>("document_id")),
        current: row.get("current_version"),
        latest: row.get("latest_version"),
    }
}

pub(super) fn version_from(row: &Row) -> VersionRow {
    VersionRow {
        version: row.get("version"),
        version_id: row.get("version_id"),
        card: Sealed::from_stored(row.get("card")),
        format: row.get("format"),
        text_bytes: row.get("text_bytes"),
        at: row.get("at"),
    }
}
