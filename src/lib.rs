//! VeetFlow: an AI customer-service chat server that is real-time, and private in a way that can be proved.
//!
//! The rooms, lowest first. A room may import those named after it and no other; `tests/it/house.rs` reads this table.
//!
//! ```text
//! clock:        -
//! id:           clock
//! code:         -
//! config:       -
//! telemetry:    config code
//! embedded:     -
//! domain:       clock id code
//! privacy:      domain clock id code
//! vault:        domain clock id code
//! kms:          vault config
//! ledger:       vault clock id code
//! providers:    domain privacy clock id code config
//! store:        domain privacy vault clock id code config
//! services:     store ledger vault privacy domain providers clock id code config
//! purge:        services store vault privacy domain clock id code config
//! conversation: services store vault providers privacy domain clock id code config
//! supervision:  conversation purge services privacy domain clock id code config telemetry
//! http:         supervision conversation purge services privacy domain clock id code config telemetry
//! app:          *
//! cli:          *
//! ```

pub mod app;
pub mod cli;
pub mod clock;
pub mod code;
pub mod config;
pub mod conversation;
pub mod domain;
pub mod embedded;
pub mod http;
pub mod id;
pub mod kms;
pub mod ledger;
pub mod privacy;
pub mod providers;
pub mod purge;
pub mod services;
pub mod store;
pub mod supervision;
pub mod telemetry;
pub mod vault;
