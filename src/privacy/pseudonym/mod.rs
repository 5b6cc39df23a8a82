//! Reversible pseudonyms on the way to a language model: personal values leave as `[EMAIL_1]` and come back as they were.
//!
//! [`Pseudonyms`] replaces what it finds in the lines of one conversation, oldest first; the same lines always give the
//! same placeholders, so nothing is stored. [`Restorer`] puts the values back while the answer streams. A value is its
//! exact spelling: `138 1234 5678` and `13812345678` get two placeholders, because each must come back as it was typed.
//!
//! Found are e-mail addresses, telephone numbers, payment cards, resident identity numbers of mainland China, passports,
//! IP addresses, links with credentials, and what the caller knows of the visitor, in Chinese and English text and in
//! full-width forms.
//!
//! It **cannot see** names and addresses in free text unless they are known, numbers spelt out in words, disguises such as
//! "li at example dot com", account names of other services, passwords in prose, pictures, and numbers of other countries'
//! authorities. A number that is announced as the number of a thing ("order 138…") is taken at its word. This lowers what
//! a processor learns; it does not make a text anonymous.
//!
//! The time is linear in the length of the text, whatever the text is.

mod address;
mod card;
mod context;
mod email;
mod find;
mod glyphs;
mod group;
mod identity;
mod kind;
mod link;
mod number;
mod passport;
mod phone;
mod placeholder;
mod replace;
mod resident;
mod restore;
mod settle;
#[cfg(test)]
mod tests;
mod value;

pub use find::Found;
pub use identity::{IdentityError, KnownIdentity, MAX_KNOWN_BYTES, MAX_KNOWN_VALUES};
pub use kind::Kind;
pub use replace::Pseudonyms;
pub use restore::Restorer;

/// Everything personal in one text by itself, in order and without overlaps.
pub fn find(text: &str, identity: &KnownIdentity) -> Vec<Found> {
    settle::find_all(text, identity, &|_| None)
}
