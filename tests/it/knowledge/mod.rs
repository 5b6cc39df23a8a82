//! A tenant's documents: how they come in, what is answered from them, and that nothing is left when they go.

mod erasure;
mod formats;
mod keys;
mod questions;
mod versions;
