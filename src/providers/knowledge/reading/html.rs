//! Reads HTML as a stream of tokens. No tree is built, so no nesting is too deep.

use encoding_rs::Encoding;
use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};

use super::manuscript::{Manuscript, heading};
use super::{ReadError, Reading};

/// Elements whose content nobody reads as text.
const SILENT: [&[u8]; 9] = [
    b"script",
    b"style",
    b"noscript",
    b"template",
    b"svg",
    b"iframe",
    b"textarea",
    b"select",
    b"nav",
];
/// Elements that stand in a line of text; every other one begins a line of its own.
const INLINE: [&[u8]; 24] = [
    b"a", b"abbr", b"b", b"bdi", b"bdo", b"cite", b"code", b"data", b"del", b"dfn", b"em", b"font",
    b"i", b"ins", b"kbd", b"mark", b"q", b"s", b"small", b"span", b"strong", b"sub", b"sup", b"u",
];

/// The encoding a page declares near its beginning.
pub(super) fn declared_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let start = String::from_utf8_lossy(bytes.get(..2048).unwrap_or(bytes)).to_ascii_lowercase();
    let (_, after) = start.split_once("charset=")?;
    let label = after.trim_start_matches(['"', '\'', ' ']);
    let end = label.find(|letter: char| !(letter.is_ascii_alphanumeric() || "-_".contains(letter)));
    Encoding::for_label(label.get(..end.unwrap_or(label.len()))?.as_bytes())
}

struct Reader {
    manuscript: Manuscript,
    title: String,
    first_heading: Option<String>,
    in_title: bool,
    in_code: bool,
    /// The silent element we are in, and how many of its kind are open.
    silence: Option<(&'static [u8], usize)>,
}

/// Reads a page.
pub(super) fn read(page: &str, most: usize) -> Result<Reading, ReadError> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut reader = Reader {
        manuscript: Manuscript::new(most),
        title: String::new(),
        first_heading: None,
        in_title: false,
        in_code: false,
        silence: None,
    };
    for token in Tokenizer::new_with_emitter(page, emitter) {
        match token {
            Ok(Token::StartTag(tag)) => reader.open(&tag.name, tag.self_closing)?,
            Ok(Token::EndTag(tag)) => reader.close(&tag.name)?,
            Ok(Token::String(words)) => reader.say(&String::from_utf8_lossy(&words))?,
            Ok(Token::Comment(_) | Token::Doctype(_) | Token::Error(_)) => {}
            Err(never) => match never {},
        }
    }
    let title = reader.first_heading.or(Some(reader.title.trim().to_owned()));
    let title = title.filter(|title| !title.is_empty());
    Ok(Reading { title, markdown: reader.manuscript.finish() })
}

fn heading_level(name: &[u8]) -> Option<u8> {
    match name {
        [b'h', digit @ b'1'..=b'6'] => Some(digit - b'0'),
        _ => None,
    }
}

impl Reader {
    fn open(&mut self, name: &[u8], is_closed: bool) -> Result<(), ReadError> {
        if let Some((silent, depth)) = &mut self.silence {
            *depth += usize::from(*silent == name && !is_closed);
            return Ok(());
        }
        if let Some(silent) = SILENT.into_iter().find(|silent| *silent == name) {
            self.silence = (!is_closed).then_some((silent, 1));
            return Ok(());
        }
        match name {
            b"title" => self.in_title = true,
            b"li" => self.manuscript.begin("- "),
            b"pre" => {
                self.manuscript.begin("```\n");
                self.in_code = true;
            }
            b"td" | b"th" => self.manuscript.say(" ")?,
            b"br" if !self.in_code => self.manuscript.begin(""),
            other => {
                if let Some(level) = heading_level(other) {
                    self.manuscript.begin(heading(level));
                } else if !INLINE.contains(&other) && !self.in_code && !self.in_list_item(other) {
                    self.manuscript.begin("");
                }
            }
        }
        Ok(())
    }

    /// A paragraph right after a list item's mark belongs to the item.
    fn in_list_item(&self, name: &[u8]) -> bool {
        matches!(name, b"p" | b"div") && self.manuscript.block().is_empty()
    }

    fn close(&mut self, name: &[u8]) -> Result<(), ReadError> {
        if let Some((silent, depth)) = &mut self.silence {
            *depth = depth.saturating_sub(usize::from(*silent == name));
            if *depth == 0 {
                self.silence = None;
            }
            return Ok(());
        }
        match name {
            b"title" => self.in_title = false,
            b"pre" if self.in_code => {
                self.in_code = false;
                self.manuscript.quote("\n```")?;
                self.manuscript.begin("");
            }
            b"td" | b"th" => {}
            other => {
                if other == b"h1" && self.first_heading.is_none() {
                    self.first_heading = Some(self.manuscript.block().to_owned());
                }
                if !INLINE.contains(&other) && !self.in_code {
                    self.manuscript.begin("");
                }
            }
        }
        Ok(())
    }

    fn say(&mut self, words: &str) -> Result<(), ReadError> {
        if self.silence.is_some() {
            return Ok(());
        }
        if self.in_title {
            self.title.push_str(words.get(..words.floor_char_boundary(300)).unwrap_or_default());
            return Ok(());
        }
        if self.in_code { self.manuscript.quote(words) } else { self.manuscript.say(words) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_lists_and_paragraphs_are_kept_and_scripts_are_not() {
        let page = "<html><head><title>Shop</title><style>p{color:red}</style></head><body><nav>Home</nav>\
            <script>alert('<p>no</p>')</script><h1>Returns &amp; refunds</h1><p>You may <b>return</b> it\n within \
            14&nbsp;days.</p><h2>How</h2><ul><li>Pack it<li><p>Send it</p></ul><pre>a\n  b</pre>\
            <table><tr><th>Zone<td>5 €</tr></table></body></html>";
        let reading = read(page, 1000).expect("read");
        assert_eq!(reading.title.as_deref(), Some("Returns & refunds"));
        assert_eq!(
            reading.markdown,
            "# Returns & refunds\n\nYou may return it within 14 days.\n\n## How\n\n- Pack it\n- Send it\n\n\
             ```\na\n  b\n```\n\nZone 5 €\n"
        );
    }

    #[test]
    fn a_hundred_thousand_open_tags_and_an_endless_page_are_survived() {
        let deep = format!("{}end", "<div><b>".repeat(100_000));
        assert_eq!(read(&deep, 1000).map(|reading| reading.markdown), Ok("end\n".to_owned()));
        assert_eq!(read(&"<p>words".repeat(10_000), 1000), Err(ReadError::TooLarge));
    }

    #[test]
    fn the_declared_encoding_is_found() {
        let page = b"<meta http-equiv=Content-Type content=\"text/html; charset=gb2312\">";
        assert_eq!(declared_encoding(page).map(Encoding::name), Some("GBK"));
        assert_eq!(declared_encoding(b"<p>charset"), None);
    }
}
