//! Commands about answers: what tenants may spend and have spent, and what they tell models.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::admin::find;
use super::say;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::domain::answering::Instruction;
use crate::domain::budget::{Cap, Money};
use crate::services::answering::{difference, instruction as words_of};
use crate::services::spending::report;
use crate::store::Store;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// What an organisation may spend. What is not named stays as it is; `none` lifts a cap.
#[derive(Debug, Args)]
pub(super) struct GrantArgs {
    /// The organisation's short name.
    slug: String,
    /// Whether its visitors are answered under the keys in this server's settings.
    #[arg(long, value_name = "on|off")]
    operator_keys: Option<Switch>,
    /// Money a day (UTC), such as 12.50.
    #[arg(long, value_name = "AMOUNT")]
    day_money: Option<String>,
    /// Money a calendar month.
    #[arg(long, value_name = "AMOUNT")]
    month_money: Option<String>,
    /// Money for one conversation.
    #[arg(long, value_name = "AMOUNT")]
    conversation_money: Option<String>,
    /// Tokens a day, of prompts and answers together.
    #[arg(long, value_name = "TOKENS")]
    day_tokens: Option<String>,
    /// Tokens a calendar month.
    #[arg(long, value_name = "TOKENS")]
    month_tokens: Option<String>,
    /// Tokens for one conversation.
    #[arg(long, value_name = "TOKENS")]
    conversation_tokens: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum InstructionCommand {
    /// List the versions; the one in force has a star.
    List {
        /// The organisation's short name.
        tenant: String,
    },
    /// Print the words of a version; without one, of the version in force.
    Show {
        /// The organisation's short name.
        tenant: String,
        /// Which; 0 for the program's own words.
        version: Option<i32>,
    },
    /// Add a version from text files and put it in force.
    #[command(
        after_help = "Example:\n  veetflow instruction set shop --zh part-zh.txt --en part-en.txt\n\n\
        The instruction says what the assistant is, how it talks and what it is for. That it keeps to the documents, invents\n\
        nothing and never asks for passwords or card numbers is added by the program and cannot be taken away."
    )]
    Set {
        /// The organisation's short name.
        tenant: String,
        /// A file with the words in Chinese.
        #[arg(long, value_name = "FILE", required_unless_present = "en")]
        zh: Option<PathBuf>,
        /// A file with the words in English.
        #[arg(long, value_name = "FILE")]
        en: Option<PathBuf>,
    },
    /// Show what changed from one version to another.
    Diff {
        /// The organisation's short name.
        tenant: String,
        /// The earlier version; 0 for the program's own words.
        from: i32,
        /// The later version.
        to: i32,
    },
    /// Put an earlier version in force.
    Rollback {
        /// The organisation's short name.
        tenant: String,
        /// Which; 0 for the program's own words.
        version: i32,
    },
}

pub(super) async fn grant(store: &Store, args: GrantArgs) -> anyhow::Result<()> {
    let row = find(store, &args.slug).await?;
    let mut grant = row.answering.grant;
    if let Some(switch) = args.operator_keys {
        grant.operator_keys = switch == Switch::On;
    }
    for (cap, money, tokens) in [
        (&mut grant.caps.day, &args.day_money, &args.day_tokens),
        (&mut grant.caps.month, &args.month_money, &args.month_tokens),
        (&mut grant.caps.conversation, &args.conversation_money, &args.conversation_tokens),
    ] {
        change(cap, money.as_deref(), tokens.as_deref())?;
    }
    store.set_grant(row.id, grant).await?;
    let keys = if grant.operator_keys { "on" } else { "off" };
    say(&format!("{}: operator keys {keys}", row.slug));
    for (name, cap) in [
        ("day", grant.caps.day),
        ("month", grant.caps.month),
        ("conversation", grant.caps.conversation),
    ] {
        let money = cap.money.map_or_else(|| "no cap".to_owned(), |money| money.to_string());
        let tokens = cap.tokens.map_or_else(|| "no cap".to_owned(), |tokens| tokens.to_string());
        say(&format!("  {name:12}  money {money:>14}  tokens {tokens:>14}"));
    }
    Ok(())
}

