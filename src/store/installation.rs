//! What the database remembers about the installation as a whole: which keyring belongs to it, and the texts people
//! consented to.

use jiff::Timestamp;
use uuid::Uuid;

use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::language::Language;

const KEYRING: Statement = Statement::application("select keyring_id from installation");
const REMEMBER_KEYRING: Statement = Statement::application(
    "insert into installation (keyring_id, created_at) values ($1, $2) on conflict (singleton) do nothing",
);
const PUBLISH: Statement = Statement::application(
    "insert into policy_text (version, language, sha256, body, published_at) values ($1, $2, $3, $4, $5) \
     on conflict (version, language) do nothing",
);
const PUBLISHED: Statement =
    Statement::application("select sha256 from policy_text where version = $1 and language = $2");

pub(super) const STATEMENTS: &[Statement] = &[KEYRING, REMEMBER_KEYRING, PUBLISH, PUBLISHED];

impl Store {
    /// The keyring that belongs to this database, if one was ever made.
    pub async fn keyring_id(&self) -> Result<Option<Uuid>, StoreError> {
        let client = self.application().await?;
        Ok(client.query_opt(KEYRING.sql, &[]).await?.map(|row| row.get(0)))
    }

    /// Remembers the keyring, once.
    pub async fn remember_keyring(
        &self,
        keyring_id: Uuid,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let client = self.application().await?;
        client.execute(REMEMBER_KEYRING.sql, &[&keyring_id, &at]).await?;
        Ok(())
    }

    /// Publishes a policy text and returns the digest under which that version was first published; a different digest
    /// means that somebody changed the words without changing the version.
    pub async fn publish_policy(
        &self,
        version: &str,
        language: Language,
        sha256: &[u8],
        body: &str,
        at: Timestamp,
    ) -> Result<Vec<u8>, StoreError> {
        let client = self.application().await?;
        client.execute(PUBLISH.sql, &[&version, &language.as_str(), &sha256, &body, &at]).await?;
        Ok(client.query_one(PUBLISHED.sql, &[&version, &language.as_str()]).await?.get(0))
    }
}
