//! Decides whether the documents answer a question, and says so either way.
//!
//! It stands apart because this is the promise of the built-in answers: every sentence is quoted
//! and cited, and where the documents are silent the reply is an honest refusal with the address
//! of a person.

use std::collections::BTreeSet;

use super::excerpt::excerpt;
use super::index::{Hit, Index, Language, Passage};
use super::segment::{Segmenter, fold, is_han};

pub use crate::domain::turn::Citation;

/// About how many characters an answer may have.
const BUDGET: usize = 500;
/// How many sources an answer names at most.
const MOST_CITATIONS: usize = 3;
/// How many passages are considered.
const CANDIDATES: usize = 6;
/// The least share of the question a passage must know.
const LEAST_COVERAGE: f32 = 0.42;
/// The least score, so that a common word alone is no reason to answer.
const LEAST_SCORE: f32 = 1.2;
/// The share of the best score a further passage must reach.
const WORTH_ADDING: f32 = 0.6;
/// The share of the question a further passage must add.
const WORTH_HEARING: f32 = 0.3;

/// Messages that ask nothing, divided by bars.
const GREETINGS: &str = "你好|您好|你好啊|嗨|哈喽|在吗|在么|早|早上好|上午好|中午好|下午好|晚上好|谢谢|谢谢你|\
    谢谢您|hi|hi there|hello|hello there|hey|good morning|good afternoon|good evening|thanks|\
    thank you|thanks a lot|thank you very much";

/// How the built-in answers speak for one organisation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manner {
    /// Where people are found, as words or an address; without it visitors are sent to the site's own contact page.
    pub contact: Option<String>,
    /// What can be asked, in Chinese and in English, for the answer to a greeting.
    pub topics: Option<(&'static str, &'static str)>,
}

impl Manner {
    fn introduction(&self, language: Language) -> String {
        let (chinese, english) = self.topics.unwrap_or_default();
        language.pick(
            format!("您好！我可以依据文档回答您的问题。{chinese}"),
            format!("Hello! I answer questions from our documents. {english}")
                .trim_end()
                .to_owned(),
        )
    }

    fn refusal(&self, language: Language) -> String {
        let contact = self.way(language);
        language.pick(
            format!("我能查阅的文档里没有这个问题的答案，我不想凭空猜测。如需工作人员帮助，{contact}。"),
            format!(
                "The documents I answer from do not cover this, and I would rather not guess. To reach a person, {contact}."
            ),
        )
    }

    /// What is said where a person is needed.
    pub(super) fn handoff(&self, language: Language) -> String {
        let contact = self.way(language);
        language.pick(
            format!("这件事需要工作人员处理，而本聊天中没有工作人员在线，{contact}。"),
            format!("This needs a person, and there is none on this chat: {contact}."),
        )
    }

    fn way(&self, language: Language) -> String {
        match &self.contact {
            Some(contact) => {
                language.pick(format!("请联系 {contact}"), format!("please contact {contact}"))
            }
            None => language
                .pick(
                    "请通过本网站公布的方式联系我们",
                    "please use the contact details on this website",
                )
                .to_owned(),
        }
    }
}

/// What the built-in knowledge has to say to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The documents answer it. A greeting is answered too, without citations.
    Answered {
        /// The answer's paragraphs, as Markdown.
        paragraphs: Vec<String>,
        /// Where they were taken from, best first.
        citations: Vec<Citation>,
    },
    /// The documents do not answer it.
    Abstained {
        /// What to tell the asker instead.
        text: String,
    },
}

/// Answers a question from the documents, or declines to.
pub fn reply(
    index: &Index,
    segmenter: &Segmenter,
    manner: &Manner,
    question: &str,
    language: Language,
) -> Reply {
    if is_greeting(question) {
        let paragraphs = vec![manner.introduction(language)];
        return Reply::Answered { paragraphs, citations: Vec::new() };
    }
    let hits = index.search(segmenter, question, language, CANDIDATES);
    let Some((best, others)) = hits.split_first().filter(|(best, _)| is_convincing(best)) else {
        return Reply::Abstained { text: manner.refusal(language) };
    };
    let terms: BTreeSet<String> = segmenter.terms(question).into_iter().collect();
    let further = complement(index, segmenter, &terms, best, others);
    let mut paragraphs = Vec::new();
    let mut citations: Vec<Citation> = Vec::new();
    let room = if further.is_some() { BUDGET / 2 } else { BUDGET };
    for hit in std::iter::once(best).chain(further) {
        let passage = hit.passage;
        paragraphs.extend(excerpt(index, segmenter, &terms, passage, room));
        let citation = Citation { title: passage.title.clone(), url: passage.url.clone() };
        if citations.len() < MOST_CITATIONS && !citations.contains(&citation) {
            citations.push(citation);
        }
    }
    Reply::Answered { paragraphs, citations }
}

