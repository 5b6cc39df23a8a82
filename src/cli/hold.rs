//! `veetflow hold`: what a dispute needs is kept, and two people answer for it (policy §6.2).

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::admin::find;
use super::say;
use crate::clock::{Clock, SystemClock};
use crate::domain::hold::{HoldScope, Matter, Operator};
use crate::id::{ConversationId, HoldId, Ids, VisitorId};
use crate::store::Store;
use crate::store::holds::HoldRow;

#[derive(Debug, Subcommand)]
pub(super) enum HoldCommand {
    /// Place a hold. It binds at once, and lapses after seven days unless somebody else approves it.
    Place {
        /// The organisation's short name.
        tenant: String,
        #[command(flatten)]
        scope: Scope,
        /// The reference of the matter, such as a file number; no names of persons.
        #[arg(long)]
        matter: String,
        /// Who places it.
        #[arg(long, value_name = "NAME")]
        by: String,
    },
    /// Approve a hold that somebody else placed.
    Approve {
        /// The organisation's short name.
        tenant: String,
        /// The hold, `hld_…`, as `list` shows it.
        hold: String,
        /// Who approves it.
        #[arg(long, value_name = "NAME")]
        by: String,
    },
    /// Release a hold; what it kept may be erased by the next pass.
    Release {
        /// The organisation's short name.
        tenant: String,
        /// The hold, `hld_…`.
        hold: String,
        /// Who releases it.
        #[arg(long, value_name = "NAME")]
        by: String,
        /// Why, without names of persons.
        #[arg(long)]
        reason: String,
    },
    /// List all holds of an organisation, released ones included.
    List {
        /// The organisation's short name.
        tenant: String,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Scope {
    /// Everything of the organisation.
    #[arg(long)]
    all: bool,
    /// Everything of one visitor, `vis_…`.
    #[arg(long)]
    visitor: Option<VisitorId>,
    /// One conversation, `cnv_…`.
    #[arg(long)]
    conversation: Option<ConversationId>,
}

impl Scope {
    fn chosen(&self) -> HoldScope {
        match (self.visitor, self.conversation) {
            (Some(visitor), _) => HoldScope::Visitor(visitor),
            (None, Some(conversation)) => HoldScope::Conversation(conversation),
            (None, None) => HoldScope::Tenant,
        }
    }
}

pub(super) async fn hold(store: &Store, command: HoldCommand) -> anyhow::Result<ExitCode> {
    let now = SystemClock.now();
    match command {
        HoldCommand::Place { tenant, scope, matter, by } => {
            let (matter, by) = (Matter::parse(&matter)?, Operator::parse(&by)?);
            let tenant = find(store, &tenant).await?.id;
            let id: HoldId = Ids::new(Arc::new(SystemClock)).next();
            let covered = store.place_hold(tenant, id, scope.chosen(), &matter, &by, now).await?;
            say(&format!("{id}  holds {} conversations from now on", covered.saved));
            if covered.beyond_saving > 0 {
                say(&format!("{} were being erased already", covered.beyond_saving));
            }
            say("it lapses in seven days unless somebody else approves it");
        }
        HoldCommand::Approve { tenant, hold, by } => {
            let (id, by): (HoldId, _) = (hold.parse()?, Operator::parse(&by)?);
            let tenant = find(store, &tenant).await?.id;
            anyhow::ensure!(
                store.approve_hold(tenant, id, &by, now).await?,
                "{id} does not wait for the approval of {}: somebody other than who placed it must approve, within seven days",
                by.as_str(),
            );
            say(&format!("{id} is approved"));
        }
        HoldCommand::Release { tenant, hold, by, reason } => {
            let (id, by): (HoldId, _) = (hold.parse()?, Operator::parse(&by)?);
            let reason = Matter::parse(&reason)?;
            let tenant = find(store, &tenant).await?.id;
            anyhow::ensure!(
                store.release_hold(tenant, id, &by, reason.as_str(), now).await?,
                "there is no hold {id} to release"
            );
            say(&format!("{id} is released"));
        }
        HoldCommand::List { tenant } => {
            let tenant = find(store, &tenant).await?.id;
            for row in store.holds(tenant).await? {
                say(&line(&row));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(row: &HoldRow) -> String {
    let scope = match row.scope {
        HoldScope::Tenant => "everything".to_owned(),
        HoldScope::Visitor(visitor) => visitor.to_string(),
        HoldScope::Conversation(conversation) => conversation.to_string(),
    };
    let state = match (&row.released, &row.approved) {
        (Some((who, at)), _) => format!("released by {who} {at:.0}"),
        (None, Some((who, at))) => format!("approved by {who} {at:.0}"),
        (None, None) => "waits for approval".to_owned(),
    };
    let (who, at) = &row.placed;
    format!("{}  {scope}  {}  placed by {who} {at:.0}  {state}", row.id, row.matter)
}
