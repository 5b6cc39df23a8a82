//! The words of the business. A value of one of these types is the proof that it was checked: each has one
//! constructor, `parse` or a closed list.

pub mod age;
pub mod answering;
pub mod api_key;
pub mod audit;
pub mod budget;
pub mod certificate;
pub mod consent;
pub mod document;
pub mod hold;
pub mod language;
pub mod origin;
pub mod prompt;
pub mod tenant;
pub mod text;
pub mod tool;
pub mod turn;
pub mod widget;