fn is_convincing(hit: &Hit<'_>) -> bool {
    hit.coverage >= LEAST_COVERAGE && hit.score >= LEAST_SCORE
}

/// A second passage that knows what the best one leaves open, for a question of two halves.
fn complement<'a>(
    index: &Index,
    segmenter: &Segmenter,
    question: &BTreeSet<String>,
    best: &Hit<'a>,
    others: &'a [Hit<'a>],
) -> Option<&'a Hit<'a>> {
    let known = words(segmenter, best.passage);
    let open: BTreeSet<&String> = question.difference(&known).collect();
    let whole: f32 = question.iter().map(|term| index.weight(term)).sum();
    others.iter().find(|hit| {
        let answers = words(segmenter, hit.passage);
        let added: f32 = open
            .iter()
            .filter(|term| answers.contains(**term))
            .map(|term| index.weight(term))
            .sum();
        hit.passage.language == best.passage.language
            && hit.score >= WORTH_ADDING * best.score
            && added >= WORTH_HEARING * whole
    })
}

fn words(segmenter: &Segmenter, passage: &Passage) -> BTreeSet<String> {
    let mut words: BTreeSet<String> = segmenter.terms(&passage.text).into_iter().collect();
    words.extend(segmenter.terms(&passage.title));
    words
}

fn is_greeting(text: &str) -> bool {
    let folded = fold(text);
    let greeting = folded.trim_matches(|character: char| !character.is_alphanumeric());
    GREETINGS.split('|').any(|known| known == greeting)
}

/// The language to answer in: Chinese as soon as there is one Chinese character.
pub fn detect_language(text: &str) -> Language {
    if text.chars().any(is_han) { Language::Zh } else { Language::En }
}

/// Cuts an answer into the pieces it is streamed in: a word, or two Chinese characters, each with
/// the space and punctuation after it. Joined, they are the text again, byte for byte.
pub fn pieces(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut piece = String::new();
    for character in text.chars() {
        if starts_a_piece(&piece, character) {
            found.push(std::mem::take(&mut piece));
        }
        piece.push(character);
    }
    if !piece.is_empty() {
        found.push(piece);
    }
    found
}

/// No piece grows beyond this many characters, whatever is sent.
const LONGEST_PIECE: usize = 24;

fn starts_a_piece(piece: &str, next: char) -> bool {
    let Some(last) = piece.chars().next_back() else { return false };
    if joins_backwards(next) || last == '\u{200d}' {
        return false;
    }
    if piece.chars().count() >= LONGEST_PIECE {
        return true;
    }
    if !(next.is_alphanumeric() || next == '*' && last.is_whitespace()) {
        return false;
    }
    let is_full_of_han = piece.chars().filter(|character| is_han(*character)).count() >= 2;
    is_full_of_han
        || last.is_whitespace()
        || (last.is_alphanumeric() && is_han(last) != is_han(next))
}

/// Accents, variation selectors, skin tones and joiners belong to the character before them.
fn joins_backwards(character: char) -> bool {
    matches!(character,
        '\u{300}'..='\u{36f}' | '\u{200d}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{1f3fb}'..='\u{1f3ff}')
}

#[cfg(test)]
mod tests {
    use super::super::index::samples::{documents, questions};
    use super::*;

    fn manner() -> Manner {
        Manner { contact: Some("help@shop.example".to_owned()), topics: None }
    }

    fn library() -> (Segmenter, Index) {
        let segmenter = Segmenter::new();
        let index = Index::build(&segmenter, &documents());
        (segmenter, index)
    }

    #[test]
    fn off_topic_and_hostile_questions_are_declined_with_an_address() {
        let (segmenter, index) = library();
        for (language, question, _) in questions().filter(|(_, _, slug)| *slug == "-") {
            match reply(&index, &segmenter, &manner(), question, language) {
                Reply::Abstained { text } => assert!(text.contains("help@shop.example")),
                Reply::Answered { paragraphs, .. } => panic!("{question} got {paragraphs:?}"),
            }
        }
    }

