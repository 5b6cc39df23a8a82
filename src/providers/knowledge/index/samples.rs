//! Decides what the tests of this folder read and ask: the service's own six documents, and a table
//! of questions with the document that answers each (`-` where none does).
//!
//! It stands apart because several files test against the same samples.

use super::{Document, Language};

macro_rules! document {
    ($language:ident, $folder:literal, $slug:literal) => {
        Document {
            slug: $slug.into(),
            title: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/static/knowledge/",
                $folder,
                "/",
                $slug,
                ".md"
            ))
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("# ")
            .into(),
            url: concat!("/", $folder, "/", $slug).into(),
            language: Language::$language,
            markdown: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/static/knowledge/",
                $folder,
                "/",
                $slug,
                ".md"
            ))
            .into(),
        }
    };
}

/// The six documents of the service, for the tests of this folder.
pub(in super::super) fn documents() -> Vec<Document> {
    vec![
        document!(Zh, "zh", "privacy"),
        document!(Zh, "zh", "retention"),
        document!(Zh, "zh", "product"),
        document!(En, "en", "privacy"),
        document!(En, "en", "retention"),
        document!(En, "en", "product"),
    ]
}

/// The lines of the question table: language, question, expected slug (`-` for none).
pub(in super::super) fn questions() -> impl Iterator<Item = (Language, &'static str, &'static str)>
{
    include_str!("questions.tsv").lines().filter_map(|line| {
        let mut fields = line.split('\t');
        let language = match fields.next()? {
            "zh" => Language::Zh,
            _ => Language::En,
        };
        Some((language, fields.next()?, fields.next()?))
    })
}
