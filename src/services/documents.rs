//! What a tenant may do with its documents: add, list, choose a version, remove.
//!
//! A document has one key for all its versions. Removing it destroys the key first and deletes the rows after, so that
//! what a crash leaves between the two is unreadable already.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Services;
use crate::code::{Coded, ErrorCode};
use crate::domain::document::{Card, CardError, DocumentSlug, Format};
use crate::domain::language::Language;
use crate::id::{DocumentId, Kind, TenantId};
use crate::providers::knowledge::reading::{ReadError, Reading, language_of};
use crate::store::StoreError;
use crate::store::documents::{Added, FoundDocument, NewVersion, Shelf, VersionRow};
use crate::vault::{ConversationKey, Place, Scope, Sealed, SealedColumn, VaultError};

/// Bytes of text in one sealed piece; as JSON it at most doubles and still fits an envelope.
const PIECE: usize = 256 * 1024;

/// Why a document was not taken, shown, changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Its name, title, address or language.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The file.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The tenant has no such document or version.
    #[error("there is no such document or version")]
    NotFound,
    /// The tenant's shelf is full.
    #[error("no more documents fit")]
    Full,
    /// Somebody else changes the same document.
    #[error("the document is being changed by somebody else")]
    Overtaken,
    /// The database.
    #[error("the documents could not be reached")]
    Store(#[from] StoreError),
    /// The keys.
    #[error("the document could not be sealed or opened")]
    Vault(#[from] VaultError),
}

impl Coded for DocumentError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Card(_) => ErrorCode::BadRequest,
            Self::Read(error) => error.code(),
            Self::NotFound => ErrorCode::NotFound,
            Self::Full => ErrorCode::LibraryFull,
            Self::Overtaken => ErrorCode::Unavailable,
            Self::Store(error) => error.code(),
            Self::Vault(error) => error.code(),
        }
    }
}

/// A file that a tenant sends.
pub struct Upload {
    /// The document's short name; one that exists gets a new version.
    pub slug: DocumentSlug,
    /// Its title; without one, the file's own, else the short name.
    pub title: Option<String>,
    /// Where readers find it; empty if nowhere.
    pub url: String,
    /// Its language; without one, that of its words.
    pub language: Option<Language>,
    /// What it is made of.
    pub format: Format,
    /// The file.
    pub bytes: Vec<u8>,
}

/// One version of a document, as its tenant sees it. Its `Debug` form shows no word of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentInfo {
    /// The document's short name.
    pub slug: String,
    /// 1 for the first.
    pub version: i32,
    /// Whether questions are answered from this version.
    pub is_current: bool,
    /// Its title, as citations show it.
    pub title: String,
    /// Where readers find it; empty if nowhere.
    pub url: String,
    /// `zh` or `en`.
    #[schema(value_type = String)]
    pub language: Language,
    /// What the file was made of: `text`, `markdown`, `html`, `pdf` or `docx`.
    pub format: String,
    /// Bytes of its text.
    pub text_bytes: i32,
    /// When it was taken.
    #[schema(value_type = String)]
    pub at: Timestamp,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Upload({:?}, {} bytes)", self.format, self.bytes.len())
    }
}

impl std::fmt::Debug for DocumentInfo {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "DocumentInfo(version {}, {} bytes)", self.version, self.text_bytes)
    }
}

/// A version's own identifier; it names nothing but the row.
#[derive(Debug, Clone, Copy)]
enum VersionName {}

impl Kind for VersionName {
    const PREFIX: &'static str = "ver";
}

/// Where the pieces of a version are sealed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Binding {
    pub(super) tenant: TenantId,
    pub(super) document: DocumentId,
    pub(super) version_id: Uuid,
}

impl Binding {
    fn place(self, column: SealedColumn, part: u8) -> Place {
        let scope = Scope::of_document(self.tenant, self.document);
        let conversation = scope.conversation;
        Place { column, tenant: self.tenant, conversation, record: self.version_id, kind: part }
    }