    #[test]
    fn nearly_every_covered_question_is_answered_from_a_source_in_its_language() {
        let (segmenter, index) = library();
        let (mut asked, mut answered) = (0, 0);
        for (language, question, _) in questions().filter(|(_, _, slug)| *slug != "-") {
            asked += 1;
            if let Reply::Answered { paragraphs, citations } =
                reply(&index, &segmenter, &manner(), question, language)
            {
                answered += 1;
                let length = paragraphs.concat().chars().count();
                assert!((5..=1100).contains(&length), "{question} got {length} characters");
                assert!((1..=MOST_CITATIONS).contains(&citations.len()), "{question}");
                let home = if language == Language::Zh { "/zh/" } else { "/en/" };
                assert!(citations.iter().all(|one| one.url.starts_with(home)), "{citations:?}");
            }
        }
        assert!(answered * 100 >= asked * 97, "{answered} of {asked}");
    }

    #[test]
    fn every_sentence_of_an_answer_stands_in_the_documents() {
        let (segmenter, index) = library();
        let library: String = documents().into_iter().map(|document| document.markdown).collect();
        for (language, question, _) in questions() {
            if let Reply::Answered { paragraphs, .. } =
                reply(&index, &segmenter, &manner(), question, language)
            {
                for line in paragraphs.iter().flat_map(|paragraph| paragraph.lines()) {
                    assert!(library.contains(line), "{line}");
                }
            }
        }
    }

    #[test]
    fn a_question_of_two_halves_is_answered_from_two_sources() {
        let (segmenter, index) = library();
        let question = "How do I embed the widget, and which cookies do you use?";
        let Reply::Answered { citations, .. } =
            reply(&index, &segmenter, &manner(), question, Language::En)
        else {
            panic!("declined");
        };
        let urls: Vec<_> = citations.iter().map(|one| one.url.as_str()).collect();
        assert!(urls.contains(&"/en/privacy#cookies"), "{urls:?}");
        assert!(urls.contains(&"/en/product#adding-it-to-a-website"), "{urls:?}");
    }

    #[test]
    fn the_demo_question_about_messages_is_answered_with_their_period() {
        let (segmenter, index) = library();
        for (question, language, page, period) in [
            ("How long are my messages kept?", Language::En, "/en/retention", "12 months"),
            ("我的消息会保存多久？", Language::Zh, "/zh/retention", "12 个月"),
        ] {
            let Reply::Answered { paragraphs, citations } =
                reply(&index, &segmenter, &manner(), question, language)
            else {
                panic!("declined {question}");
            };
            assert!(citations[0].url.starts_with(page), "{citations:?}");
            assert!(paragraphs.concat().contains(period), "{paragraphs:?}");
        }
    }

    #[test]
    fn without_a_contact_visitors_are_sent_to_the_site_and_to_nobody_elses_address() {
        for language in [Language::Zh, Language::En] {
            let refusal = Manner::default().refusal(language);
            assert!(!refusal.contains('@') && !refusal.contains("VeetFlow"), "{refusal}");
            assert!(!Manner::default().introduction(language).contains("VeetFlow"));
        }
    }

    #[test]
    fn a_greeting_is_met_with_one_friendly_sentence_and_no_source() {
        let (segmenter, index) = library();
        for greeting in ["你好！", "您好", "Hello", " hi ~", "Good morning.", "谢谢"] {
            let language = detect_language(greeting);
            let expected = Reply::Answered {
                paragraphs: vec![manner().introduction(language)],
                citations: Vec::new(),
            };
            assert_eq!(
                reply(&index, &segmenter, &manner(), greeting, language),
                expected,
                "{greeting}"
            );
        }
    }

    #[test]
    fn one_chinese_character_makes_a_question_chinese() {
        assert_eq!(detect_language("GDPR 吗"), Language::Zh);
        assert_eq!(detect_language("How long? 🙂"), Language::En);
        assert_eq!(detect_language(""), Language::En);
    }

    #[test]
    fn the_pieces_of_a_text_are_the_text() {
        let alphabet: Vec<char> =
            "aB9 \n\t.,*-#保留数据。！（）é\u{301}👍\u{1f3fd}\u{200d}🙂\u{fe0f}".chars().collect();
        let mut state: usize = 7;
        for length in 0..400 {
            let mut text = String::new();
            for _ in 0..length {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                text.push(alphabet[(state >> 33) % alphabet.len()]);
            }
            let cut = pieces(&text);
            assert_eq!(cut.concat(), text);
            assert!(cut.iter().all(|piece| !piece.is_empty()));
        }
    }

    #[test]
    fn pieces_are_words_or_a_few_chinese_characters() {
        assert_eq!(pieces("Kept for 12 months."), ["Kept ", "for ", "12 ", "months."]);
        assert_eq!(pieces("默认保留12个月。"), ["默认", "保留", "12", "个月。"]);
        assert!(pieces(&"a".repeat(1000)).iter().all(|piece| piece.len() <= LONGEST_PIECE));
    }
}
