//! `veetflow audit`: the log of who did what, read, verified, signed and shortened. Works beside a running server, but for
//! what needs the keyring.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use indicatif::ProgressBar;
use jiff::civil::Date;

use super::{desk, on_foundation, on_ground, say};
use crate::app::Ground;
use crate::config::Config;
use crate::domain::audit::{Actor, INSTALLATION};
use crate::id::{Id, TenantId};
use crate::privacy::audit_log::{Chain, Entry};
use crate::services::audit::verify;
use crate::services::checkpoint::Verifier;
use crate::store::Store;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Show the newest lines.
    List {
        /// Only the lines of this organisation.
        #[arg(long, value_name = "TENANT")]
        tenant: Option<String>,
        /// How many lines.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        last: u32,
    },
    /// Verify every line, and the log against checkpoints that were kept outside.
    #[command(
        after_long_help = "Exit code 0: whole. 1: somebody changed it, and the line is named.\n\n\
        Without a checkpoint this finds a line that was altered, taken out, put in or moved. It cannot find a log that \
        was written anew from its first line, or cut off together with its end: only a checkpoint that was kept where \
        nobody of the server can write finds that.\n\n\
        Examples:\n  \
        veetflow audit verify\n  \
        veetflow audit verify --key \"$(cat /mnt/safe/audit.key)\" --checkpoint /mnt/safe/2026-10.checkpoint"
    )]
    Verify {
        /// A checkpoint that was kept outside; may be repeated.
        #[arg(long, value_name = "FILE", requires = "key")]
        checkpoint: Vec<PathBuf>,
        /// The key that signed it, as `veetflow audit key` printed it when the installation was made.
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
    /// Print a signed checkpoint of the log as it is now; keep it where nobody of the server can write.
    ///
    /// A running server signs one every ten minutes; then this prints the newest of those.
    Checkpoint,
    /// Print the public key with which checkpoints are verified. Needs the keyring: stop the server first.
    Key,
    /// Drop the parts of the log up to a month. Needs a checkpoint that was kept outside and covers them.
    #[command(
        after_long_help = "Refused for a part that is younger than two years, for one that is not whole, and \
        without a checkpoint from outside: its signature is verified, and the whole log against it, before anything \
        goes. Needs the keyring: stop the server first.\n\n\
        Example:\n  \
        veetflow audit drop --through 2024-03 --checkpoint /mnt/safe/2026-10.checkpoint"
    )]
    Drop {
        /// The last month that goes, such as 2024-03.
        #[arg(long, value_name = "MONTH")]
        through: String,
        /// A checkpoint that was kept outside.
        #[arg(long, value_name = "FILE")]
        checkpoint: PathBuf,
    },
    /// Destroy the salt of an account of this machine: its earlier lines can no longer be tied to it.
    ForgetOperator {
        /// The number of the account, as `id -u` shows it.
        account: u32,
        /// Only in the lines of this organisation; without it, in those of the installation.
        #[arg(long, value_name = "TENANT")]
        tenant: Option<String>,
    },
}

pub(super) fn audit(config: &Config, command: AuditCommand) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::List { tenant, last } => {
            on_ground(config, async |ground| list(&ground.store, tenant.as_deref(), last).await)
        }
        AuditCommand::Verify { checkpoint, key } => {
            let signed = signed(&checkpoint, key.as_deref())?;
            on_ground(config, async |ground| verified(&ground.store, &signed).await)
        }
        AuditCommand::Checkpoint => checkpoint(config),
        AuditCommand::Key => on_foundation(config.clone(), async |foundation| {
            say(&foundation.services.checkpoint_verifier()?.to_string());
            Ok(ExitCode::SUCCESS)
        })
        .map_err(super::busy),
        AuditCommand::Drop { through, checkpoint } => {
            let month: Date =
                format!("{through}-01").parse().context("a month looks like 2024-03")?;
            let note = read(&checkpoint)?;
            on_foundation(config.clone(), async |foundation| {
                let gone = foundation.services.drop_audit(month, &note).await?;
                say(&format!("{gone} lines were dropped; what follows can still be verified"));
                Ok(ExitCode::SUCCESS)
            })
            .map_err(super::busy)
        }
        AuditCommand::ForgetOperator { account, tenant } => on_ground(config, async |ground| {
            let whose = chapter(ground, tenant.as_deref()).await?;
            let known = ground.store.forget_actor(whose, Actor::Operator(account)).await?;
            anyhow::ensure!(known, "no line there is of account {account}");
            say(&format!("the lines of account {account} can no longer be tied to it"));
            Ok(ExitCode::SUCCESS)
        }),
    }
}

