//! Decides in which encoding bytes are text: the one their mark or their page declares, else UTF-8, else GB18030, which is
//! what older Chinese programs write.

use encoding_rs::{Encoding, GB18030, UTF_8};

use super::ReadError;
use crate::providers::knowledge::segment::is_han;

/// The text of the bytes. Without a mark, valid UTF-8 is UTF-8 whatever a page declares.
pub(super) fn decode(
    bytes: &[u8],
    declared: Option<&'static Encoding>,
) -> Result<String, ReadError> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return whole(encoding, bytes.get(mark..).unwrap_or_default());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.to_owned());
    }
    if let Some(encoding) = declared.filter(|encoding| *encoding != UTF_8) {
        return whole(encoding, bytes);
    }
    // Nearly any bytes are GB18030; text in it is mostly Chinese letters, mostly common ones.
    let text = whole(GB18030, bytes)?;
    let foreign = text.chars().filter(|letter| !letter.is_ascii()).count();
    let chinese = text.chars().filter(|letter| is_common(*letter)).count();
    if chinese * 10 >= foreign * 7 { Ok(text) } else { Err(ReadError::Encoding) }
}

fn is_common(letter: char) -> bool {
    (is_han(letter) && GB18030.encode(letter.encode_utf8(&mut [0; 4])).0.len() == 2)
        || matches!(letter, '\u{3000}'..='\u{303f}' | '\u{ff01}'..='\u{ff5e}' | '“' | '”' | '‘' | '’' | '—' | '…' | '·')
}

fn whole(encoding: &'static Encoding, bytes: &[u8]) -> Result<String, ReadError> {
    encoding
        .decode_without_bom_handling_and_without_replacement(bytes)
        .map(std::borrow::Cow::into_owned)
        .ok_or(ReadError::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_8_marked_utf_16_and_chinese_gb18030_are_read_and_noise_is_refused() {
        let words = "退货须在七天内申请，运费由本店承担。Refund";
        assert_eq!(decode(words.as_bytes(), None).as_deref(), Ok(words));
        let (gb, _, _) = GB18030.encode(words);
        assert_eq!(decode(&gb, None).as_deref(), Ok(words));
        let mut wide = vec![0xff, 0xfe];
        wide.extend(words.encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(decode(&wide, None).as_deref(), Ok(words));
        let (latin, _, _) = encoding_rs::WINDOWS_1252.encode("déjà vu, naïve café à côté");
        assert_eq!(decode(&latin, None), Err(ReadError::Encoding));
        assert_eq!(decode(&[0xff, 0x00, 0x81], None), Err(ReadError::Encoding));
    }
}
