//! Tenants' documents, sealed. A change takes the tenant's row of `library` first, so that changes of one tenant come one
//! after another and each raises the revision by which other processes notice it.

mod rows;

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::statement::{Runs, Statement};
use super::{Store, StoreError, begin};
use crate::domain::audit::{Action, Deed};
use crate::domain::document::DocumentSlug;
use crate::id::{DocumentId, Id, TenantId};
use crate::vault::Sealed;

use rows::{found_from, version_from};

pub use rows::{Added, DocumentRow, FoundDocument, LibraryRow, NewVersion, Shelf, VersionRow};

const LIBRARIES: Statement =
    Statement::application("select tenant_id, revision, contact from libraries()");
const RAISE: Statement = Statement::application(
    "insert into library (tenant_id, revision) values ($1, 1) \
     on conflict (tenant_id) do update set revision = library.revision + 1",
);
const SET_CONTACT: Statement =
    Statement::application("update library set contact = $2 where tenant_id = $1");
const RAISE_AT_REMOVAL: Statement =
    Statement::purge("update library set revision = revision + 1 where tenant_id = $1");
const LIST: Statement = Statement::application(
    "select d.document_id, d.slug, d.current_version, d.latest_version, v.version, v.version_id, v.card, v.format, \
            v.text_bytes, v.at \
     from document d join document_version v \
       on v.tenant_id = d.tenant_id and v.document_id = d.document_id and v.version = d.current_version \
     where d.tenant_id = $1 order by d.slug",
);
const FIND: Statement = Statement::application(
    "select document_id, current_version, latest_version from document where tenant_id = $1 and slug = $2",
);
const VERSIONS: Statement = Statement::application(
    "select version, version_id, card, format, text_bytes, at from document_version \
     where tenant_id = $1 and document_id = $2 order by version desc",
);
const CHUNKS: Statement = Statement::application(
    "select content from document_chunk where tenant_id = $1 and document_id = $2 and version = $3 order by part",
);
const WEIGH: Statement = Statement::application(
    "select count(*), coalesce(sum(v.text_bytes), 0)::bigint \
     from document d join document_version v \
       on v.tenant_id = d.tenant_id and v.document_id = d.document_id and v.version = d.current_version \
     where d.tenant_id = $1",
);
const ADD_DOCUMENT: Statement = Statement::application(
    "insert into document (tenant_id, document_id, slug, current_version, latest_version, created_at, changed_at) \
     values ($1, $2, $3, 1, 1, $4, $4) on conflict (tenant_id, slug) do nothing",
);
const NEXT_VERSION: Statement = Statement::application(
    "update document set latest_version = latest_version + 1, current_version = latest_version + 1, changed_at = $3 \
     where tenant_id = $1 and document_id = $2 returning latest_version",
);
const ADD_VERSION: Statement = Statement::application(
    "insert into document_version (tenant_id, document_id, version, version_id, card, format, text_bytes, at) \
     values ($1, $2, $3, $4, $5, $6, $7, $8)",
);
const ADD_CHUNKS: Statement = Statement::application(
    "insert into document_chunk (tenant_id, document_id, version, part, content) \
     select $1, $2, $3, (c.part - 1)::smallint, c.content \
     from unnest($4::bytea[]) with ordinality as c (content, part)",
);
const CHOOSE: Statement = Statement::application(
    "update document d set current_version = $3, changed_at = $4 \
     where d.tenant_id = $1 and d.document_id = $2 and exists (select from document_version v \
       where v.tenant_id = d.tenant_id and v.document_id = d.document_id and v.version = $3)",
);
const LOCK_DOCUMENT: Statement = Statement::purge(
    "select current_version from document where tenant_id = $1 and document_id = $2 for update",
);
const DELETE_CHUNKS: Statement = Statement::purge(
    "delete from document_chunk where tenant_id = $1 and document_id = $2 and version = any($3)",
);
const DELETE_VERSIONS: Statement = Statement::purge(
    "delete from document_version where tenant_id = $1 and document_id = $2 and version = any($3)",
);
const DELETE_DOCUMENT: Statement =
    Statement::purge("delete from document where tenant_id = $1 and document_id = $2");
