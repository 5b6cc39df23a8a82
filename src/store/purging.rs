//! What the purge asks of the database. Run by the one role that may delete.

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use super::holds::unheld;
use super::statement::{Runs, Statement};
use super::{Store, StoreError, begin, holds};
use crate::domain::audit::{Action, Deed, Objects};
use crate::domain::certificate::Erased;
use crate::domain::tenant::Period;
use crate::id::{ConversationId, Id, RunId, TenantId};
use crate::privacy::retention::RetentionClass;

const COUNT_DUE: Statement = Statement::purge(concat!(
    "select count(*), min(anchor_at), coalesce(sum(head_seq), 0)::bigint from conversation c \
     where tenant_id = $1 and (hidden or (anchor_day <= $2 \
       and anchor_at + make_interval(months => $3, days => $4) <= $5)) and ",
    unheld!("c.visitor_id", "c.conversation_id", "$5"),
));
const COUNT_ALL: Statement =
    Statement::purge("select count(*) from conversation where tenant_id = $1");
const CLAIM: Statement = Statement::purge(concat!(
    "with due as ( \
       select conversation_id from conversation c \
       where tenant_id = $1 and (purge_lease is null or purge_lease < $5) \
         and (hidden or (anchor_day <= $2 and anchor_at + make_interval(months => $3, days => $4) <= $5)) \
         and ",
    unheld!("c.visitor_id", "c.conversation_id", "$5"),
    " order by anchor_day, conversation_id limit $7 for update of c skip locked) \
     update conversation c set purge_lease = $6 from due \
     where c.tenant_id = $1 and c.conversation_id = due.conversation_id returning c.conversation_id",
));
const LOCK: Statement = Statement::purge(
    "select anchor_at, hidden from conversation where tenant_id = $1 and conversation_id = $2 for update",
);
const HIDE: Statement = Statement::purge(
    "update conversation set hidden = true where tenant_id = $1 and conversation_id = $2",
);
const DELETE_TURNS: Statement =
    Statement::purge("delete from turn where tenant_id = $1 and conversation_id = any($2)");
const DELETE_CONVERSATIONS: Statement = Statement::purge(
    "delete from conversation where tenant_id = $1 and conversation_id = any($2) and hidden",
);
const RESIDUE: Statement = Statement::purge(
    "select (select count(*) from turn where tenant_id = $1 and conversation_id = any($2)) \
          + (select count(*) from conversation where tenant_id = $1 and conversation_id = any($2))",
);
const COUNT_OTHERS: Statement = Statement::purge(
    "select (select count(*) from visitor v where v.tenant_id = $1 \
         and (v.child_at is not null or v.anchor_at + make_interval(months => $2, days => $3) <= $6)) \
     + (select count(*) from consent_act where tenant_id = $1 \
         and anchor_at + make_interval(months => $4, days => $5) <= $6)",
);
const DELETE_VISITORS: Statement = Statement::purge(concat!(
    "delete from visitor where tenant_id = $1 and visitor_id in ( \
       select v.visitor_id from visitor v \
       where v.tenant_id = $1 \
         and (v.child_at is not null or v.anchor_at + make_interval(months => $2, days => $3) <= $4) \
         and not exists (select from conversation c where c.tenant_id = v.tenant_id and c.visitor_id = v.visitor_id) \
         and ",
    unheld!("v.visitor_id", "null::uuid", "$4"),
    " limit $5)",
));
const DELETE_ACTS: Statement = Statement::purge(concat!(
    "delete from consent_act where tenant_id = $1 and receipt_id in ( \
       select a.receipt_id from consent_act a \
       where a.tenant_id = $1 and (a.anchor_at + make_interval(months => $2, days => $3) <= $4 \
         or exists (select from visitor v where v.tenant_id = a.tenant_id and v.visitor_id = a.visitor_id \
                    and v.child_at is not null)) and ",
    unheld!("a.visitor_id", "a.conversation_id", "$4"),
    " limit $5)",
));
const RECORD_RUN: Statement = Statement::purge(
    "insert into purge_run (tenant_id, run_id, retention_class, started_at, ended_at, conversations, turns, residue, \
     visitors, consent_acts) values ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9)",
);
const CERTIFY: Statement = Statement::purge(
    "insert into purge_certificate (tenant_id, run_id, at, note) values ($1, $2, $3, $4)",
);
const CERTIFICATES: Statement = Statement::application(
    "select run_id, at, note from purge_certificate where tenant_id = $1 order by at desc, run_id desc limit 1000",
);
const DATABASE_CLOCK: Statement = Statement::purge("select clock_timestamp()");