async fn chapter(ground: &Ground, tenant: Option<&str>) -> anyhow::Result<TenantId> {
    match tenant {
        Some(slug) => Ok(super::admin::find(&ground.store, slug).await?.id),
        None => Ok(INSTALLATION),
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn signed(files: &[PathBuf], key: Option<&str>) -> anyhow::Result<Vec<Chain>> {
    let Some(key) = key else { return Ok(Vec::new()) };
    let verifier = Verifier::parse(key).context("--key is not what `veetflow audit key` prints")?;
    let open =
        |path: &PathBuf| verifier.open(&read(path)?).with_context(|| path.display().to_string());
    files.iter().map(open).collect()
}

async fn verified(store: &Store, signed: &[Chain]) -> anyhow::Result<ExitCode> {
    let bar = ProgressBar::new(store.audit_head().await?.seq.unsigned_abs());
    let outcome = verify(store, signed, |lines| bar.set_position(lines)).await;
    bar.finish_and_clear();
    let end = outcome?;
    say(&format!("{} lines are whole; the last has the hash {}", end.seq, hexadecimal(&end.hash)));
    say(&match signed.len() {
        0 => "no checkpoint was given: a log written anew from its first line would look the same"
            .to_owned(),
        checkpoints => format!("and the log is the one of {checkpoints} checkpoints from outside"),
    });
    Ok(ExitCode::SUCCESS)
}

fn checkpoint(config: &Config) -> anyhow::Result<ExitCode> {
    let here = on_foundation(config.clone(), async |foundation| {
        say(foundation.services.checkpoint().await?.trim_end());
        Ok(ExitCode::SUCCESS)
    });
    match here {
        Err(error) if desk::is_taken(&error) => on_ground(config, async |ground| {
            let note = ground.store.newest_checkpoint().await?;
            let note = note.context("the server has signed none yet; try again in ten minutes")?;
            say(note.trim_end());
            Ok(ExitCode::SUCCESS)
        }),
        done_or_refused => done_or_refused,
    }
}

async fn list(store: &Store, slug: Option<&str>, last: u32) -> anyhow::Result<ExitCode> {
    let directory = store.tenant_directory().await?;
    let of = |tenant| directory.iter().find(|row| row.id == tenant).map(|row| row.slug.as_str());
    let wanted = match slug {
        Some(slug) => Some(super::admin::find(store, slug).await?.id),
        None => None,
    };
    let mut after = match wanted {
        Some(_) => 0,
        None => store.audit_head().await?.seq.saturating_sub(i64::from(last)),
    };
    let mut lines = std::collections::VecDeque::new();
    loop {
        let page = store.audit_page(after, 2_000).await?;
        let Some(newest) = page.last() else { break };
        after = newest.seq;
        for entry in page {
            let tenant: TenantId = Id::from_uuid(entry.tenant);
            if wanted.is_none_or(|wanted| wanted == tenant) {
                let name =
                    if tenant == INSTALLATION { "-" } else { of(tenant).unwrap_or("(gone)") };
                lines.push_back(shown(name, &entry));
            }
        }
        while lines.len() > last as usize {
            drop(lines.pop_front());
        }
    }
    for line in &lines {
        say(line);
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(tenant: &str, entry: &Entry) -> String {
    let object = entry.object.as_deref().map_or("-".to_owned(), short);
    let kind = Actor::kind_in_words(entry.actor_kind);
    let (seq, at, action, amount) = (entry.seq, entry.at, &entry.action, entry.amount);
    let actor = short(&entry.actor);
    format!("{seq:8}  {at:.0}  {tenant:20} {kind:9} {actor}  {action:26} {object}  {amount}")
}

/// Enough to tell one from another.
fn short(bytes: &[u8]) -> String {
    hexadecimal(bytes.get(..16).unwrap_or(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
