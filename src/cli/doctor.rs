//! `veetflow doctor`: is everything in order that the server needs? Each line says what to do if not.

use std::process::ExitCode;
use std::sync::Arc;

use super::say;
use crate::app::{Foundation, configured_providers};
use crate::clock::SystemClock;
use crate::config::Layers;
use crate::providers::Providers;
use crate::purge;

pub(super) fn doctor(layers: &Layers) -> anyhow::Result<ExitCode> {
    let config = match layers.read() {
        Ok(config) => config,
        Err(error) => {
            say(&format!("✗ settings: {error}"));
            return Ok(ExitCode::FAILURE);
        }
    };
    say("✓ settings");
    let providers = configured_providers(&config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let foundation = match Foundation::lay(config, Arc::new(SystemClock)).await {
            Ok(foundation) => foundation,
            Err(error) => {
                say(&format!("✗ database and keys: {error:#}"));
                return Ok(ExitCode::FAILURE);
            }
        };
        say("✓ database, migrations, keyring, master key, consent notice");
        say(&format!("✓ keys: {}", super::keys::advice(&foundation.services.vault.census()?)));
        let mut code = ExitCode::SUCCESS;
        match providers(
            foundation.services.shelving.library.clone(),
            foundation.services.accounts.clone(),
        ) {
            Ok(_) => {
                let unlawful = Providers::out_of_reach(&foundation.services.config.providers)?;
                for model in &unlawful {
                    say(&format!("✗ providers: {model}"));
                    code = ExitCode::FAILURE;
                }
                if unlawful.is_empty() {
                    say("✓ providers");
                }
            }
            Err(error) => {
                say(&format!("✗ providers: {error:#}"));
                code = ExitCode::FAILURE;
            }
        }
        let plan = purge::plan(&foundation.services).await?;
        match plan.declined {
            None => say(&format!("✓ clock; {} conversations are due to be erased", plan.due())),
            Some(why) => {
                say(&format!("✗ clock: {}", why.as_str()));
                code = ExitCode::FAILURE;
            }
        }
        foundation.close().await;
        Ok(code)
    })
}
