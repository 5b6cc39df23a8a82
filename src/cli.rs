//! The command line.

mod admin;
mod answering;
mod audit;
mod backup;
mod certificates;
mod desk;
mod doctor;
mod drill;
mod hold;
mod keys;
mod knowledge;
mod ledger;
mod provider_key;
mod purge;
mod read_pdf;
mod serve;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use crate::app::{Company, Foundation, Gate, Ground};
use crate::clock::SystemClock;
use crate::config::{Config, Layers};
use crate::domain::audit::Actor;
use crate::id::ConversationId;
use crate::providers::Providers;
use crate::services::restoring::Quarantine;

/// AI customer-service chat that is real-time, and private in a way that can be proved.
///
/// Without a command the server starts: an embedded PostgreSQL in ./data, a generated master key, a demo site at
/// <http://127.0.0.1:8080>. Every setting is explained by `veetflow check-config`.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    after_help = "Examples:\n  \
    veetflow                                        start the server\n  \
    veetflow tenant create shop --name \"My Shop\"     add an organisation\n  \
    veetflow widget create shop --origin https://shop.example\n  \
    veetflow knowledge add shop returns.md faq.pdf  answer from documents\n  \
    veetflow tenant set-retention shop 90d          keep conversations 90 days (30d to 7y)\n  \
    veetflow purge --dry-run                        show what would be erased\n  \
    VEETFLOW__PROVIDERS__OPENAI__API_KEY=… veetflow   answer with a model"
)]
pub struct Cli {
    /// A TOML file with settings; see `veetflow check-config` for all of them.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server (the default).
    Serve,
    /// Bring the database to this version's schema and stop.
    Migrate,
    /// Show every setting, its value, and where the value came from.
    CheckConfig,
    /// Erase what has reached the end of its time, now.
    Purge {
        /// Only show what would be erased; change nothing.
        #[arg(long)]
        dry_run: bool,
        /// Vouch for a clock that has moved on by more than 48 hours since the last pass.
        #[arg(long)]
        vouch_for_clock: bool,
    },
    /// What the purge certified to have erased of an organisation's customers.
    Certificates {
        /// The organisation's short name.
        tenant: String,
        /// Write each into this folder.
        #[arg(long)]
        folder: Option<PathBuf>,
    },
    /// Verify a certificate of the purge. Needs no server, no database and no settings.
    VerifyCertificate {
        /// The certificate.
        file: PathBuf,
        /// The key, as `veetflow certificates` shows it; keep it where nobody of the server can write.
        #[arg(long)]
        key: String,
        /// Whether this conversation, cnv_…, is among those erased.
        #[arg(long)]
        conversation: Option<ConversationId>,
    },
    /// Organisations (tenants).
    #[command(subcommand)]
    Tenant(admin::TenantCommand),
    /// Widgets: one for each site that shows the chat.
    #[command(subcommand)]
    Widget(admin::WidgetCommand),
    /// Legal holds: what a dispute needs is not erased.
    #[command(subcommand)]
    Hold(hold::HoldCommand),
    /// What an organisation tells models of their part: versions, differences, rollback.
    #[command(subcommand)]
    Instruction(answering::InstructionCommand),
    /// An organisation's own keys for providers.
    #[command(subcommand)]
    ProviderKey(provider_key::ProviderKeyCommand),
    /// What an organisation has spent on models.
    Spending {
        /// The organisation's short name.
        tenant: String,
        /// A month such as 2026-11; without it, the present one (UTC).
        #[arg(long)]
        month: Option<String>,
    },
    /// Documents from which an organisation's questions are answered.
    #[command(subcommand)]
    Knowledge(knowledge::KnowledgeCommand),
    /// The audit log: who did what, and that nobody changed it.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// The master key: rotation, census, destruction.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Backups of the database.
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    /// The erasure ledger: what was erased, and erasing it again after a restore.
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Print the description of the HTTP interface (`OpenAPI`).
    PrintOpenapi,
    /// Check that everything the server needs is in order, without starting it.
    Doctor,
    /// Read a PDF from standard input; the server calls itself so.
    #[command(hide = true)]
    ReadPdf {
        /// Set before the text.
        mark: String,
        /// Bytes of text at most.
        most: usize,
    },
}

/// `EX_CONFIG` of sysexits: starting again will not help, so that a service manager need not try.
const NOT_CONFIGURED: u8 = 78;

/// Where commands write. Kept apart from logs, which go to standard error.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{line}").is_err() {
        tracing::debug!("nobody reads standard output");
    }
}

