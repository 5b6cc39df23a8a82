//! Server-sent events as providers frame them (WHATWG HTML §9.2.6): any line end, any cut between chunks, bounded memory.

/// Bytes of one event at most; a provider's largest are a few thousand.
const LARGEST_EVENT: usize = 1024 * 1024;

/// An event that is too large or is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Reads a stream of bytes into events.
#[derive(Default)]
pub(super) struct Decoder {
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    name: String,
    data: String,
    has_data: bool,
    is_after_return: bool,
    is_under_way: bool,
}

impl Decoder {
    /// Takes the next bytes and gives each event that they complete, as its name and its data.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        mut on_event: impl FnMut(&str, &str),
    ) -> Result<(), Unreadable> {
        while let Some(end) = memchr::memchr2(b'\n', b'\r', bytes) {
            let (line, rest) = bytes.split_at(end);
            let is_return = rest.first() == Some(&b'\r');
            // The second half of CRLF ends nothing that the first half has not ended.
            let is_second_half = std::mem::replace(&mut self.is_after_return, is_return)
                && line.is_empty()
                && self.begun.is_empty()
                && !is_return;
            bytes = rest.get(1..).unwrap_or_default();
            if is_second_half {
                continue;
            }
            if self.begun.is_empty() {
                self.line(line, &mut on_event)?;
            } else {
                let mut whole = std::mem::take(&mut self.begun);
                whole.extend_from_slice(line);
                self.line(&whole, &mut on_event)?;
            }
        }
        if !bytes.is_empty() {
            self.is_after_return = false;
            self.begun.extend_from_slice(bytes);
        }
        self.check_size()
    }

    fn line(
        &mut self,
        line: &[u8],
        on_event: &mut impl FnMut(&str, &str),
    ) -> Result<(), Unreadable> {
        let line = std::str::from_utf8(line).map_err(|_| Unreadable)?;
        let line = if std::mem::replace(&mut self.is_under_way, true) {
            line
        } else {
            line.trim_start_matches('\u{feff}')
        };
        if line.is_empty() {
            if std::mem::take(&mut self.has_data) {
                on_event(&self.name, &self.data);
            }
            self.name.clear();
            self.data.clear();
            return Ok(());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.name),
            _ => {}
        }
        self.check_size()
    }

    fn check_size(&self) -> Result<(), Unreadable> {
        let size = self.begun.len() + self.data.len() + self.name.len();
        if size > LARGEST_EVENT { Err(Unreadable) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<(String, String)> {
        let (mut decoder, mut events) = (Decoder::default(), Vec::new());
        for chunk in chunks {
            let taken =
                decoder.push(chunk, |name, data| events.push((name.to_owned(), data.to_owned())));
            taken.expect("readable");
        }
        events
    }

    #[test]
    fn an_event_without_its_blank_line_is_not_an_event() {
        assert_eq!(read([b"data: a\n".as_slice()]), []);
        assert_eq!(read([b"event: x\n\n:comment\n\n".as_slice()]), []);
        assert_eq!(read([b"data\ndata:\n\n".as_slice()]), [(String::new(), "\n".into())]);
    }

    #[test]
    fn what_is_too_large_or_not_utf8_is_refused() {
        let mut decoder = Decoder::default();
        let filler = vec![b'x'; 64 * 1024];
        let refused = (0..17).any(|_| decoder.push(&filler, |_, _| {}).is_err());
        assert!(refused, "an event of over a mebibyte was taken");
        assert_eq!(Decoder::default().push(b"data: \xff\n", |_, _| {}), Err(Unreadable));
    }

    proptest! {
        /// Line ends and cuts between chunks, also within a character, change nothing.
        #[test]
        fn framing_does_not_matter(
            events in proptest::collection::vec(("[a-z]{0,6}", "[^\r\n\u{feff}]{1,30}"), 0..6),
            end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
            cuts in proptest::collection::vec(1usize..9, 1..200),
        ) {
            let frames = events
                .iter()
                .map(|(name, data)| format!("event: {name}{end}data: {data}{end}{end}"));
            let text = frames.collect::<Vec<_>>().concat();
            let mut rest = text.as_bytes();
            let mut chunks = Vec::new();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (chunk, next) = rest.split_at((*cut).min(rest.len()));
                chunks.push(chunk);
                rest = next;
            }
            prop_assert_eq!(read(chunks), events);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let taken = Decoder::default().push(&bytes, |_, _| {});
            prop_assert!(taken.is_ok() || std::str::from_utf8(&bytes).is_err());
        }
    }
}