pub(super) const STATEMENTS: &[Statement] = &[
    COUNT_DUE,
    COUNT_ALL,
    CLAIM,
    LOCK,
    HIDE,
    DELETE_TURNS,
    DELETE_CONVERSATIONS,
    RESIDUE,
    COUNT_OTHERS,
    DELETE_VISITORS,
    DELETE_ACTS,
    RECORD_RUN,
    CERTIFY,
    CERTIFICATES,
    DATABASE_CLOCK,
];

/// How far a tenant's conversations have come.
#[derive(Debug, Clone, Copy)]
pub struct Cutoff {
    /// The tenant.
    pub tenant: TenantId,
    /// The setting in force.
    pub period: Period,
    /// The present.
    pub now: Timestamp,
    /// No record anchored after this day is over.
    pub latest_day: Date,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Due {
    /// Conversations whose time is over.
    pub conversations: i64,
    /// Their turns.
    pub turns: i64,
    /// Visitors and acts of consent whose time is over.
    pub others: i64,
    /// All conversations of the tenant.
    pub of_all: i64,
    /// The oldest anchor among those due.
    pub oldest: Option<Timestamp>,
}

/// One batch of a pass.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    /// Which.
    pub id: RunId,
    /// Whose.
    pub tenant: TenantId,
    /// Of what.
    pub class: RetentionClass,
    /// From.
    pub started_at: Timestamp,
    /// Until.
    pub ended_at: Timestamp,
}

impl Store {
    /// Counts what is due, touching nothing. `acts` is the period of acts of consent.
    pub async fn count_due(&self, cutoff: &Cutoff, acts: Period) -> Result<Due, StoreError> {
        let (months, days) = cutoff.period.to_stored();
        let (act_months, act_days) = acts.to_stored();
        let mut client = self.purge().await?;
        let transaction = begin(&mut client, cutoff.tenant).await?;
        let tenant = cutoff.tenant.uuid();
        let due = transaction
            .row(COUNT_DUE, &[&tenant, &cutoff.latest_day, &months, &days, &cutoff.now])
            .await?;
        let others = transaction
            .row(COUNT_OTHERS, &[&tenant, &months, &days, &act_months, &act_days, &cutoff.now])
            .await?;
        let all = transaction.row(COUNT_ALL, &[&tenant]).await?;
        transaction.commit().await?;
        Ok(Due {
            conversations: due.get(0),
            oldest: due.get(1),
            turns: due.get(2),
            others: others.get(0),
            of_all: all.get(0),
        })
    }

    /// Claims up to `limit` conversations until `lease_until`; a claim that was never finished can be claimed again after
    /// that instant.
    pub async fn claim_due(
        &self,
        cutoff: &Cutoff,
        lease_until: Timestamp,
        limit: i64,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let (months, days) = cutoff.period.to_stored();
        let mut client = self.purge().await?;
        let transaction = begin(&mut client, cutoff.tenant).await?;
        let rows = transaction
            .rows(
                CLAIM,
                &[
                    &cutoff.tenant.uuid(),
                    &cutoff.latest_day,
                    &months,
                    &days,
                    &cutoff.now,
                    &lease_until,
                    &limit,
                ],
            )
            .await?;
        transaction.commit().await?;
        Ok(rows.iter().map(|row| Id::from_uuid(row.get::<_, Uuid>(0))).collect())
    }

