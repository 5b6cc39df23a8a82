//! Decides where a Markdown document may be cut: into sections, and a section into units that make
//! sense alone (a sentence, a list item, a block of code).
//!
//! It stands apart from the index because ranking and quoting both need the same cuts.

mod shorten;

use shorten::shorter;

/// One `##` section of a document; the text before the first heading is a section without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    /// The heading's text, if there is one.
    pub(super) heading: Option<String>,
    /// The Markdown below it.
    pub(super) body: String,
}

/// The smallest piece of a section that may be quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    /// Which paragraph or list of the section it belongs to.
    pub(super) block: usize,
    /// How it joins its neighbours in the same block.
    pub(super) kind: UnitKind,
    /// The Markdown of the unit, list marker included.
    pub(super) text: String,
}

/// What a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnitKind {
    /// A sentence of a paragraph.
    Sentence,
    /// A whole list item.
    Item,
    /// A fenced block of code.
    Code,
}

/// Splits a document at its `##` headings, and at every `#` but its title; a section too long to be one answer is split
/// further. Empty sections are left out.
pub(super) fn sections(markdown: &str) -> Vec<Section> {
    let mut found: Vec<Section> = Vec::new();
    let mut current = Section { heading: None, body: String::new() };
    let (mut in_code, mut has_title) = (false, false);
    for line in markdown.lines() {
        in_code ^= is_fence(line);
        let top = line.strip_prefix("# ").filter(|_| !in_code);
        if top.is_some() && !has_title {
            has_title = true;
            continue;
        }
        let heading = line.strip_prefix("## ").filter(|_| !in_code).or(top);
        if let Some(heading) = heading {
            has_title = true;
            let next = Section { heading: Some(plain_heading(heading)), body: String::new() };
            found.push(std::mem::replace(&mut current, next));
            continue;
        }
        current.body.push_str(line);
        current.body.push('\n');
    }
    found.push(current);
    let mut cut: Vec<Section> = found.into_iter().flat_map(shorter).collect();
    cut.retain(|section| !section.body.trim().is_empty());
    cut
}

/// Splits the body of a section into units, in order.
pub(super) fn units(body: &str) -> Vec<Unit> {
    let mut reader = Reader::default();
    for line in body.lines() {
        reader.take(line);
    }
    reader.finish();
    reader.units
}

fn is_fence(line: &str) -> bool {
    line.trim_start().starts_with("```")
}

fn plain_heading(heading: &str) -> String {
    heading.trim().trim_end_matches('#').trim_end().to_owned()
}

/// Gathers lines until a unit is complete.
#[derive(Debug, Default)]
struct Reader {
    units: Vec<Unit>,
    block: usize,
    pending: Option<(UnitKind, String)>,
}

impl Reader {
    fn take(&mut self, line: &str) {
        if let Some((UnitKind::Code, code)) = &mut self.pending {
            code.push('\n');
            code.push_str(line);
            if is_fence(line) {
                self.finish();
            }
            return;
        }
        let trimmed = line.trim();
        if is_fence(line) {
            self.finish();
            self.pending = Some((UnitKind::Code, trimmed.to_owned()));
        } else if trimmed.is_empty() {
            self.finish();
        } else if trimmed.starts_with('#') {
            // A smaller heading says what follows; it is no answer by itself.
            self.finish();
        } else if is_item(trimmed) {
            self.continue_list();
            self.pending = Some((UnitKind::Item, trimmed.to_owned()));
        } else {
            self.append(trimmed);
        }
    }

    /// A list item directly after another stays in the same block.
    fn continue_list(&mut self) {
        let in_list = matches!(self.pending, Some((UnitKind::Item, _)));
        self.finish();
        if in_list {
            self.block = self.block.saturating_sub(1);
        }
    }

    fn append(&mut self, line: &str) {
        match &mut self.pending {
            Some((_, text)) => {
                if needs_space(text, line) {
                    text.push(' ');
                }
                text.push_str(line);
            }
            None => self.pending = Some((UnitKind::Sentence, line.to_owned())),
        }
    }

