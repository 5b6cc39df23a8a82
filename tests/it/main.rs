//! The black-box tests: the real house, built by the function `main` uses, on a real database, spoken to over real sockets.

mod bad_input;
mod browser;
mod canary;
mod cli;
mod consent;
mod conversation;
mod counterpart;
mod crash;
mod docs;
mod drain;
mod house;
mod purge;
mod resume;
mod store;
mod supervision;
mod support;
