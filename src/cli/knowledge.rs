//! `veetflow knowledge`: what a tenant's questions are answered from, and what they asked in vain.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::desk::{Desk, at_desk};
use super::{admin, on_ground, say};
use crate::config::Config;
use crate::domain::document::{DocumentSlug, Format};
use crate::services::documents::DocumentInfo;
use crate::services::questions::QuestionInfo;

#[derive(Debug, Subcommand)]
pub(super) enum KnowledgeCommand {
    /// Add documents; one whose short name exists gets a new version.
    #[command(after_help = "Examples:\n  \
        veetflow knowledge add shop returns.md shipping.pdf faq.docx\n  \
        veetflow knowledge add shop 退货政策.html --as returns --url https://shop.example/returns --language zh")]
    Add {
        /// The organisation's short name.
        tenant: String,
        /// Text, Markdown, HTML, PDF or DOCX files (.txt .md .html .pdf .docx).
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The document's short name; without it, the file's name. For one file only.
        #[arg(long = "as", value_name = "NAME")]
        name: Option<String>,
        /// Its title as citations show it; without it, the file's own. For one file only.
        #[arg(long)]
        title: Option<String>,
        /// Where readers find it; citations lead there. For one file only.
        #[arg(long)]
        url: Option<String>,
        /// zh or en; without it, that of the words.
        #[arg(long)]
        language: Option<String>,
    },
    /// List the documents of an organisation.
    List {
        /// The organisation's short name.
        tenant: String,
    },
    /// List the versions of a document.
    Versions {
        /// The organisation's short name.
        tenant: String,
        /// The document's short name.
        document: String,
    },
    /// Answer from an earlier version of a document, or from a later one again.
    Rollback {
        /// The organisation's short name.
        tenant: String,
        /// The document's short name.
        document: String,
        /// The version's number.
        version: i32,
    },
    /// Remove a document with all its versions, for good.
    Remove {
        /// The organisation's short name.
        tenant: String,
        /// The document's short name.
        document: String,
    },
    /// Show what visitors asked and the documents did not answer, most frequent first.
    #[command(after_help = "Example:\n  veetflow knowledge questions shop --days 7\n\n\
        These are words of visitors: they are not copied anywhere, and vanish with their conversations.")]
    Questions {
        /// The organisation's short name.
        tenant: String,
        /// How far back.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=2556))]
        days: u16,
    },
    /// Say whom visitors are told to ask where the documents are silent; without words, the site's contact page.
    Contact {
        /// The organisation's short name.
        tenant: String,
        /// An address, a number, or where to click.
        words: Option<String>,
    },
}

#[derive(Debug, Deserialize)]
struct Documents {
    documents: Vec<DocumentInfo>,
}

#[derive(Debug, Deserialize)]
struct Questions {
    questions: Vec<QuestionInfo>,
}