const ALL_VERSIONS: Statement = Statement::purge(
    "select version from document_version where tenant_id = $1 and document_id = $2 order by version desc",
);

pub(super) const STATEMENTS: &[Statement] = &[
    LIBRARIES,
    RAISE,
    SET_CONTACT,
    RAISE_AT_REMOVAL,
    LIST,
    FIND,
    VERSIONS,
    CHUNKS,
    WEIGH,
    ADD_DOCUMENT,
    NEXT_VERSION,
    ADD_VERSION,
    ADD_CHUNKS,
    CHOOSE,
    LOCK_DOCUMENT,
    DELETE_CHUNKS,
    DELETE_VERSIONS,
    DELETE_DOCUMENT,
    ALL_VERSIONS,
];

impl Store {
    /// Every tenant's library, for whoever keeps them in memory.
    pub async fn libraries(&self) -> Result<Vec<LibraryRow>, StoreError> {
        let client = self.application().await?;
        let library = |row: &Row| LibraryRow {
            tenant: Id::from_uuid(row.get::<_, Uuid>("tenant_id")),
            revision: row.get("revision"),
            contact: row.get("contact"),
        };
        Ok(client.rows(LIBRARIES, &[]).await?.iter().map(library).collect())
    }

    /// Sets whom visitors are told to ask.
    pub async fn set_contact(
        &self,
        tenant: TenantId,
        contact: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        transaction.run(RAISE, &[&tenant.uuid()]).await?;
        transaction.run(SET_CONTACT, &[&tenant.uuid(), &contact]).await?;
        let deed = Deed::on(Action::ContactChanged, tenant.uuid());
        self.record(&transaction, tenant, &deed).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// All documents of a tenant with the version in force, by short name.
    pub async fn documents(&self, tenant: TenantId) -> Result<Vec<DocumentRow>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let rows = transaction.rows(LIST, &[&tenant.uuid()]).await?;
        transaction.commit().await?;
        let document = |row: &Row| DocumentRow {
            document: found_from(row),
            slug: row.get("slug"),
            version: version_from(row),
        };
        Ok(rows.iter().map(document).collect())
    }

