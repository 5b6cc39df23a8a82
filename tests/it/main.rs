//! The black-box tests: the real house, built by the function `main` uses, on a real database, spoken to over real sockets.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets what it did not expect must stop and say so"
)]
#![expect(unreachable_pub, reason = "`pub` says that other modules of this one binary use it")]

mod accessibility;
mod audit;
mod backups;
mod bad_input;
mod browser;
mod canary;
mod children;
mod cli;
mod consent;
mod conversation;
mod counterpart;
mod crash;
mod docs;
mod drain;
mod dressing;
mod embedding;
mod holds;
mod hostile;
mod house;
mod key_service;
mod keys;
mod knowledge;
mod ledger;
mod outage;
mod own_data;
mod providers;
mod pseudonyms;
mod purge;
mod restoring;
mod resume;
mod screens;
mod store;
mod supervision;
mod support;
mod tabs;
mod widget;
mod withdrawal;