fn change(cap: &mut Cap, money: Option<&str>, tokens: Option<&str>) -> anyhow::Result<()> {
    match money {
        None => {}
        Some("none") => cap.money = None,
        Some(text) => cap.money = Some(Money::parse(text).with_context(|| format!("{text:?}"))?),
    }
    match tokens {
        None => {}
        Some("none") => cap.tokens = None,
        Some(text) => {
            let tokens =
                text.parse().with_context(|| format!("{text:?} is no number of tokens"))?;
            cap.tokens = Some(tokens);
        }
    }
    Ok(())
}

pub(super) async fn spending(
    store: &Store,
    config: &Config,
    tenant: &str,
    month: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let row = find(store, tenant).await?;
    let month: Date = match month {
        None => SystemClock.now().to_zoned(TimeZone::UTC).date(),
        Some(month) => format!("{month}-01").parse().context("write a month such as 2026-11")?,
    };
    let caps = row.answering.caps();
    let books = report(store, row.id, caps, month, &config.providers.currency).await?;
    for line in &books.lines {
        let who = if line.provider.is_empty() { "(under way or lost)" } else { &line.provider };
        let spend = line.spend;
        say(&format!(
            "{}  {who:20} {:28} {:>7} requests {:>10} tokens {:>12} {}",
            line.day,
            line.model,
            spend.requests,
            spend.tokens(),
            spend.money,
            books.currency
        ));
    }
    let total = books.total;
    say(&format!(
        "{}: {} requests, {} tokens, {} {}",
        books.month,
        total.requests,
        total.tokens(),
        total.money,
        books.currency
    ));
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn instruction(
    store: &Store,
    command: InstructionCommand,
) -> anyhow::Result<ExitCode> {
    match command {
        InstructionCommand::List { tenant } => {
            let row = find(store, &tenant).await?;
            let mark = |is_current: bool| if is_current { "*" } else { " " };
            let is_own = row.answering.instruction.version == 0;
            say(&format!("{} 0  the program's own words", mark(is_own)));
            for version in store.instructions(row.id).await? {
                let mark = mark(version.is_current);
                say(&format!("{mark} {}  made {:.0}", version.version, version.created_at));
            }
        }
        InstructionCommand::Show { tenant, version } => {
            let row = find(store, &tenant).await?;
            let version = version.unwrap_or(row.answering.instruction.version);
            let found = words_of(store, row.id, version).await?;
            let found = found.with_context(|| format!("{tenant} has no version {version}"))?;
            for (name, words) in [("zh", found.zh), ("en", found.en)] {
                if !words.is_empty() {
                    say(&format!("--- {name} {version}\n{words}"));
                }
            }
        }
        InstructionCommand::Set { tenant, zh, en } => {
            let read = |file: Option<PathBuf>| match file {
                None => Ok(String::new()),
                Some(file) => std::fs::read_to_string(&file)
                    .with_context(|| format!("{} could not be read", file.display())),
            };
            let words = Instruction::parse(&read(zh)?, &read(en)?)?;
            let row = find(store, &tenant).await?;
            let added = store.add_instruction(row.id, &words, SystemClock.now()).await?;
            let version = added.context("the organisation is gone")?;
            say(&format!("{tenant}: version {version} is in force"));
        }
        InstructionCommand::Diff { tenant, from, to } => {
            let row = find(store, &tenant).await?;
            let changed = difference(store, row.id, from, to).await?;
            let changed = changed.with_context(|| format!("{tenant} has no such versions"))?;
            say(changed.trim_end());
        }
        InstructionCommand::Rollback { tenant, version } => {
            let row = find(store, &tenant).await?;
            anyhow::ensure!(
                store.choose_instruction(row.id, version).await?,
                "{tenant} has no version {version}; see `veetflow instruction list {tenant}`"
            );
            say(&format!("{tenant}: version {version} is in force"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
