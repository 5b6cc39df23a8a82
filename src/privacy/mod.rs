//! Pure decisions about personal data: what may be disclosed and in which words, how long it is kept, which
//! columns hold it. Nothing here reads a clock, a socket or a table.

pub mod audit_log;
pub mod disclosure;
pub mod inventory;
pub mod pseudonym;
pub mod retention;
pub mod transfer;
