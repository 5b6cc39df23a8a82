//! What must go. One pass looks at every tenant, takes no input but the time, and can be killed at any point and run again.
//!
//! For a conversation whose time is over: claim it, lock it and look again, hide it, drop it from memory, destroy its key
//! (from there on it is unreadable wherever a copy hides); then, in one transaction, delete its rows, count what is left,
//! record and certify it. The order is what makes it safe: nothing irreversible happens before the second look, and everything
//! after it can be repeated until there is a certificate, and then there is nothing left to repeat.

pub mod clock_guard;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::code::{Coded, ErrorCode};
use crate::domain::certificate::{Certificate, Erased, LedgerLine, VERSION};
use crate::domain::tenant::Period;
use crate::id::{ConversationId, TenantId};
use crate::privacy::retention::{RetentionClass, is_over, latest_day_possibly_over};
use crate::services::Services;
use crate::store::purging::{Batch, Cutoff, Due};
use crate::store::tenants::TenantRow;
use crate::store::{Store, StoreError};
use crate::vault::{Extent, Scope, VaultError};

use clock_guard::{Decline, Facts, Verdict, classify};

/// How long a claim keeps others away.
const CLAIM: SignedDuration = SignedDuration::from_secs(60);

/// Why a pass broke off; what it did until then stays done and the next pass goes on.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// The database.
    #[error("the purge could not use the database")]
    Store(#[from] StoreError),
    /// The keyring.
    #[error("the purge could not use the keyring")]
    Vault(#[from] VaultError),
    /// Stopped between two steps, by a test or a drain.
    #[error("the purge was stopped {0:?}")]
    Stopped(Step),
}

impl Coded for PurgeError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Store(error) => error.code(),
            Self::Vault(error) => error.code(),
            Self::Stopped(_) => ErrorCode::Draining,
        }
    }
}

/// A place between two steps, where a pass can be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Before anything of a tenant.
    BeforeClaim,
    /// Claimed, nothing hidden.
    AfterClaim,
    /// Hidden from everyone.
    AfterHide,
    /// The key is destroyed: the point of no return.
    AfterRevoke,
    /// The rows are gone, and that is recorded and certified.
    AfterDelete,
}

impl Step {
    /// All places, in order.
    pub const ALL: [Step; 5] = [
        Self::BeforeClaim,
        Self::AfterClaim,
        Self::AfterHide,
        Self::AfterRevoke,
        Self::AfterDelete,
    ];
}

/// What a pass asks of its surroundings.
pub trait Surroundings: Send + Sync + std::fmt::Debug {
    /// Drops a conversation from memory and closes its sockets.
    fn forget(&self, tenant: TenantId, conversation: ConversationId);

    /// Whether the pass may go on past this place.
    fn may_go_on(&self, step: Step) -> bool;
}

/// How a pass is run.
#[derive(Debug, Clone)]
pub struct Pass {
    /// Its surroundings.
    pub surroundings: Arc<dyn Surroundings>,
    /// Whether the operator vouches for a clock that looks wrong.
    pub clock_is_vouched_for: bool,
}

/// What a pass did, or would do, for one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantReport {
    /// The tenant's short name.
    pub slug: String,
    /// The setting in force.
    pub period: Period,
    /// What was due when it looked.
    pub due: Due,
    /// Conversations erased.
    pub conversations: i64,
    /// Turns deleted.
    pub turns: i64,
    /// Rows left that should have gone; not 0 means failure.
    pub residue: i64,
}

/// What a pass did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Why nothing was done, if the clock could not be believed.
    pub declined: Option<Decline>,
    /// Tenant by tenant.
    pub tenants: Vec<TenantReport>,
}

impl Report {
    /// Conversations erased in all.
    pub fn conversations(&self) -> i64 {
        self.tenants.iter().map(|tenant| tenant.conversations).sum()
    }

    /// Conversations that were due in all.
    pub fn due(&self) -> i64 {
        self.tenants.iter().map(|tenant| tenant.due.conversations).sum()
    }
}

