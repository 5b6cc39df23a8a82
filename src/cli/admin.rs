//! Commands of the operator: tenants, their API keys, and widgets.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Subcommand;
use jiff::SignedDuration;

use super::{answering, say};
use crate::clock::{Clock, SystemClock};
use crate::domain::language::Language;
use crate::domain::origin::Origin;
use crate::domain::tenant::{Period, TenantSlug};
use crate::id::{ApiKeyId, Ids, TenantId, WidgetId};
use crate::services::api_keys;
use crate::store::Store;
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
    /// Change what an organisation may spend on models, and whether under this server's keys.
    #[command(
        after_help = "Example:\n  veetflow tenant grant shop --operator-keys on --day-money 5 --month-money 100\n\n\
        Without a grant an organisation's visitors are answered from its documents alone. Caps are checked before a model\n\
        is asked; money needs price_input and price_output in the model's settings."
    )]
    Grant(answering::GrantArgs),
    /// Make an API key for the organisation's own programs and print it once.
    #[command(
        after_help = "Example:\n  veetflow tenant create-key shop --label \"website sync\"\n  \
        curl -H \"Authorization: Bearer vfk_…\" http://127.0.0.1:8080/v1/tenant/documents"
    )]
    CreateKey {
        /// The organisation's short name.
        slug: String,
        /// What the key is for, so that it can be told from others.
        #[arg(long)]
        label: String,
        /// Days after which it opens nothing; without it, until it is revoked.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..))]
        expires: Option<u16>,
    },
    /// List the API keys of an organisation; the secrets are not stored.
    ListKeys {
        /// The organisation's short name.
        slug: String,
    },
    /// Revoke an API key; from then on it opens nothing.
    RevokeKey {
        /// The organisation's short name.
        slug: String,
        /// The key's identifier, key_…, as `list-keys` shows it.
        key: String,
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

pub(super) async fn tenant(store: &Store, command: TenantCommand) -> anyhow::Result<ExitCode> {
    match command {
        TenantCommand::Create { slug, name, retention } => {
            let (slug, retention) = (TenantSlug::parse(&slug)?, Period::parse(&retention)?);
            let id: TenantId = Ids::new(Arc::new(SystemClock)).next();
            let name = name.trim();
            anyhow::ensure!(
                (1..=80).contains(&name.chars().count()),
                "a name has 1 to 80 characters"
            );
            if !store.create_tenant(id, &slug, name, retention, SystemClock.now()).await? {
                bail!("there is a tenant {slug} already");
            }
            say(&format!(
                "{id}  {slug}  conversations are kept {}",
                retention.in_words(Language::En)
            ));
            say(&format!("next: veetflow widget create {slug} --origin https://your.site"));
            say(&format!(
                "visitors are answered from documents; by a model, too: veetflow tenant grant {slug} --operator-keys on"
            ));
        }
        TenantCommand::List => {
            for row in store.tenant_directory().await? {
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
            let row = find(store, &slug).await?;
            store.set_retention(row.id, period).await?;
            let (before, after) =
                (row.retention.in_words(Language::En), period.in_words(Language::En));
            say(&format!("{slug}: conversations were kept {before}, now {after}"));
            say("run `veetflow purge --dry-run` to see what the next pass will erase");
        }
        TenantCommand::Grant(args) => answering::grant(store, args).await?,
        TenantCommand::CreateKey { slug, label, expires } => {
            create_key(store, &slug, &label, expires).await?;
        }
        TenantCommand::ListKeys { slug } => list_keys(store, &slug).await?,
        TenantCommand::RevokeKey { slug, key } => {
            let tenant = find(store, &slug).await?.id;
            let id: ApiKeyId = key.parse().context("a key's identifier begins with key_")?;
            anyhow::ensure!(
                store.revoke_api_key(tenant, id, SystemClock.now()).await?,
                "{slug} has no key {key} to revoke; see `veetflow tenant list-keys {slug}`"
            );
            say(&format!("{id} is revoked"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn create_key(
    store: &Store,
    slug: &str,
    label: &str,
    expires: Option<u16>,
) -> anyhow::Result<()> {
    let tenant = find(store, slug).await?.id;
    let now = SystemClock.now();
    let expires_at = expires.map(|days| now + SignedDuration::from_hours(24 * i64::from(days)));
    let ids = Ids::new(Arc::new(SystemClock));
    let (id, secret) = api_keys::create(store, &ids, tenant, label, now, expires_at).await?;
    say(secret.reveal());
    say(&format!("{id}: keep the secret now, it is shown once and stored nowhere"));
    Ok(())
}

async fn list_keys(store: &Store, slug: &str) -> anyhow::Result<()> {
    let tenant = find(store, slug).await?.id;
    for key in store.api_keys(tenant).await? {
        let state = match (key.revoked_at, key.expires_at) {
            (Some(at), _) => format!("revoked {at:.0}"),
            (None, Some(at)) if at <= SystemClock.now() => format!("expired {at:.0}"),
            (None, Some(at)) => format!("expires {at:.0}"),
            (None, None) => "valid".to_owned(),
        };
        say(&format!("{}  made {:.0}  {state}  {}", key.id, key.created_at, key.label));
    }
    Ok(())
}

pub(super) async fn widget(store: &Store, command: WidgetCommand) -> anyhow::Result<ExitCode> {
    let WidgetCommand::Create { tenant, origins } = command;
    let origins = origins
        .iter()
        .map(|text| Origin::parse(text).with_context(|| format!("{text:?}")))
        .collect::<Result<Vec<_>, _>>()?;
    let row = find(store, &tenant).await?;
    let id: WidgetId = Ids::new(Arc::new(SystemClock)).next();
    if !store.create_widget(row.id, id, &origins, SystemClock.now()).await? {
        bail!("the widget could not be added; try again");
    }
    say("paste this into the site, with the address of this server:");
    say(&format!(
        "<script async src=\"https://YOUR-SERVER/v1/widget.js\" data-widget=\"{id}\"></script>"
    ));
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn find(store: &Store, slug: &str) -> anyhow::Result<TenantRow> {
    let directory = store.tenant_directory().await?;
    directory
        .into_iter()
        .find(|row| row.slug == slug)
        .with_context(|| format!("there is no tenant {slug}; see `veetflow tenant list`"))
}