pub(super) fn knowledge(config: &Config, command: KnowledgeCommand) -> anyhow::Result<ExitCode> {
    match command {
        KnowledgeCommand::Add { tenant, files, name, title, url, language } => {
            let is_one = files.len() == 1;
            anyhow::ensure!(
                is_one || (name.is_none() && title.is_none() && url.is_none()),
                "--as, --title and --url are for one file"
            );
            let errands = files
                .into_iter()
                .map(|path| Errand::new(path, name.as_deref()))
                .collect::<anyhow::Result<Vec<_>>>()?;
            let card = [("title", title), ("url", url), ("language", language)];
            at_desk(config, &tenant, async |desk| add(desk, &errands, &card).await)
        }
        KnowledgeCommand::List { tenant } => at_desk(config, &tenant, async |desk| {
            let request = desk.request(Method::GET, &["documents"], &[]);
            show(&Desk::ask::<Documents>(request).await?.documents);
            Ok(ExitCode::SUCCESS)
        }),
        KnowledgeCommand::Versions { tenant, document } => at_desk(config, &tenant, async |desk| {
            let path = ["documents", &document, "versions"];
            let request = desk.request(Method::GET, &path, &[]);
            show(&Desk::ask::<Documents>(request).await?.documents);
            Ok(ExitCode::SUCCESS)
        }),
        KnowledgeCommand::Rollback { tenant, document, version } => {
            at_desk(config, &tenant, async |desk| {
                let path = ["documents", &document, "rollback"];
                let request = desk.request(Method::POST, &path, &[]);
                let chosen = Desk::ask(request.json(&json!({"version": version}))).await?;
                show(&[chosen]);
                Ok(ExitCode::SUCCESS)
            })
        }
        KnowledgeCommand::Remove { tenant, document } => at_desk(config, &tenant, async |desk| {
            let request = desk.request(Method::DELETE, &["documents", &document], &[]);
            Desk::ask::<()>(request).await?;
            say(&format!("{document} is removed with all its versions, and its key is destroyed"));
            Ok(ExitCode::SUCCESS)
        }),
        KnowledgeCommand::Questions { tenant, days } => at_desk(config, &tenant, async |desk| {
            let days = days.to_string();
            let request = desk.request(Method::GET, &["questions"], &[("days", &days)]);
            for question in Desk::ask::<Questions>(request).await?.questions {
                let QuestionInfo { text, count, last_at } = question;
                say(&format!("{count:5}  {last_at:.0}  {}", text.replace('\n', " ")));
            }
            Ok(ExitCode::SUCCESS)
        }),
        KnowledgeCommand::Contact { tenant, words } => on_ground(config, async |ground| {
            let row = admin::find(&ground.store, &tenant).await?;
            let words = words.as_deref().map(str::trim);
            let fits = words.is_none_or(|words| {
                (1..=200).contains(&words.chars().count()) && !words.chars().any(char::is_control)
            });
            anyhow::ensure!(fits, "a contact has 1 to 200 characters in one line");
            ground.store.set_contact(row.id, words).await?;
            say(&format!("visitors are sent to: {}", words.unwrap_or("the site's contact page")));
            Ok(ExitCode::SUCCESS)
        }),
    }
}

/// One file on its way.
#[derive(Debug)]
struct Errand {
    path: PathBuf,
    slug: DocumentSlug,
    format: Format,
}

impl Errand {
    fn new(path: PathBuf, name: Option<&str>) -> anyhow::Result<Self> {
        let shown = path.display().to_string();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let format = Format::of_ending(ending)
            .with_context(|| format!("{shown}: only .txt .md .html .pdf and .docx are read"))?;
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let slug = name.map_or_else(|| DocumentSlug::of_file(stem), DocumentSlug::parse);
        let slug = slug.with_context(|| format!("{shown}: give it a short name with --as"))?;
        Ok(Self { path, slug, format })
    }
}

async fn add(
    desk: &Desk,
    errands: &[Errand],
    card: &[(&str, Option<String>)],
) -> anyhow::Result<ExitCode> {
    let bar = if errands.len() > 1 {
        ProgressBar::new(u64::try_from(errands.len()).unwrap_or(u64::MAX))
    } else {
        ProgressBar::hidden()
    };
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?);
    let mut refused = 0;
    for errand in errands {
        bar.set_message(errand.slug.to_string());
        match send(desk, errand, card).await {
            Ok(info) => bar.suspend(|| show(&[info])),
            Err(error) => {
                refused += 1;
                bar.suspend(|| say(&format!("✗ {}: {error:#}", errand.path.display())));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn send(
    desk: &Desk,
    errand: &Errand,
    card: &[(&str, Option<String>)],
) -> anyhow::Result<DocumentInfo> {
    let bytes = read(&errand.path)?;
    let mut query = vec![("slug", errand.slug.as_str())];
    query.extend(card.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))));
    let request = desk.request(Method::POST, &["documents"], &query);
    Desk::ask(request.header("content-type", errand.format.media_type()).body(bytes)).await
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn show(documents: &[DocumentInfo]) {
    for document in documents {
        let mark = if document.is_current { "*" } else { " " };
        say(&format!(
            "{mark} {:24} version {:<4} {} {:9} {:9} bytes  {:.0}  {}  {}",
            document.slug,
            document.version,
            document.language.as_str(),
            document.format,
            document.text_bytes,
            document.at,
            document.title,
            document.url,
        ));
    }
}