fn cutoff(tenant: &TenantRow, now: Timestamp) -> Cutoff {
    let period = RetentionClass::Conversation.period(tenant.retention);
    Cutoff { tenant: tenant.id, period, now, latest_day: latest_day_possibly_over(period, now) }
}

/// Says what is due, tenant by tenant. Changes nothing.
pub async fn due(store: &Store, now: Timestamp) -> Result<Vec<TenantReport>, StoreError> {
    let mut tenants = Vec::new();
    for tenant in store.tenant_directory().await? {
        let acts = RetentionClass::ConsentRecord.period(tenant.retention);
        let due = store.count_due(&cutoff(&tenant, now), acts).await?;
        tenants.push(TenantReport {
            slug: tenant.slug,
            period: tenant.retention,
            due,
            conversations: 0,
            turns: 0,
            residue: 0,
        });
    }
    Ok(tenants)
}

/// Says what a pass would do now, and whether it would believe the clock. Changes nothing.
pub async fn plan(services: &Services) -> Result<Report, PurgeError> {
    let now = services.clock.now();
    let tenants = due(&services.store, now).await?;
    let facts = facts(services, now, &tenants, false).await?;
    let declined = match classify(&facts) {
        Verdict::Proceed => None,
        Verdict::Decline(why) => Some(why),
    };
    Ok(Report { declined, tenants })
}

async fn facts(
    services: &Services,
    now: Timestamp,
    tenants: &[TenantReport],
    clock_is_vouched_for: bool,
) -> Result<Facts, PurgeError> {
    Ok(Facts {
        now,
        database_now: services.store.database_clock().await?,
        max_skew: SignedDuration::from_secs(services.config.purge.max_clock_skew_seconds),
        last_reading: services.vault.last_clock_reading()?,
        something_is_due: tenants
            .iter()
            .any(|tenant| tenant.due.conversations + tenant.due.others > 0),
        clock_is_vouched_for,
    })
}

/// Runs one pass.
pub async fn run(services: &Services, pass: &Pass) -> Result<Report, PurgeError> {
    let now = services.clock.now();
    let mut report = plan(services).await?;
    let facts = facts(services, now, &report.tenants, pass.clock_is_vouched_for).await?;
    report.declined = None;
    if let Verdict::Decline(why) = classify(&facts) {
        tracing::error!(reason = why.as_str(), "the purge declined: the clock cannot be believed");
        report.declined = Some(why);
        return Ok(report);
    }
    services.vault.record_clock_reading(now)?;
    let directory = services.store.tenant_directory().await?;
    for (tenant, line) in directory.iter().zip(&mut report.tenants) {
        purge_tenant(services, pass, tenant, line, now).await?;
    }
    Ok(report)
}

async fn purge_tenant(
    services: &Services,
    pass: &Pass,
    tenant: &TenantRow,
    line: &mut TenantReport,
    now: Timestamp,
) -> Result<(), PurgeError> {
    go_on(pass, Step::BeforeClaim)?;
    let cutoff = cutoff(tenant, now);
    let settings = &services.config.purge;
    while line.conversations < settings.cap {
        let claimed = services.store.claim_due(&cutoff, now + CLAIM, settings.batch).await?;
        if claimed.is_empty() {
            break;
        }
        go_on(pass, Step::AfterClaim)?;
        let hidden = hide(services, pass, &cutoff, &claimed).await?;
        go_on(pass, Step::AfterHide)?;
        revoke(services, tenant.id, &hidden, now).await?;
        go_on(pass, Step::AfterRevoke)?;
        let (turns, residue) = erase(services, &cutoff, &hidden).await?;
        go_on(pass, Step::AfterDelete)?;
        if residue > 0 {
            tracing::error!(tenant.id = %tenant.id, residue, "a purge could not erase everything");
            line.residue += residue;
            break;
        }
        line.conversations += i64::try_from(hidden.len()).unwrap_or(i64::MAX);
        line.turns += turns;
    }
    erase_orphans(services, &cutoff, settings.cap).await
}

