//! Reads the main text of a word-processing document (ECMA-376): a zip archive with XML in it, of which two members are
//! unpacked, and never more than a bound.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use zip::ZipArchive;

use super::manuscript::{Manuscript, heading};
use super::{ReadError, Reading};

/// The most XML that is unpacked from one member, whatever its size was packed.
const MOST_XML: u64 = 48 * 1024 * 1024;
/// How a compound file begins: an old `.doc`, or a document behind a password.
const COMPOUND: [u8; 8] = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/// Reads a document.
pub(super) fn read(bytes: &[u8], most: usize) -> Result<Reading, ReadError> {
    if bytes.starts_with(&COMPOUND) {
        let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let is_encrypted = bytes.windows(name.len()).any(|window| window == name);
        return Err(if is_encrypted { ReadError::Encrypted } else { ReadError::Unreadable });
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| ReadError::Unreadable)?;
    let styles = match member(&mut archive, "word/styles.xml")? {
        Some(xml) => styles(&xml)?,
        None => HashMap::new(),
    };
    let document = member(&mut archive, "word/document.xml")?.ok_or(ReadError::Unreadable)?;
    body(&document, &styles, most)
}

fn member(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    name: &str,
) -> Result<Option<String>, ReadError> {
    let Ok(packed) = archive.by_name(name) else { return Ok(None) };
    if packed.encrypted() {
        return Err(ReadError::Encrypted);
    }
    let mut xml = String::new();
    packed.take(MOST_XML + 1).read_to_string(&mut xml).map_err(|_| ReadError::Unreadable)?;
    let is_bomb = u64::try_from(xml.len()).is_ok_and(|length| length > MOST_XML);
    if is_bomb { Err(ReadError::TooLarge) } else { Ok(Some(xml)) }
}

fn value(element: &BytesStart<'_>) -> Option<String> {
    attribute(element, "w:val")
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.try_get_attribute(name).ok()??;
    Some(found.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned())
}

/// The heading level of each style. Word keeps the built-in names in English, whatever language it speaks.
fn styles(xml: &str) -> Result<HashMap<String, u8>, ReadError> {
    let mut levels = HashMap::new();
    let mut style = String::new();
    let mut reader = Reader::from_str(xml);
    loop {
        match reader.read_event().map_err(|_| ReadError::Unreadable)? {
            Event::Start(element) | Event::Empty(element) => match element.name().as_ref() {
                "w:style" => {
                    style = attribute(&element, "w:styleId").unwrap_or_default();
                }
                "w:name" => {
                    let name = value(&element).unwrap_or_default().to_lowercase();
                    if let Some(level) = level_of(&name) {
                        levels.insert(style.clone(), level);
                    }
                }
                _ => {}
            },
            Event::Eof => return Ok(levels),
            Event::End(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_)
            | Event::GeneralRef(_) => {}
        }
    }
}

fn level_of(name: &str) -> Option<u8> {
    if name == "title" {
        return Some(1);
    }
    name.strip_prefix("heading")?.trim().parse().ok().filter(|level| (1..=9).contains(level))
}

struct Body<'a> {
    manuscript: Manuscript,
    styles: &'a HashMap<String, u8>,
    title: Option<String>,
    is_text: bool,
    is_heading: bool,
    /// Inside a second copy of something, for programs that do not know the first.
    fallbacks: usize,
}

fn body(xml: &str, styles: &HashMap<String, u8>, most: usize) -> Result<Reading, ReadError> {
    let mut body = Body {
        manuscript: Manuscript::new(most),
        styles,
        title: None,
        is_text: false,
        is_heading: false,
        fallbacks: 0,
    };
    let mut reader = Reader::from_str(xml);
    loop {
        match reader.read_event().map_err(|_| ReadError::Unreadable)? {
            Event::Start(element) => body.open(&element)?,
            Event::Empty(element) => {
                body.open(&element)?;
                body.close(element.name().as_ref());
            }
            Event::End(element) => body.close(element.name().as_ref()),
            Event::Text(text) if body.is_text => body.manuscript.say(&text.xml10_content())?,
            Event::CData(text) if body.is_text => body.manuscript.say(&text.xml10_content())?,
            Event::GeneralRef(reference) if body.is_text => {
                body.manuscript.say(&resolved(&reference))?;
            }
            Event::Eof => break,
            Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_)
            | Event::GeneralRef(_) => {}
        }
    }
    Ok(Reading { title: body.title, markdown: body.manuscript.finish() })
}