    pub(super) fn open_card(
        self,
        key: &ConversationKey,
        card: &Sealed<Card>,
    ) -> Result<Card, VaultError> {
        key.open(self.place(SealedColumn::DocumentCard, 0), card)
    }

    pub(super) fn open_text(
        self,
        key: &ConversationKey,
        pieces: &[Sealed<String>],
    ) -> Result<String, VaultError> {
        let mut text = String::new();
        for (part, piece) in (0..=u8::MAX).zip(pieces) {
            text.push_str(&key.open(self.place(SealedColumn::DocumentText, part), piece)?);
        }
        Ok(text)
    }

    fn seal_text(
        self,
        key: &ConversationKey,
        text: &str,
    ) -> Result<Vec<Sealed<String>>, VaultError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        for part in 0..=u8::MAX {
            let (piece, others) = rest.split_at(rest.floor_char_boundary(PIECE));
            pieces.push(key.seal(self.place(SealedColumn::DocumentText, part), &piece.to_owned())?);
            rest = others;
            if rest.is_empty() {
                return Ok(pieces);
            }
        }
        Err(VaultError::TooLarge)
    }
}

fn info(slug: &str, current: i32, row: VersionRow, card: Card) -> DocumentInfo {
    DocumentInfo {
        slug: slug.to_owned(),
        version: row.version,
        is_current: row.version == current,
        title: card.title,
        url: card.url,
        language: card.language,
        format: row.format,
        text_bytes: row.text_bytes,
        at: row.at,
    }
}