    /// Hides a claimed conversation if `is_due` still says so and nobody holds it. The row is locked first and the hold is
    /// looked at in a second statement: one statement for both has been seen to destroy held rows. Returns whether it is
    /// hidden now.
    pub async fn hide_if_due(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        now: Timestamp,
        is_due: impl FnOnce(Timestamp) -> bool,
    ) -> Result<bool, StoreError> {
        let mut client = self.purge().await?;
        let transaction = begin(&mut client, tenant).await?;
        let (tenant, conversation) = (tenant.uuid(), conversation.uuid());
        let Some(locked) = transaction.row_if_any(LOCK, &[&tenant, &conversation]).await? else {
            return Ok(false);
        };
        let is_held = holds::is_held(&transaction, tenant, conversation, now).await?;
        let was_hidden: bool = locked.get("hidden");
        if is_held || !(was_hidden || is_due(locked.get("anchor_at"))) {
            return Ok(false);
        }
        transaction.run(HIDE, &[&tenant, &conversation]).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Deletes the rows of hidden conversations; tells how many turns went and how many rows are left. Record, certificate and
    /// deletion are one transaction; where rows are left, nothing happens.
    pub async fn delete_conversations(
        &self,
        batch: &Batch,
        conversations: &[ConversationId],
        certify: impl FnOnce(Erased) -> String + Send,
    ) -> Result<(i64, i64), StoreError> {
        let which: Vec<Uuid> = conversations.iter().map(ConversationId::uuid).collect();
        let tenant = batch.tenant;
        let mut client = self.purge().await?;
        let transaction = begin(&mut client, tenant).await?;
        let turns = transaction.run(DELETE_TURNS, &[&tenant.uuid(), &which]).await?;
        let gone = transaction.run(DELETE_CONVERSATIONS, &[&tenant.uuid(), &which]).await?;
        super::audit::forget(&transaction, tenant, &which).await?;
        let residue: i64 = transaction.row(RESIDUE, &[&tenant.uuid(), &which]).await?.get(0);
        if residue > 0 {
            return Ok((0, residue));
        }
        let turns = count(turns);
        let erased = Erased { conversations: count(gone), turns, ..Erased::default() };
        // Another pass may have finished this batch meanwhile; then it has certified it.
        if !erased.is_nothing() {
            self.finish_batch(&transaction, batch, erased, certify(erased)).await?;
        }
        transaction.commit().await?;
        Ok((turns, 0))
    }

    /// Deletes visitors without conversations, and acts of consent, whose time is over: at most `limit` of each. Record,
    /// certificate and deletion are one transaction.
    pub async fn delete_orphans(
        &self,
        batch: &Batch,
        cutoff: &Cutoff,
        acts: Period,
        limit: i64,
        certify: impl FnOnce(Erased) -> String + Send,
    ) -> Result<Erased, StoreError> {
        let (months, days) = cutoff.period.to_stored();
        let (act_months, act_days) = acts.to_stored();
        let (tenant, now) = (cutoff.tenant.uuid(), cutoff.now);
        let mut client = self.purge().await?;
        let transaction = begin(&mut client, cutoff.tenant).await?;
        holds::fence(&transaction, tenant).await?;
        // Acts first: those of a child are known by the mark on the visitor.
        let acts =
            transaction.run(DELETE_ACTS, &[&tenant, &act_months, &act_days, &now, &limit]).await?;
        let visitors =
            transaction.run(DELETE_VISITORS, &[&tenant, &months, &days, &now, &limit]).await?;
        let erased =
            Erased { visitors: count(visitors), consent_acts: count(acts), ..Erased::default() };
        if !erased.is_nothing() {
            self.finish_batch(&transaction, batch, erased, certify(erased)).await?;
        }
        transaction.commit().await?;
        Ok(erased)
    }

    async fn finish_batch(
        &self,
        transaction: &Transaction<'_>,
        batch: &Batch,
        erased: Erased,
        note: String,
    ) -> Result<(), StoreError> {
        let (tenant, id) = (batch.tenant.uuid(), batch.id.uuid());
        transaction
            .run(
                RECORD_RUN,
                &[
                    &tenant,
                    &id,
                    &batch.class.as_str(),
                    &batch.started_at,
                    &batch.ended_at,
                    &erased.conversations,
                    &erased.turns,
                    &erased.visitors,
                    &erased.consent_acts,
                ],
            )
            .await?;
        transaction.run(CERTIFY, &[&tenant, &id, &batch.ended_at, &note]).await?;
        let amount = erased.conversations + erased.visitors + erased.consent_acts;
        let deed = Deed { action: Action::PurgeRan, objects: Objects::Thing(id), amount };
        self.record_by_purge(transaction, batch.tenant, &deed).await
    }

    /// A tenant's certificates, newest first: which, when, and the signed note.
    pub async fn purge_certificates(
        &self,
        tenant: TenantId,
    ) -> Result<Vec<(RunId, Timestamp, String)>, StoreError> {
        let mut client = self.application().await?;
        let transaction = begin(&mut client, tenant).await?;
        let rows = transaction.rows(CERTIFICATES, &[&tenant.uuid()]).await?;
        transaction.commit().await?;
        let one = |row: &tokio_postgres::Row| {
            (Id::from_uuid(row.get("run_id")), row.get("at"), row.get("note"))
        };
        Ok(rows.iter().map(one).collect())
    }

    /// What the database's machine thinks the time is; the clock guard compares it with ours and nothing else uses it.
    pub async fn database_clock(&self) -> Result<Timestamp, StoreError> {
        Ok(self.purge().await?.query_one(DATABASE_CLOCK.sql, &[]).await?.get(0))
    }
}

fn count(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
