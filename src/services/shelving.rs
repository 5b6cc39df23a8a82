//! Keeps the documents in memory in step with the sealed ones: at the start, after a change here, and after a change that
//! another process made.
//!
//! Each tenant's library has a revision that rises with every change. What is in memory is compared document by document,
//! so that a change costs as much as the document that changed.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::Services;
use super::documents::Binding;
use crate::domain::document::Format;
use crate::domain::text::hexadecimal;
use crate::id::{DocumentId, TenantId};
use crate::providers::knowledge::Library;
use crate::providers::knowledge::index::Document;
use crate::providers::knowledge::reading::apart::Reader;
use crate::providers::knowledge::reading::{ReadError, Reading, read};
use crate::store::StoreError;
use crate::store::documents::{DocumentRow, LibraryRow};
use crate::vault::{Scope, VaultError};

pub use crate::store::StoreError as ShelvingError;

/// Files read at the same time; each may cost as much memory as the bounds allow.
const READERS: usize = 2;

/// The documents in memory, and whose turn it is to change them.
pub struct Shelving {
    /// The documents, as providers ask them.
    pub library: Arc<Library>,
    reader: Reader,
    readers: Semaphore,
    turns: Mutex<HashMap<TenantId, Arc<tokio::sync::Mutex<()>>>>,
}

/// What a look at the sealed documents brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shelved {
    /// Documents put into memory, new or in place of another version.
    pub documents: usize,
    /// Documents that could not be opened.
    pub unreadable: usize,
}

impl fmt::Debug for Shelving {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shelving").field("library", &self.library).finish_non_exhaustive()
    }
}

impl Shelving {
    /// The shelves of a library; PDFs are read by `reader`, or by this program if that is empty.
    pub fn new(library: Library, reader: &Path) -> Self {
        Self {
            library: Arc::new(library),
            reader: Reader::new(reader),
            readers: Semaphore::new(READERS),
            turns: Mutex::default(),
        }
    }

    fn turn(&self, tenant: TenantId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.entry(tenant).or_default().clone()
    }
}

impl Services {
    /// The text of a file, within the bounds of the settings.
    pub(super) async fn read_file(
        &self,
        format: Format,
        bytes: Vec<u8>,
    ) -> Result<Reading, ReadError> {
        let limits = &self.config.knowledge;
        if bytes.len() > limits.upload_bytes {
            return Err(ReadError::TooLarge);
        }
        let most = limits.text_bytes;
        let _reader = self.shelving.readers.acquire().await.map_err(|_| ReadError::Unreadable)?;
        if format == Format::Pdf {
            let mut random = [0_u8; 16];
            getrandom::fill(&mut random).map_err(|_| ReadError::Unreadable)?;
            return self.shelving.reader.read(bytes, most, &hexadecimal(&random)).await;
        }
        let reading = self.runtime.spawn_blocking(move || read(format, &bytes, most)).await;
        reading.unwrap_or(Err(ReadError::Unreadable))
    }

    /// Brings the documents of every tenant into memory that changed since the last look.
    pub async fn catch_up(&self) -> Result<Shelved, StoreError> {
        let mut all = Shelved::default();
        for row in self.store.libraries().await? {
            if self.shelving.library.shelved(row.tenant).revision != row.revision {
                let one = self.shelve_library(row).await?;
                all.documents += one.documents;
                all.unreadable += one.unreadable;
            }
        }
        Ok(all)
    }

    /// Brings one tenant's documents into memory as they are now.
    pub(super) async fn shelve(&self, tenant: TenantId) -> Result<(), StoreError> {
        let libraries = self.store.libraries().await?;
        if let Some(row) = libraries.into_iter().find(|row| row.tenant == tenant) {
            self.shelve_library(row).await?;
        }
        Ok(())
    }

    /// Takes a document out of memory before its rows are deleted.
    pub(super) async fn unshelve(&self, tenant: TenantId, document: DocumentId) {
        let turn = self.shelving.turn(tenant);
        let _turn = turn.lock().await;
        self.shelving.library.remove(tenant, document);
    }

    async fn shelve_library(&self, row: LibraryRow) -> Result<Shelved, StoreError> {
        let tenant = row.tenant;
        let turn = self.shelving.turn(tenant);
        let _turn = turn.lock().await;
        let library = &self.shelving.library;
        let documents = self.store.documents(tenant).await?;
        let held = library.shelved(tenant).versions;
        for gone in held.keys().filter(|id| documents.iter().all(|row| row.document.id != **id)) {
            library.remove(tenant, *gone);
        }
        let mut shelved = Shelved::default();
        for row in documents {
            let (id, version) = (row.document.id, row.document.current);
            if held.get(&id) == Some(&version) {
                continue;
            }
            match self.shelve_document(tenant, row).await? {
                Ok(()) => shelved.documents += 1,
                // A removal that was cut short after the point of no return is finished here.
                Err(VaultError::Revoked) => {
                    library.remove(tenant, id);
                    self.store.delete_document(tenant, id).await?;
                }
                Err(error) => {
                    library.remove(tenant, id);
                    shelved.unreadable += 1;
                    tracing::error!(document.id = %id, error = %error, "a document cannot be opened");
                }
            }
        }
        library.settle(tenant, row.revision, row.contact);
        Ok(shelved)
    }

    async fn shelve_document(
        &self,
        tenant: TenantId,
        row: DocumentRow,
    ) -> Result<Result<(), VaultError>, StoreError> {
        let (document, version) = (row.document.id, row.version.version);
        let pieces = self.store.document_chunks(tenant, document, version).await?;
        let library = self.shelving.library.clone();
        let shelving = self.with_vault(move |vault| {
            let key = vault.key(Scope::of_document(tenant, document))?;
            let binding = Binding { tenant, document, version_id: row.version.version_id };
            let card = binding.open_card(&key, &row.version.card)?;
            let leaves = library.read(&Document {
                slug: row.slug,
                title: card.title,
                url: card.url,
                language: card.language,
                markdown: binding.open_text(&key, &pieces)?,
            });
            library.shelve(tenant, document, version, leaves);
            Ok(())
        });
        Ok(shelving.await)
    }
}
