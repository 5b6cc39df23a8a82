//! Commands of the operator: tenants, widgets, the purge.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Subcommand;

use super::say;
use crate::app::Foundation;
use crate::domain::language::Language;
use crate::domain::origin::Origin;
use crate::domain::tenant::{Period, TenantSlug};
use crate::id::{ConversationId, TenantId, WidgetId};
use crate::purge::{self, Pass, Report, Step, Surroundings};
use crate::store::tenants::TenantRow;

#[derive(Debug, Subcommand)]
pub(super) enum TenantCommand {
    /// Add an organisation.
    Create {
        /// A short name: lower-case letters, digits, hyphens.
        slug: String,
        /// The name that visitors see.
        #[arg(long)]
        name: String,
        /// How long conversations are kept after their last turn: 30d to 7y.
        #[arg(long, default_value = "12m")]
        retention: String,
    },
    /// List all organisations with their widgets.
    List,
    /// Change how long conversations are kept. Acts on old conversations too.
    SetRetention {
        /// The organisation's short name.
        slug: String,
        /// 30d to 7y, such as 90d, 12m or 2y.
        period: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum WidgetCommand {
    /// Add a widget and print the snippet for the site.
    Create {
        /// The organisation's short name.
        tenant: String,
        /// A site that may show it, such as <https://shop.example>; may be repeated.
        #[arg(long = "origin", required = true)]
        origins: Vec<String>,
    },
}

pub(super) async fn tenant(
    foundation: &Foundation,
    command: TenantCommand,
) -> anyhow::Result<ExitCode> {
    let services = &foundation.services;
    match command {
        TenantCommand::Create { slug, name, retention } => {
            let (slug, retention) = (TenantSlug::parse(&slug)?, Period::parse(&retention)?);
            let id: TenantId = services.ids.next();
            let name = name.trim();
            anyhow::ensure!(
                (1..=80).contains(&name.chars().count()),
                "a name has 1 to 80 characters"
            );
            if !services
                .store
                .create_tenant(id, &slug, name, retention, services.clock.now())
                .await?
            {
                bail!("there is a tenant {slug} already");
            }
            say(&format!(
                "{id}  {slug}  conversations are kept {}",
                retention.in_words(Language::En)
            ));
            say(&format!("next: veetflow widget create {slug} --origin https://your.site"));
        }
        TenantCommand::List => {
            for row in services.store.tenant_directory().await? {
                let retention = row.retention.in_words(Language::En);
                say(&format!("{}  {:20} {:10} {retention}", row.id, row.slug, row.state.as_str()));
                for widget in row.widgets {
                    let origins: Vec<_> = widget.origins.iter().map(Origin::as_str).collect();
                    say(&format!("    {}  {}", widget.id, origins.join(" ")));
                }
            }
        }
        TenantCommand::SetRetention { slug, period } => {
            let period = Period::parse(&period)?;
            let row = find(foundation, &slug).await?;
            services.store.set_retention(row.id, period).await?;
            let (before, after) =
                (row.retention.in_words(Language::En), period.in_words(Language::En));
            say(&format!("{slug}: conversations were kept {before}, now {after}"));
            say("run `veetflow purge --dry-run` to see what the next pass will erase");
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn widget(
    foundation: &Foundation,
    command: WidgetCommand,
) -> anyhow::Result<ExitCode> {
    let WidgetCommand::Create { tenant, origins } = command;
    let origins = origins
        .iter()
        .map(|text| Origin::parse(text).with_context(|| format!("{text:?}")))
        .collect::<Result<Vec<_>, _>>()?;
    let row = find(foundation, &tenant).await?;
    let services = &foundation.services;
    let id: WidgetId = services.ids.next();
    if !services.store.create_widget(row.id, id, &origins, services.clock.now()).await? {
        bail!("the widget could not be added; try again");
    }
    say("paste this into the site, with the address of this server:");
    say(&format!(
        "<script type=\"module\" src=\"https://YOUR-SERVER/widget/veetflow.js\" data-widget=\"{id}\" async></script>"
    ));
    Ok(ExitCode::SUCCESS)
}

async fn find(foundation: &Foundation, slug: &str) -> anyhow::Result<TenantRow> {
    let directory = foundation.services.store.tenant_directory().await?;
    directory
        .into_iter()
        .find(|row| row.slug == slug)
        .with_context(|| format!("there is no tenant {slug}; see `veetflow tenant list`"))
}

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

pub(super) async fn purge(
    foundation: &Foundation,
    dry_run: bool,
    clock_is_vouched_for: bool,
) -> anyhow::Result<ExitCode> {
    let plan = purge::plan(&foundation.services).await?;
    if dry_run {
        show(&plan);
        say("nothing was changed");
        return Ok(ExitCode::SUCCESS);
    }
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

fn show(plan: &Report) {
    for tenant in &plan.tenants {
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
    if let Some(why) = plan.declined {
        say(&format!("a real pass would decline: {}", why.as_str()));
    }
}
