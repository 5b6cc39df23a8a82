//! Services on other machines that keep the master key from being of use without them.
//!
//! They are asked at the start of the server and in a rotation, never for a message: what is unwrapped stays in memory,
//! and a service that is away stops the next start and nothing that runs.

mod exchange;
mod transit;

pub use transit::Transit;
