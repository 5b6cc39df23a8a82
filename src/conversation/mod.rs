//! One live conversation: a pure machine that decides, an actor that does, and viewers that watch.

pub mod actor;
pub mod frame;
pub mod gate;
pub mod hub;
mod log;
pub mod machine;
pub mod pace;
pub mod socket;
mod viewers;
