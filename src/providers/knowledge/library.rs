//! All tenants' documents in memory, each tenant's apart from the others', and each document a piece that comes and goes.
//!
//! It stands apart from answering because it decides what is there to answer from: documents change while questions are
//! asked, and one that was removed must leave nothing behind.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::compose::{self, Manner, Reply};
use super::index::{Document, Index, Leaves};
use super::segment::Segmenter;
use crate::domain::language::Language;
use crate::domain::prompt::Passage;
use crate::id::{DocumentId, TenantId};

/// How many passages a model is shown.
const PASSAGES: usize = 4;

/// The documents of all tenants, ready to be asked. Shared by every worker.
#[derive(Default)]
pub struct Library {
    segmenter: Segmenter,
    shelves: RwLock<HashMap<TenantId, Arc<RwLock<Shelf>>>>,
}

#[derive(Debug, Default)]
struct Shelf {
    index: Index,
    manner: Manner,
    /// The contact of documents that are no rows, for as long as the tenant names none.
    own_contact: Option<String>,
    shelved: Shelved,
}

/// What of a tenant's stored documents is in memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shelved {
    /// The library's revision that was read last; 0 before the first.
    pub revision: i64,
    /// Which version of which document.
    pub versions: BTreeMap<DocumentId, i32>,
}

impl fmt::Debug for Library {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner).len();
        formatter.debug_struct("Library").field("shelves", &shelves).finish_non_exhaustive()
    }
}

impl Library {
    /// An empty library. Loading its dictionary takes a moment.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts documents that are no rows of the database on a tenant's shelf, and sets how it speaks.
    pub fn furnish(&self, tenant: TenantId, documents: &[Document], manner: Manner) {
        let leaves: Vec<Leaves> = documents.iter().map(|document| self.read(document)).collect();
        self.change(tenant, |books| {
            for (document, leaves) in documents.iter().zip(leaves) {
                books
                    .index
                    .put(format!("{}/{}", document.language.as_str(), document.slug), leaves);
            }
            books.own_contact.clone_from(&manner.contact);
            books.manner = manner;
        });
    }

    /// Cuts and counts a document: the slow half of shelving, done without holding anything.
    pub fn read(&self, document: &Document) -> Leaves {
        Leaves::of(&self.segmenter, document)
    }

    /// What of a tenant's stored documents is in memory.
    pub fn shelved(&self, tenant: TenantId) -> Shelved {
        let books = self.shelf(tenant);
        books.map(|books| read_lock(&books).shelved.clone()).unwrap_or_default()
    }

    /// Puts a version of a document on the books, in place of any other.
    pub fn shelve(&self, tenant: TenantId, document: DocumentId, version: i32, leaves: Leaves) {
        self.change(tenant, |books| {
            books.index.put(document.to_string(), leaves);
            books.shelved.versions.insert(document, version);
        });
    }

    /// Takes a document off the books with every word of it.
    pub fn remove(&self, tenant: TenantId, document: DocumentId) {
        self.change(tenant, |books| {
            books.index.remove(&document.to_string());
            books.shelved.versions.remove(&document);
        });
    }

    /// Notes that the books agrees with this revision, and whom visitors are told to ask; without a contact, the one the
    /// books was furnished with stays.
    pub fn settle(&self, tenant: TenantId, revision: i64, contact: Option<String>) {
        self.change(tenant, |books| {
            books.shelved.revision = revision;
            books.manner.contact = contact.or_else(|| books.own_contact.clone());
        });
    }

    /// How many passages of a tenant are in memory.
    pub fn passages(&self, tenant: TenantId) -> usize {
        self.shelf(tenant).map_or(0, |books| read_lock(&books).index.len())
    }

    pub(super) fn reply(&self, tenant: TenantId, question: &str, language: Language) -> Reply {
        let books = self.shelf(tenant).unwrap_or_default();
        let books = read_lock(&books);
        compose::reply(&books.index, &self.segmenter, &books.manner, question, language)
    }

    pub(super) fn way_to_a_person(&self, tenant: TenantId, language: Language) -> String {
        let books = self.shelf(tenant).unwrap_or_default();
        read_lock(&books).manner.handoff(language)
    }

    pub(super) fn find(
        &self,
        tenant: TenantId,
        question: &str,
        language: Language,
    ) -> Vec<Passage> {
        let Some(books) = self.shelf(tenant) else { return Vec::new() };
        let books = read_lock(&books);
        let hits = books.index.search(&self.segmenter, question, language, PASSAGES);
        hits.into_iter()
            .map(|hit| Passage {
                title: hit.passage.title.clone(),
                url: hit.passage.url.clone(),
                text: hit.passage.text.clone(),
            })
            .collect()
    }

    fn shelf(&self, tenant: TenantId) -> Option<Arc<RwLock<Shelf>>> {
        self.shelves.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned()
    }

    fn change(&self, tenant: TenantId, how: impl FnOnce(&mut Shelf)) {
        let books = self.shelf(tenant).unwrap_or_else(|| {
            let mut shelves = self.shelves.write().unwrap_or_else(PoisonError::into_inner);
            shelves.entry(tenant).or_default().clone()
        });
        how(&mut books.write().unwrap_or_else(PoisonError::into_inner));
    }
}

fn read_lock(shelf: &RwLock<Shelf>) -> std::sync::RwLockReadGuard<'_, Shelf> {
    shelf.read().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;
    use uuid::Uuid;

    fn document(title: &str, markdown: &str) -> Document {
        Document {
            slug: "returns".to_owned(),
            title: title.to_owned(),
            url: String::new(),
            language: Language::En,
            markdown: markdown.to_owned(),
        }
    }

    fn answers(library: &Library, tenant: TenantId, question: &str) -> Option<String> {
        match library.reply(tenant, question, Language::En) {
            Reply::Answered { paragraphs, .. } => Some(paragraphs.concat()),
            Reply::Abstained { .. } => None,
        }
    }

    #[test]
    fn a_document_comes_is_replaced_and_goes_without_leaving_a_word() {
        let (library, shop, other) =
            (Library::new(), Id::from_uuid(Uuid::from_u128(1)), Id::from_uuid(Uuid::from_u128(2)));
        let id = Id::from_uuid(Uuid::from_u128(3));
        let old = library.read(&document("Returns", "## Parcels\n\nParcels return in 14 days."));
        library.shelve(shop, id, 1, old);
        let question = "When may parcels return?";
        assert!(answers(&library, shop, question).is_some_and(|text| text.contains("14 days")));
        assert_eq!(answers(&library, other, question), None);
        let new = library.read(&document("Returns", "## Parcels\n\nParcels return in 30 days."));
        library.shelve(shop, id, 2, new);
        assert!(answers(&library, shop, question).is_some_and(|text| text.contains("30 days")));
        assert_eq!(library.passages(shop), 1);
        library.remove(shop, id);
        assert_eq!((answers(&library, shop, question), library.passages(shop)), (None, 0));
        let shelf = library.shelf(shop).expect("a shelf");
        assert!(read_lock(&shelf).index.is_blank(), "a word was left behind");
    }
}