    /// The document of a short name.
    pub async fn find_document(
        &self,
        tenant: TenantId,
        slug: &DocumentSlug,
    ) -> Result<Option<FoundDocument>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let row = transaction.row_if_any(FIND, &[&tenant.uuid(), &slug.as_str()]).await?;
        transaction.commit().await?;
        Ok(row.as_ref().map(found_from))
    }

    /// The versions of a document, newest first.
    pub async fn document_versions(
        &self,
        tenant: TenantId,
        document: DocumentId,
    ) -> Result<Vec<VersionRow>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let rows = transaction.rows(VERSIONS, &[&tenant.uuid(), &document.uuid()]).await?;
        transaction.commit().await?;
        Ok(rows.iter().map(version_from).collect())
    }

    /// The text of a version, piece by piece.
    pub async fn document_chunks(
        &self,
        tenant: TenantId,
        document: DocumentId,
        version: i32,
    ) -> Result<Vec<Sealed<String>>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let rows = transaction.rows(CHUNKS, &[&tenant.uuid(), &document.uuid(), &version]).await?;
        transaction.commit().await?;
        Ok(rows.iter().map(|row| Sealed::from_stored(row.get(0))).collect())
    }

    /// Adds a version and puts it in force, as one step.
    pub async fn add_version(&self, new: &NewVersion, room: Shelf) -> Result<Added, StoreError> {
        let (tenant, document) = (new.tenant.uuid(), new.document.uuid());
        let mut client = self.application().await?;
        let transaction = begin(&mut client, new.tenant).await?;
        transaction.run(RAISE, &[&tenant]).await?;
        let version: Option<i32> = if new.is_first {
            let slug = new.slug.as_str();
            let made = transaction.run(ADD_DOCUMENT, &[&tenant, &document, &slug, &new.at]).await?;
            (made == 1).then_some(1)
        } else {
            let row = transaction.row_if_any(NEXT_VERSION, &[&tenant, &document, &new.at]).await?;
            row.map(|row| row.get(0))
        };
        let Some(version) = version else { return Ok(Added::Overtaken) };
        transaction
            .run(
                ADD_VERSION,
                &[
                    &tenant,
                    &document,
                    &version,
                    &new.version_id,
                    &new.card.as_bytes(),
                    &new.format,
                    &new.text_bytes,
                    &new.at,
                ],
            )
            .await?;
        let chunks: Vec<&[u8]> = new.chunks.iter().map(Sealed::as_bytes).collect();
        transaction.run(ADD_CHUNKS, &[&tenant, &document, &version, &chunks]).await?;
        let weighed = transaction.row(WEIGH, &[&tenant]).await?;
        let (documents, total): (i64, i64) = (weighed.get(0), weighed.get(1));
        if documents > room.documents || total > room.total_bytes {
            return Ok(Added::Full);
        }
        let deed = Deed::on(Action::DocumentAdded, document);
        self.record(&transaction, new.tenant, &deed).await?;
        transaction.commit().await?;
        Ok(Added::Stored(version))
    }

    /// Puts another version in force; false when the document has no such version.
    pub async fn choose_version(
        &self,
        tenant: TenantId,
        document: DocumentId,
        version: i32,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        transaction.run(RAISE, &[&tenant.uuid()]).await?;
        let changed =
            transaction.run(CHOOSE, &[&tenant.uuid(), &document.uuid(), &version, &at]).await?;
        if changed == 1 {
            let deed = Deed::on(Action::DocumentChosen, document.uuid());
            self.record(&transaction, tenant, &deed).await?;
        }
        transaction.commit().await?;
        Ok(changed == 1)
    }

    /// Deletes a document with every version and chunk. Its key must be destroyed before.
    pub async fn delete_document(
        &self,
        tenant: TenantId,
        document: DocumentId,
    ) -> Result<(), StoreError> {
        let (whose, which) = (tenant.uuid(), document.uuid());
        let mut client = self.purge().await?;
        let transaction = begin(&mut client, tenant).await?;
        transaction.run(RAISE_AT_REMOVAL, &[&whose]).await?;
        transaction.row_if_any(LOCK_DOCUMENT, &[&whose, &which]).await?;
        let rows = transaction.rows(ALL_VERSIONS, &[&whose, &which]).await?;
        let versions: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
        transaction.run(DELETE_CHUNKS, &[&whose, &which, &versions]).await?;
        transaction.run(DELETE_VERSIONS, &[&whose, &which, &versions]).await?;
        transaction.run(DELETE_DOCUMENT, &[&whose, &which]).await?;
        let deed = Deed::on(Action::DocumentRemoved, which);
        self.record_by_purge(&transaction, tenant, &deed).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Deletes versions beyond the newest `keep`, never the one in force.
    pub async fn trim_versions(
        &self,
        tenant: TenantId,
        document: DocumentId,
        keep: usize,
    ) -> Result<(), StoreError> {
        let (whose, which) = (tenant.uuid(), document.uuid());
        let mut client = self.purge().await?;
        let transaction = begin(&mut client, tenant).await?;
        let Some(locked) = transaction.row_if_any(LOCK_DOCUMENT, &[&whose, &which]).await? else {
            return Ok(());
        };
        let current: i32 = locked.get(0);
        let rows = transaction.rows(ALL_VERSIONS, &[&whose, &which]).await?;
        let old: Vec<i32> = rows.iter().map(|row| row.get(0)).skip(keep.max(1)).collect();
        let doomed: Vec<i32> = old.into_iter().filter(|version| *version != current).collect();
        if !doomed.is_empty() {
            transaction.run(DELETE_CHUNKS, &[&whose, &which, &doomed]).await?;
            transaction.run(DELETE_VERSIONS, &[&whose, &which, &doomed]).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