/// Runs a command.
pub fn run(cli: Cli) -> ExitCode {
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) => {
            let mut err = std::io::stderr().lock();
            let told = writeln!(err, "veetflow: {error:#}");
            let is_quarantined =
                error.downcast_ref::<Quarantine>().is_some_and(Quarantine::is_verdict);
            match (told, is_quarantined) {
                (_, true) => ExitCode::from(NOT_CONFIGURED),
                (Err(_), false) => ExitCode::from(2),
                (Ok(()), false) => ExitCode::FAILURE,
            }
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    let layers = Layers::new(cli.config.as_deref());
    match cli.command.unwrap_or(Command::Serve) {
        Command::PrintOpenapi => {
            say(&crate::http::openapi());
            Ok(ExitCode::SUCCESS)
        }
        Command::CheckConfig => check_config(&layers),
        Command::Serve => serve::serve(layers.read()?),
        Command::Knowledge(command) => knowledge::knowledge(&layers.read()?, command),
        Command::ProviderKey(command) => provider_key::provider_key(&layers.read()?, command),
        Command::ReadPdf { mark, most } => Ok(read_pdf::read_pdf(&mark, most)),
        Command::Doctor => doctor::doctor(&layers),
        Command::Migrate => on_ground(&layers.read()?, async |_| {
            say("the database is up to date");
            Ok(ExitCode::SUCCESS)
        }),
        Command::Purge { dry_run: true, .. } => {
            on_ground(&layers.read()?, async |ground| purge::preview(&ground.store).await)
        }
        Command::Purge { vouch_for_clock, .. } => {
            on_foundation(layers.read()?, async |foundation| {
                purge::run(foundation, vouch_for_clock).await
            })
        }
        Command::Certificates { tenant, folder } => {
            certificates::certificates(&layers.read()?, &tenant, folder.as_deref())
        }
        Command::VerifyCertificate { file, key, conversation } => {
            certificates::verify(&file, &key, conversation)
        }
        Command::Audit(command) => audit::audit(&layers.read()?, command),
        Command::Keys(command) => {
            on_foundation(layers.read()?, async |foundation| keys::run(foundation, &command).await)
                .map_err(busy)
        }
        Command::Backup(command) => backup::backup(layers.read()?, command),
        Command::Ledger(command) => ledger::ledger(layers.read()?, command),
        Command::Tenant(command) => {
            on_ground(&layers.read()?, async |ground| admin::tenant(&ground.store, command).await)
        }
        Command::Hold(command) => {
            on_ground(&layers.read()?, async |ground| hold::hold(&ground.store, command).await)
        }
        Command::Instruction(command) => on_ground(&layers.read()?, async |ground| {
            answering::instruction(&ground.store, command).await
        }),
        Command::Spending { tenant, month } => {
            let config = layers.read()?;
            on_ground(&config, async |ground| {
                answering::spending(&ground.store, &config, &tenant, month.as_deref()).await
            })
        }
        Command::Widget(command) => {
            on_ground(&layers.read()?, async |ground| admin::widget(&ground.store, command).await)
        }
    }
}

/// The keyring belongs to one process.
fn busy(error: anyhow::Error) -> anyhow::Error {
    if desk::is_taken(&error) {
        return error.context(
            "a server is running on this data folder and the keyring is its own; stop it, run this, start it again",
        );
    }
    error
}

/// Whoever runs the command, as the audit log knows them.
pub(crate) fn operator() -> Actor {
    Actor::Operator(rustix::process::getuid().as_raw())
}

/// Runs a command on the database, beside a running server if there is one.
fn on_ground(
    config: &Config,
    work: impl AsyncFnOnce(&Ground) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    crate::telemetry::start(&config.telemetry);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut ground = Ground::prepare(config, Company::Welcome).await?;
        ground.store = ground.store.by(operator());
        let outcome = work(&ground).await;
        ground.close().await;
        outcome
    })
}

/// Runs a command on the database and keyring, without the server.
fn on_foundation(
    config: Config,
    work: impl AsyncFnOnce(&Foundation) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    on_gate(config, Gate::Closed, work)
}

/// The same, whatever the erasure ledger has to say if the gate is not closed.
fn on_gate(
    config: Config,
    gate: Gate,
    work: impl AsyncFnOnce(&Foundation) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    crate::telemetry::start(&config.telemetry);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut foundation = Foundation::lay_behind(config, Arc::new(SystemClock), gate).await?;
        foundation.services = foundation.services.by(operator());
        let outcome = work(&foundation).await;
        foundation.close().await;
        outcome
    })
}

fn check_config(layers: &Layers) -> anyhow::Result<ExitCode> {
    let settings = layers.explain()?;
    let width = settings.iter().map(|setting| setting.key.len()).max().unwrap_or_default();
    for setting in settings {
        let shown = if setting.value.is_empty() { "(empty)" } else { &setting.value };
        say(&format!("{:width$}  {shown}  ← {}", setting.key, setting.source));
    }
    let config = layers.read()?;
    for model in Providers::out_of_reach(&config.providers)? {
        say(&format!("note: {model}"));
    }
    say("all settings are valid");
    Ok(ExitCode::SUCCESS)
}
