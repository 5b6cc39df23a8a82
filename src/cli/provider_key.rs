//! `veetflow provider-key`: a tenant's own keys for providers.

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::desk::{Desk, at_desk};
use super::say;
use crate::config::Config;
use crate::services::provider_keys::ProviderInfo;

#[derive(Debug, Subcommand)]
pub(super) enum ProviderKeyCommand {
    /// Keep a key, read from standard input so that no list of processes shows it.
    #[command(after_help = "Example:\n  veetflow provider-key set shop openai < key.txt\n\n\
        It is sealed in the vault, used for this organisation alone, and never shown again.")]
    Set {
        /// The organisation's short name.
        tenant: String,
        /// openai, anthropic, google, or a name of the settings.
        provider: String,
    },
    /// List the providers, and for which of them there is a key.
    List {
        /// The organisation's short name.
        tenant: String,
    },
    /// Destroy a key.
    Remove {
        /// The organisation's short name.
        tenant: String,
        /// openai, anthropic, google, or a name of the settings.
        provider: String,
    },
}

#[derive(Debug, Deserialize)]
struct Providers {
    providers: Vec<ProviderInfo>,
}

pub(super) fn provider_key(
    config: &Config,
    command: ProviderKeyCommand,
) -> anyhow::Result<ExitCode> {
    match command {
        ProviderKeyCommand::Set { tenant, provider } => {
            let mut key = String::new();
            std::io::stdin().read_line(&mut key).context("standard input could not be read")?;
            let body = json!({"key": key.trim()});
            at_desk(config, &tenant, async |desk| {
                let path = ["providers", &provider, "key"];
                let request = desk.request(Method::PUT, &path, &[]).json(&body);
                Desk::ask::<()>(request).await?;
                say(&format!("{tenant}: a key for {provider} is kept"));
                Ok(ExitCode::SUCCESS)
            })
        }
        ProviderKeyCommand::List { tenant } => at_desk(config, &tenant, async |desk| {
            let request = desk.request(Method::GET, &["providers"], &[]);
            for one in Desk::ask::<Providers>(request).await?.providers {
                let operator = if one.is_set_up { "the operator's" } else { "-" };
                let own = one.own_key_set_at.map_or("-".to_owned(), |at| format!("set {at:.0}"));
                say(&format!("{:16} {:28} {operator:16} own key: {own}", one.name, one.model));
            }
            Ok(ExitCode::SUCCESS)
        }),
        ProviderKeyCommand::Remove { tenant, provider } => at_desk(config, &tenant, async |desk| {
            let path = ["providers", &provider, "key"];
            Desk::ask::<()>(desk.request(Method::DELETE, &path, &[])).await?;
            say(&format!("{tenant}: the key for {provider} is destroyed"));
            Ok(ExitCode::SUCCESS)
        }),
    }
}
