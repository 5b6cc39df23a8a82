//! What tests stand on: a database server shared by all, a house for each, visitors, and a provider that does as told.

pub mod app;
pub mod browser;
pub mod cluster;
pub mod logs;
pub mod provider;
pub mod server;
pub mod shop;
pub mod site;
pub mod stub;
pub mod visitor;

pub use app::TestApp;
pub use provider::Scripted;
pub use shop::Shop;
pub use site::Site;
pub use visitor::Visitor;
