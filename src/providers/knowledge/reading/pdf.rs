//! Reads the text of a PDF. Runs in a process that may die of it; see [`super::apart`].

use std::panic::{AssertUnwindSafe, catch_unwind};

use pdf_extract::{Error, OutputError};

use super::ReadError;

/// The text, page after page, its paragraphs apart.
pub(super) fn read(bytes: &[u8]) -> Result<String, ReadError> {
    if !bytes.get(..1024).unwrap_or(bytes).windows(5).any(|window| window == b"%PDF-") {
        return Err(ReadError::Unreadable);
    }
    let reading = catch_unwind(AssertUnwindSafe(|| pdf_extract::extract_text_from_mem(bytes)));
    match reading {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(OutputError::PdfError(Error::InvalidPassword | Error::Decryption(_)))) => {
            Err(ReadError::Encrypted)
        }
        Ok(Err(_)) | Err(_) => Err(ReadError::Unreadable),
    }
}