impl Services {
    /// Takes a file as the new version of a document, and answers from it at once.
    pub async fn add_document(
        &self,
        tenant: TenantId,
        upload: Upload,
    ) -> Result<DocumentInfo, DocumentError> {
        let (slug, format) = (upload.slug, upload.format);
        let reading = self.read_file(format, upload.bytes).await?;
        let title = upload.title.or_else(|| reading.title.clone());
        let card = Card {
            title: title.unwrap_or_else(|| slug.as_str().to_owned()).chars().take(200).collect(),
            url: upload.url,
            language: upload.language.unwrap_or_else(|| language_of(&reading.markdown)),
        };
        // Twice: the document may be removed, or made by somebody else, between the look and the write.
        for _ in 0..2 {
            let found = self.store.find_document(tenant, &slug).await?;
            match self.add_once(tenant, &slug, format, &card, &reading, found).await {
                Ok(Some(version)) => {
                    self.shelve(tenant).await?;
                    return self.version(tenant, &slug, version).await;
                }
                Ok(None) | Err(DocumentError::Vault(VaultError::Revoked)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(DocumentError::Overtaken)
    }

    async fn add_once(
        &self,
        tenant: TenantId,
        slug: &DocumentSlug,
        format: Format,
        card: &Card,
        reading: &Reading,
        found: Option<FoundDocument>,
    ) -> Result<Option<i32>, DocumentError> {
        let document = found.map_or_else(|| self.ids.next(), |found| found.id);
        let version_id = self.ids.next::<VersionName>().uuid();
        let binding = Binding { tenant, document, version_id };
        let (words, face) = (reading.markdown.clone(), card.clone());
        let (card, chunks) = self
            .with_vault(move |vault| {
                let key = vault.mint(Scope::of_document(tenant, document))?;
                let card = key.seal(binding.place(SealedColumn::DocumentCard, 0), &face)?;
                Ok((card, binding.seal_text(&key, &words)?))
            })
            .await?;
        let new = NewVersion {
            tenant,
            document,
            slug: slug.clone(),
            is_first: found.is_none(),
            version_id,
            card,
            format: format.as_str(),
            text_bytes: i32::try_from(reading.markdown.len()).unwrap_or(i32::MAX),
            chunks,
            at: self.clock.now(),
        };
        let limits = &self.config.knowledge;
        let room = Shelf { documents: limits.documents, total_bytes: limits.total_bytes };
        let added = self.store.add_version(&new, room).await;
        if found.is_none() && !matches!(added, Ok(Added::Stored(_)) | Err(_)) {
            // The key was made for a document that never came to be.
            self.destroy_key(tenant, document).await?;
        }
        match added? {
            Added::Stored(version) => {
                self.store.trim_versions(tenant, document, limits.versions).await?;
                Ok(Some(version))
            }
            Added::Overtaken => Ok(None),
            Added::Full => Err(DocumentError::Full),
        }
    }

    /// All documents of a tenant, each with the version in force.
    pub async fn documents(&self, tenant: TenantId) -> Result<Vec<DocumentInfo>, DocumentError> {
        let rows = self.store.documents(tenant).await?;
        let opened = self.with_vault(move |vault| {
            let mut documents = Vec::with_capacity(rows.len());
            for row in rows {
                let document = row.document.id;
                let binding = Binding { tenant, document, version_id: row.version.version_id };
                // One that is being removed has lost its key already.
                let key = match vault.key(Scope::of_document(tenant, document)) {
                    Err(VaultError::Revoked) => continue,
                    found_or_refused => found_or_refused?,
                };
                let card = binding.open_card(&key, &row.version.card)?;
                documents.push(info(&row.slug, row.document.current, row.version, card));
            }
            Ok(documents)
        });
        Ok(opened.await?)
    }

    /// The versions of a document, newest first.
    pub async fn versions(
        &self,
        tenant: TenantId,
        slug: &DocumentSlug,
    ) -> Result<Vec<DocumentInfo>, DocumentError> {
        let found = self.found(tenant, slug).await?;
        let rows = self.store.document_versions(tenant, found.id).await?;
        let slug = slug.as_str().to_owned();
        let opened = self.with_vault(move |vault| {
            let key = vault.key(Scope::of_document(tenant, found.id))?;
            let mut versions = Vec::with_capacity(rows.len());
            for row in rows {
                let binding = Binding { tenant, document: found.id, version_id: row.version_id };
                let card = binding.open_card(&key, &row.card)?;
                versions.push(info(&slug, found.current, row, card));
            }
            Ok(versions)
        });
        Ok(opened.await?)
    }

    async fn version(
        &self,
        tenant: TenantId,
        slug: &DocumentSlug,
        version: i32,
    ) -> Result<DocumentInfo, DocumentError> {
        let versions = self.versions(tenant, slug).await?;
        versions.into_iter().find(|one| one.version == version).ok_or(DocumentError::NotFound)
    }

    /// Puts an earlier version in force, or a later one again.
    pub async fn choose_version(
        &self,
        tenant: TenantId,
        slug: &DocumentSlug,
        version: i32,
    ) -> Result<DocumentInfo, DocumentError> {
        let found = self.found(tenant, slug).await?;
        if !self.store.choose_version(tenant, found.id, version, self.clock.now()).await? {
            return Err(DocumentError::NotFound);
        }
        self.shelve(tenant).await?;
        self.version(tenant, slug, version).await
    }

    /// Removes a document with all its versions: its key, its words in memory, its rows.
    pub async fn remove_document(
        &self,
        tenant: TenantId,
        slug: &DocumentSlug,
    ) -> Result<(), DocumentError> {
        let found = self.found(tenant, slug).await?;
        self.destroy_key(tenant, found.id).await?;
        self.unshelve(tenant, found.id).await;
        self.store.delete_document(tenant, found.id).await?;
        Ok(self.shelve(tenant).await?)
    }

    async fn destroy_key(&self, tenant: TenantId, document: DocumentId) -> Result<(), VaultError> {
        let now = self.clock.now();
        self.with_vault(move |vault| vault.revoke(Scope::of_document(tenant, document), now)).await
    }

    async fn found(
        &self,
        tenant: TenantId,
        slug: &DocumentSlug,
    ) -> Result<FoundDocument, DocumentError> {
        self.store.find_document(tenant, slug).await?.ok_or(DocumentError::NotFound)
    }
}