fn resolved(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(letter)) = reference.resolve_char_ref() {
        return letter.to_string();
    }
    let name: &str = reference;
    quick_xml::escape::resolve_predefined_entity(name).unwrap_or_default().to_owned()
}

impl Body<'_> {
    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), ReadError> {
        match element.name().as_ref() {
            "mc:Fallback" => self.fallbacks += 1,
            "w:p" => self.paragraph(""),
            "w:pStyle" => {
                let style = value(element).unwrap_or_default();
                let level = self.styles.get(&style).copied();
                if let Some(level) = level.or_else(|| level_of(&style.to_lowercase())) {
                    self.paragraph(heading(level));
                    self.is_heading = true;
                }
            }
            "w:numPr" if !self.is_heading => self.paragraph("- "),
            "w:t" => self.is_text = self.fallbacks == 0,
            "w:tab" | "w:br" | "w:cr" | "w:tc" => self.manuscript.say(" ")?,
            _ => {}
        }
        Ok(())
    }

    fn paragraph(&mut self, mark: &'static str) {
        self.manuscript.begin(mark);
        self.is_heading = false;
    }

    fn close(&mut self, name: &str) {
        match name {
            "mc:Fallback" => self.fallbacks = self.fallbacks.saturating_sub(1),
            "w:t" => self.is_text = false,
            "w:p" => {
                if self.is_heading && self.title.is_none() {
                    self.title = Some(self.manuscript.block().to_owned());
                }
                self.paragraph("");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::write::SimpleFileOptions;

    fn pack(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in members {
            writer.start_file(*name, SimpleFileOptions::default()).expect("begun");
            writer.write_all(content).expect("written");
        }
        writer.finish().expect("packed").into_inner()
    }

    #[test]
    fn headings_lists_and_entities_of_a_document_are_kept() {
        let styles =
            r#"<w:styles><w:style w:styleId="1"><w:name w:val="heading 1"/></w:style></w:styles>"#;
        let document = r#"<?xml version="1.0"?><w:document><w:body>
            <w:p><w:pPr><w:pStyle w:val="1"/></w:pPr><w:r><w:t>退货</w:t></w:r></w:p>
            <w:p><w:r><w:t xml:space="preserve">A &amp; B </w:t></w:r><w:r><w:t>&#x4e03;天</w:t></w:r><w:del><w:r>
            <w:delText>gone</w:delText></w:r></w:del></w:p>
            <w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>one</w:t></w:r></w:p>
            <w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>two</w:t></w:r></w:p>
            <mc:Fallback><w:p><w:r><w:t>copy</w:t></w:r></w:p></mc:Fallback>
            </w:body></w:document>"#;
        let file = pack(&[
            ("word/styles.xml", styles.as_bytes()),
            ("word/document.xml", document.as_bytes()),
        ]);
        let reading = read(&file, 1000).expect("read");
        assert_eq!(reading.title.as_deref(), Some("退货"));
        assert_eq!(reading.markdown, "# 退货\n\nA & B 七天\n\n- one\n- two\n");
    }

    #[test]
    fn a_bomb_a_foreign_archive_and_a_locked_document_are_refused_by_name() {
        let bomb = vec![b' '; 60 * 1024 * 1024];
        let file = pack(&[("word/document.xml", &bomb)]);
        assert!(file.len() < 100_000, "no bomb");
        assert_eq!(read(&file, 1000), Err(ReadError::TooLarge));
        assert_eq!(read(&pack(&[("other", b"x")]), 1000), Err(ReadError::Unreadable));
        assert_eq!(read(b"no archive", 1000), Err(ReadError::Unreadable));
        let mut locked = COMPOUND.to_vec();
        locked.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(read(&locked, 1000), Err(ReadError::Encrypted));
        let laughs =
            "<!DOCTYPE l [<!ENTITY a \"ha\">]><w:document><w:p><w:t>&a;ok</w:t></w:p></w:document>";
        let file = pack(&[("word/document.xml", laughs.as_bytes())]);
        assert_eq!(read(&file, 1000).map(|reading| reading.markdown), Ok("ok\n".to_owned()));
    }
}