/// Deletes what keys have been destroyed of, and certifies it in the same transaction.
async fn erase(
    services: &Services,
    cutoff: &Cutoff,
    hidden: &[ConversationId],
) -> Result<(i64, i64), PurgeError> {
    if hidden.is_empty() {
        return Ok((0, 0));
    }
    let class = RetentionClass::Conversation;
    let batch = batch(services, cutoff, class);
    let (notary, ledger) = (services.notary()?, services.ledger_line());
    let certify = |erased| {
        let marks = hidden.iter().map(|one| Certificate::mark(batch.id, *one)).collect();
        notary.certify(&certificate(&batch, cutoff.period, erased, marks, ledger))
    };
    Ok(services.store.delete_conversations(&batch, hidden, certify).await?)
}

/// Deletes visitors and acts of consent whose time is over, and certifies it in the same transaction.
async fn erase_orphans(services: &Services, cutoff: &Cutoff, limit: i64) -> Result<(), PurgeError> {
    let class = RetentionClass::ConsentRecord;
    let acts = class.period(cutoff.period);
    let batch = batch(services, cutoff, class);
    let (notary, ledger) = (services.notary()?, services.ledger_line());
    let certify = |erased| notary.certify(&certificate(&batch, acts, erased, Vec::new(), ledger));
    services.store.delete_orphans(&batch, cutoff, acts, limit, certify).await?;
    Ok(())
}

fn batch(services: &Services, cutoff: &Cutoff, class: RetentionClass) -> Batch {
    Batch {
        id: services.ids.next(),
        tenant: cutoff.tenant,
        class,
        started_at: cutoff.now,
        ended_at: services.clock.now(),
    }
}

fn certificate(
    batch: &Batch,
    kept: Period,
    erased: Erased,
    conversations_sha256: Vec<String>,
    ledger: LedgerLine,
) -> Certificate {
    let method: &[&str] = if erased.conversations > 0 {
        &["keys destroyed (AES-256-GCM; cryptographic erase, NIST SP 800-88)", "rows deleted"]
    } else {
        &["rows deleted"]
    };
    Certificate {
        v: VERSION,
        id: batch.id,
        tenant: batch.tenant,
        class: batch.class.as_str().to_owned(),
        kept: kept.in_short(),
        at: batch.ended_at,
        method: method.iter().map(|&word| word.to_owned()).collect(),
        erased,
        left: 0,
        conversations_sha256,
        ledger,
        backups_until: Certificate::backups_until(batch.ended_at),
    }
}

fn go_on(pass: &Pass, step: Step) -> Result<(), PurgeError> {
    if pass.surroundings.may_go_on(step) { Ok(()) } else { Err(PurgeError::Stopped(step)) }
}

async fn hide(
    services: &Services,
    pass: &Pass,
    cutoff: &Cutoff,
    claimed: &[ConversationId],
) -> Result<Vec<ConversationId>, PurgeError> {
    let mut hidden = Vec::with_capacity(claimed.len());
    for conversation in claimed {
        let is_due = |anchor| is_over(anchor, cutoff.period, cutoff.now);
        if services.store.hide_if_due(cutoff.tenant, *conversation, cutoff.now, is_due).await? {
            pass.surroundings.forget(cutoff.tenant, *conversation);
            hidden.push(*conversation);
        }
    }
    Ok(hidden)
}

async fn revoke(
    services: &Services,
    tenant: TenantId,
    conversations: &[ConversationId],
    at: Timestamp,
) -> Result<(), PurgeError> {
    let vault = services.vault.clone();
    let scope = |conversation: &ConversationId| Scope { tenant, conversation: *conversation };
    let doomed: Vec<Extent> = conversations.iter().map(scope).map(Extent::Conversation).collect();
    let revoking = services.runtime.spawn_blocking(move || vault.revoke_all(&doomed, at));
    match revoking.await {
        Ok(outcome) => Ok(outcome?),
        Err(_) => {
            Err(VaultError::Unavailable { reason: "the keyring thread ended".to_owned() }.into())
        }
    }
}