    fn finish(&mut self) {
        let Some((kind, text)) = self.pending.take() else { return };
        let texts = match kind {
            UnitKind::Sentence => sentences(&text),
            UnitKind::Item | UnitKind::Code => vec![text],
        };
        let block = self.block;
        self.units.extend(texts.into_iter().map(|text| Unit { block, kind, text }));
        self.block += 1;
    }
}

fn is_item(line: &str) -> bool {
    if ["- ", "* ", "+ "].iter().any(|marker| line.starts_with(marker)) {
        return true;
    }
    let after_digits = line.trim_start_matches(|character: char| character.is_ascii_digit());
    after_digits.len() < line.len() && after_digits.starts_with(". ")
}

/// Chinese runs on without spaces; Latin script needs one between joined pieces.
pub(super) fn needs_space(before: &str, after: &str) -> bool {
    let last = before.chars().next_back();
    let first = after.chars().next();
    last.is_some_and(|character| character.is_ascii())
        && first.is_some_and(|character| character.is_ascii())
}

fn sentences(paragraph: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current = String::new();
    let mut characters = paragraph.chars().peekable();
    let mut ended = false;
    while let Some(character) = characters.next() {
        if ended && !closes(character) {
            found.push(current.trim().to_owned());
            current.clear();
            ended = false;
        }
        current.push(character);
        let before_space =
            characters.peek().is_none_or(|next| next.is_whitespace() || closes(*next));
        ended |= matches!(character, '。' | '！' | '？');
        ended |= matches!(character, '.' | '!' | '?') && before_space;
    }
    found.push(current.trim().to_owned());
    found.retain(|sentence| !sentence.is_empty());
    found
}

/// A quote or bracket that belongs to the sentence it ends.
fn closes(character: char) -> bool {
    matches!(character, '”' | '’' | '」' | '）' | ')' | '"' | '*' | '》')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str) -> Vec<String> {
        units(body).into_iter().map(|unit| unit.text).collect()
    }

    #[test]
    fn a_document_is_cut_at_its_second_level_headings() {
        let found =
            sections("# Title\n\nBefore.\n\n## One\nA\n\n## Empty\n\n## Two ##\nB\n### c\nD\n");
        let headings: Vec<_> = found.iter().map(|section| section.heading.as_deref()).collect();
        assert_eq!(headings, [None, Some("One"), Some("Two")]);
        assert!(found[2].body.contains("### c"));
    }

    #[test]
    fn only_the_first_top_heading_is_the_title() {
        let found = sections("# Title\n\n# One\nA\n\n# Two\nB\n");
        let headings: Vec<_> = found.iter().map(|section| section.heading.as_deref()).collect();
        assert_eq!(headings, [Some("One"), Some("Two")]);
    }

    #[test]
    fn a_heading_inside_code_is_no_heading() {
        let found = sections("## One\n```sh\n## not a heading\n# neither\n```\n");
        assert_eq!(found.len(), 1);
        assert_eq!(texts(&found[0].body), ["```sh\n## not a heading\n# neither\n```"]);
    }

    #[test]
    fn paragraphs_become_sentences_and_list_items_stay_whole() {
        assert_eq!(
            texts("It uses TLS 1.2 or later. (Always.) So there.\n\n- One. Two.\n  more\n- Three"),
            ["It uses TLS 1.2 or later.", "(Always.)", "So there.", "- One. Two. more", "- Three"]
        );
        assert_eq!(texts("第一句。“第二句！”第三句"), ["第一句。", "“第二句！”", "第三句"]);
    }

    #[test]
    fn the_items_of_a_list_share_a_block() {
        let blocks: Vec<_> = units("Lead:\n\n- a\n- b\n\nEnd.").iter().map(|u| u.block).collect();
        assert_eq!(blocks, [0, 1, 1, 2]);
    }

    #[test]
    fn wrapped_lines_join_as_their_script_wants() {
        assert_eq!(texts("one\ntwo"), ["one two"]);
        assert_eq!(texts("一行\n二行"), ["一行二行"]);
    }
}
