//! Decides how a section that is too long to be one answer is cut: at smaller headings, else between paragraphs, else
//! between sentences, and at the worst between two characters.
//!
//! It stands apart because uploaded documents have no measure: a book without headings must not become one passage that
//! knows a word of every question.

use super::{Section, is_fence, plain_heading, sentences};

/// A section up to this many bytes stays whole; its pieces are about as long at most.
const LONGEST: usize = 2400;

/// The section, or its pieces in order.
pub(super) fn shorter(section: Section) -> Vec<Section> {
    if section.body.len() <= LONGEST {
        return vec![section];
    }
    let mut pieces = Pieces {
        done: Vec::new(),
        current: Section { heading: section.heading, body: String::new() },
    };
    let mut in_code = false;
    for line in section.body.lines() {
        let is_quoted = in_code || is_fence(line);
        in_code ^= is_fence(line);
        let smaller = line.trim_start_matches('#');
        if !is_quoted && line.starts_with("###") && smaller.starts_with(' ') {
            pieces.begin(Some(plain_heading(smaller)));
        } else if line.len() > LONGEST && !is_quoted {
            for sentence in &sentences(line) {
                pieces.add(sentence);
            }
        } else {
            pieces.add(line);
        }
    }
    pieces.begin(None);
    pieces.done
}

struct Pieces {
    done: Vec<Section>,
    current: Section,
}

impl Pieces {
    /// Ends the piece in hand; the next one is below this heading, or below the same one.
    fn begin(&mut self, heading: Option<String>) {
        let heading = heading.or_else(|| self.current.heading.clone());
        let next = Section { heading, body: String::new() };
        self.done.push(std::mem::replace(&mut self.current, next));
    }

    fn add(&mut self, line: &str) {
        let mut rest = line;
        loop {
            let is_paragraph_end = rest.is_empty() && self.current.body.len() > LONGEST / 2;
            let is_full = self.current.body.len() + rest.len() > LONGEST;
            if (is_full || is_paragraph_end) && !self.current.body.is_empty() {
                self.begin(None);
            }
            let end = rest.floor_char_boundary(LONGEST);
            let (head, tail) = rest.split_at(end);
            self.current.body.push_str(head);
            self.current.body.push('\n');
            if tail.is_empty() {
                return;
            }
            rest = tail;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sections;
    use super::LONGEST;

    #[test]
    fn a_book_without_headings_becomes_many_short_passages_that_are_the_whole_book() {
        for paragraph in ["字".repeat(5000), "One sentence. ".repeat(900), "short".to_owned()] {
            let book = format!("{paragraph}\n\n").repeat(30);
            let found = sections(&book);
            assert!(found.iter().all(|section| section.body.len() <= LONGEST + 1), "too long");
            let letters = |text: &str| text.split_whitespace().collect::<String>();
            let whole: String = found.iter().map(|section| letters(&section.body)).collect();
            assert_eq!(whole, letters(&book));
        }
    }

    #[test]
    fn a_long_section_is_cut_at_its_smaller_headings() {
        let entries: Vec<String> = (0..40)
            .map(|number| format!("### Question {number}?\n\n{}\n\n", "An answer. ".repeat(20)))
            .collect();
        let faq = entries.concat();
        let found = sections(&format!("## FAQ\n\n{faq}"));
        assert_eq!(found.len(), 40);
        assert_eq!(found[7].heading.as_deref(), Some("Question 7?"));
    }
}
