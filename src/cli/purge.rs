//! `veetflow purge`: one pass now, or a look at what it would erase.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;

use super::say;
use crate::app::Foundation;
use crate::clock::{Clock, SystemClock};
use crate::domain::language::Language;
use crate::id::{ConversationId, TenantId};
use crate::purge::{self, Pass, Step, Surroundings};
use crate::store::Store;

/// A pass from the command line: no conversation lives in this process.
#[derive(Debug)]
struct NoLiveConversations(indicatif::ProgressBar);

impl Surroundings for NoLiveConversations {
    fn forget(&self, _: TenantId, _: ConversationId) {
        self.0.inc(1);
    }

    fn may_go_on(&self, _: Step) -> bool {
        true
    }
}

pub(super) async fn run(
    foundation: &Foundation,
    clock_is_vouched_for: bool,
) -> anyhow::Result<ExitCode> {
    let plan = purge::plan(&foundation.services).await?;
    let bar = indicatif::ProgressBar::new(plan.due().unsigned_abs());
    let pass =
        Pass { surroundings: Arc::new(NoLiveConversations(bar.clone())), clock_is_vouched_for };
    let report = purge::run(&foundation.services, &pass).await;
    bar.finish_and_clear();
    let report = report?;
    if let Some(why) = report.declined {
        bail!("nothing was erased: {}", why.as_str());
    }
    let residue: i64 = report.tenants.iter().map(|tenant| tenant.residue).sum();
    for tenant in &report.tenants {
        say(&format!(
            "{:20} erased {} conversations, {} turns",
            tenant.slug, tenant.conversations, tenant.turns
        ));
    }
    anyhow::ensure!(residue == 0, "{residue} rows were left behind; run the purge again");
    Ok(ExitCode::SUCCESS)
}

/// Shows what a pass would erase now.
pub(super) async fn preview(store: &Store) -> anyhow::Result<ExitCode> {
    for tenant in purge::due(store, SystemClock.now()).await? {
        let oldest =
            tenant.due.oldest.map_or(String::new(), |oldest| format!(", oldest {oldest:.0}"));
        say(&format!(
            "{:20} kept {}: {} of {} conversations ({} turns) would be erased{oldest}",
            tenant.slug,
            tenant.period.in_words(Language::En),
            tenant.due.conversations,
            tenant.due.of_all,
            tenant.due.turns,
        ));
    }
    say("nothing was changed");
    Ok(ExitCode::SUCCESS)
}
