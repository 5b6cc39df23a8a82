//! Certificates of the purge: signed, so that somebody who has the key can verify them without us.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Services;
use super::note::{NoteError, Verifier};
use crate::code::{Coded, ErrorCode};
use crate::domain::certificate::{Certificate, LedgerLine};
use crate::domain::text::hexadecimal;
use crate::id::{RunId, TenantId};
use crate::store::StoreError;
use crate::vault::{SigningKey, VaultError};

/// For what the key signs.
const PURPOSE: &str = "purge certificate";

/// Why certificates cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The database.
    #[error("the certificates could not be read")]
    Store(#[from] StoreError),
    /// The keys.
    #[error("the certificates' key could not be had")]
    Vault(#[from] VaultError),
}

impl Coded for CertificateError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Store(error) => error.code(),
            Self::Vault(error) => error.code(),
        }
    }
}

/// A certificate in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificateInfo {
    /// Which.
    #[schema(value_type = String)]
    pub id: RunId,
    /// When.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// The signed note; its second line is the certificate, as JSON.
    pub note: String,
}

/// A tenant's certificates, and what they are verified with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificateList {
    /// The public key, with its name. Keep it where nobody of the server can write.
    pub key: String,
    /// Newest first, a thousand at most.
    pub certificates: Vec<CertificateInfo>,
}

/// Who signs certificates.
#[derive(Debug)]
pub struct Notary {
    verifier: Verifier,
    key: SigningKey,
}

impl Notary {
    /// Signs a certificate.
    pub fn certify(&self, certificate: &Certificate) -> String {
        let line = serde_json::to_string(certificate).unwrap_or_default();
        self.verifier.sign_lines(&self.key, &format!("{line}\n"))
    }
}

/// Reads a certificate, if this is who signed it.
pub fn read(verifier: &Verifier, note: &str) -> Result<Certificate, NoteError> {
    let line = verifier.open_lines(note)?;
    serde_json::from_str(line).map_err(|_| NoteError::Form)
}

impl Services {
    /// Who signs certificates of this installation.
    pub fn notary(&self) -> Result<Notary, VaultError> {
        let key = self.vault.signing_key(PURPOSE)?;
        let name = format!("veetflow/purge/{}", self.vault.keyring_id());
        Ok(Notary { verifier: Verifier::named(name, key.public_key()), key })
    }

    /// Where the erasure ledger stands.
    pub fn ledger_line(&self) -> LedgerLine {
        let position = self.ledger.head().position;
        LedgerLine { seq: position.seq, hash: hexadecimal(&position.hash) }
    }

    /// A tenant's certificates.
    pub async fn certificates(
        &self,
        tenant: TenantId,
    ) -> Result<CertificateList, CertificateError> {
        let key = self.notary()?.verifier.to_string();
        let rows = self.store.purge_certificates(tenant).await?;
        let info = |(id, at, note)| CertificateInfo { id, at, note };
        Ok(CertificateList { key, certificates: rows.into_iter().map(info).collect() })
    }
}
