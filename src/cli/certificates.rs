//! `veetflow certificates` and `veetflow verify-certificate`: what the purge certified, and whether a certificate is true.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use super::desk::{Desk, at_desk};
use super::say;
use crate::config::Config;
use crate::domain::certificate::Certificate;
use crate::id::ConversationId;
use crate::services::certificates::{CertificateList, read};
use crate::services::note::Verifier;

/// Lists a tenant's certificates, or writes them into a folder.
pub(super) fn certificates(
    config: &Config,
    tenant: &str,
    folder: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    at_desk(config, tenant, async |desk| {
        let list: CertificateList = Desk::ask(desk.look(&["purge-certificates"])).await?;
        let verifier = Verifier::parse(&list.key)?;
        for one in &list.certificates {
            let certificate = read(&verifier, &one.note)?;
            say(&summary(&certificate));
            if let Some(folder) = folder {
                std::fs::create_dir_all(folder).context("the folder could not be made")?;
                std::fs::write(folder.join(format!("{}.certificate", one.id)), &one.note)
                    .context("a certificate could not be written")?;
            }
        }
        say(&format!("key: {}", list.key));
        Ok(ExitCode::SUCCESS)
    })
}

/// Verifies one certificate. Needs no server, no database and no settings.
pub(super) fn verify(
    file: &Path,
    key: &str,
    conversation: Option<ConversationId>,
) -> anyhow::Result<ExitCode> {
    let note = std::fs::read_to_string(file)
        .with_context(|| format!("{} could not be read", file.display()))?;
    let verifier = Verifier::parse(key).context("this is no key of certificates")?;
    let certificate = read(&verifier, &note).context("the certificate is not true")?;
    say(&summary(&certificate));
    for method in &certificate.method {
        say(&format!("  {method}"));
    }
    say(&format!("  erasure ledger: line {} {}", certificate.ledger.seq, certificate.ledger.hash));
    say(&format!(
        "  backups with these rows cannot be opened after {:.0}",
        certificate.backups_until
    ));
    if let Some(conversation) = conversation {
        anyhow::ensure!(
            certificate.covers(conversation),
            "{conversation} is not among those erased"
        );
        say(&format!("  {conversation} is among those erased"));
    }
    say("the signature is true");
    Ok(ExitCode::SUCCESS)
}

fn summary(certificate: &Certificate) -> String {
    let erased = certificate.erased;
    format!(
        "{}  {:.0}  {} (kept {}): {} conversations, {} turns, {} visitors, {} acts of consent",
        certificate.id,
        certificate.at,
        certificate.class,
        certificate.kept,
        erased.conversations,
        erased.turns,
        erased.visitors,
        erased.consent_acts
    )
}
