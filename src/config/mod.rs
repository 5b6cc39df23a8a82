//! What can be set, and where each setting came from.
//!
//! Three layers, later ones win: the documented `default.toml` compiled into the program, a file named by `--config`,
//! and the environment (`VEETFLOW__SECTION__KEY`). An unknown key is an error, not a silence.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

mod providers;

pub use providers::{Api, Model, Providers};

use figment::Figment;
use figment::providers::{Env, Format, Toml};
use secrecy::SecretString;
use serde::Deserialize;

/// The documented defaults.
pub const DEFAULT_TOML: &str = include_str!("default.toml");

/// All settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The folder of everything that is kept on this machine.
    pub data_dir: PathBuf,
    /// The listener.
    pub http: Http,
    /// The database.
    pub database: Database,
    /// The keys.
    pub vault: Vault,
    /// Live conversations.
    pub conversation: Conversation,
    /// The purge.
    pub purge: Purge,
    /// Tenants' documents.
    pub knowledge: Knowledge,
    /// Language models.
    pub providers: Providers,
    /// Logs.
    pub telemetry: Telemetry,
}

/// `[http]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port.
    pub listen: SocketAddr,
    /// Worker threads; 0 means one per core.
    pub workers: usize,
    /// Sockets at most per worker.
    pub max_connections: usize,
    /// Seconds a peer may leave bytes unacknowledged before the kernel ends the connection.
    pub peer_timeout_seconds: u64,
    /// Chats one address may open a minute; 0 means any number.
    pub sessions_per_minute: u32,
    /// Calls of tenants' own programs that one address may make a minute; 0 means any number.
    pub api_per_minute: u32,
    /// Whether the demo site and its tenant are served.
    pub demo: bool,
}

/// `[database]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// A PostgreSQL address; empty means the embedded cluster.
    pub url: SecretString,
    /// Where `postgres` and `initdb` are; empty means wherever they are found.
    pub binaries: PathBuf,
    /// Connections of the application.
    pub connections: usize,
    /// Seconds to wait for a connection or a statement.
    pub timeout_seconds: u64,
}

/// `[vault]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vault {
    /// The master key itself, as 64 hexadecimal digits; empty means `master_key_file`. In a rotation the new one and
    /// the old one, with a comma between.
    pub master_key: SecretString,
    /// The master key's file; empty means `master.key` in the data folder.
    pub master_key_file: PathBuf,
    /// A service without which the file is of no use.
    pub transit: Transit,
}

/// `[vault.transit]`: the transit engine of HashiCorp Vault or OpenBao.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transit {
    /// Its address; empty means that there is none.
    pub address: String,
    /// Where the engine is mounted.
    pub mount: String,
    /// What the names of the keys made there begin with.
    pub key: String,
    /// The token; empty means `token_file`.
    pub token: SecretString,
    /// A file with the token, such as an agent renews.
    pub token_file: PathBuf,
    /// Certificates in PEM that are trusted instead of the public authorities.
    pub ca_file: PathBuf,
}

/// `[conversation]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    /// Messages a visitor may send in a burst.
    pub burst: u32,
    /// Messages a visitor may send a minute.
    pub per_minute: u32,
    /// Estimated tokens of history sent to a model.
    pub prompt_tokens: usize,
    /// Seconds between pings.
    pub heartbeat_seconds: u64,
    /// Bytes a viewer may leave unacknowledged.
    pub credit_bytes: usize,
    /// Seconds a viewer may stay without credit.
    pub stall_seconds: u64,
    /// Seconds without a viewer or an answer after which a conversation leaves memory.
    pub idle_seconds: u64,
    /// Seconds a drain may wait for answers in progress.
    pub drain_seconds: u64,
}

/// `[purge]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purge {
    /// Seconds from the start to the first pass.
    pub first_seconds: u64,
    /// Seconds between passes.
    pub interval_seconds: u64,
    /// Conversations a batch.
    pub batch: i64,
    /// Conversations a tenant and pass.
    pub cap: i64,
    /// Seconds that this machine's clock and the database's may differ.
    pub max_clock_skew_seconds: i64,
}

/// `[knowledge]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knowledge {
    /// Bytes of an uploaded file at most.
    pub upload_bytes: usize,
    /// Bytes of text that one document may have.
    pub text_bytes: usize,
    /// Documents of a tenant.
    pub documents: i64,
    /// Bytes of text of all documents of a tenant.
    pub total_bytes: i64,
    /// Versions kept of a document.
    pub versions: usize,
    /// The program that reads PDFs in a process of its own; empty means this one.
    pub reader: PathBuf,
}

/// `[telemetry]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// A `tracing` filter.
    pub filter: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// A setting that cannot be used: which one, and where it was set.
#[derive(Debug, thiserror::Error)]
#[error("a setting is wrong (`veetflow check-config` shows all of them)")]
pub struct ConfigError(#[from] Box<figment::Error>);

/// One effective setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// `section.key`
    pub key: String,
    /// The value, or `(set, hidden)` for a secret.
    pub value: String,
    /// Where it came from.
    pub source: String,
}

const SECRETS: [&str; 3] = ["database.url", "vault.master_key", "vault.transit.token"];

fn is_secret(key: &str) -> bool {
    SECRETS.contains(&key) || key.rsplit('.').next() == Some("api_key")
}

/// The names that people have in their shells for the vendors' own tools, and what they set here.
const VENDOR_NAMES: [(&str, &str); 6] = [
    ("OPENAI_API_KEY", "providers.openai.api_key"),
    ("OPENAI_BASE_URL", "providers.openai.base_url"),
    ("OPENAI_MODEL", "providers.openai.model"),
    ("ANTHROPIC_API_KEY", "providers.anthropic.api_key"),
    ("GEMINI_API_KEY", "providers.google.api_key"),
    ("GOOGLE_API_KEY", "providers.google.api_key"),
];

fn vendor_name(key: &str) -> Option<&'static str> {
    VENDOR_NAMES.iter().find(|(_, known)| *known == key).map(|(name, _)| *name)
}

/// The layers, ready to be read.
#[derive(Debug, Clone)]
pub struct Layers(Figment);

impl Layers {
    /// Defaults, then `file` if given, then the environment.
    pub fn new(file: Option<&Path>) -> Self {
        let mut figment = Figment::from(Toml::string(DEFAULT_TOML));
        if let Some(path) = file {
            figment = figment.merge(Toml::file_exact(path));
        }
        // Ours win over the vendors' own names.
        let names: Vec<&str> = VENDOR_NAMES.iter().map(|(name, _)| *name).collect();
        let vendor = Env::raw()
            .only(&names)
            .map(|name| {
                let known = VENDOR_NAMES.iter().find(|(known, _)| name == *known);
                known.map_or_else(|| name.as_str().into(), |(_, key)| (*key).into())
            })
            .lowercase(false);
        Self(figment.merge(vendor).merge(Env::prefixed("VEETFLOW__").split("__")))
    }

    /// Defaults with a few settings replaced, as `section.key`, for tests that must not read the environment.
    pub fn with<'a>(settings: impl IntoIterator<Item = (&'a str, figment::value::Value)>) -> Self {
        let figment = Figment::from(Toml::string(DEFAULT_TOML));
        Self(settings.into_iter().fold(figment, |layers, (key, value)| layers.merge((key, value))))
    }

    /// The settings, or which of them is wrong and where it was set.
    pub fn read(&self) -> Result<Config, ConfigError> {
        Ok(self.0.extract().map_err(Box::new)?)
    }

    /// Every effective setting with its source; secrets are not shown.
    pub fn explain(&self) -> Result<Vec<Setting>, ConfigError> {
        let mut settings = Vec::new();
        let root: figment::value::Dict = self.0.extract().map_err(Box::new)?;
        flatten("", &root, &mut settings);
        for setting in &mut settings {
            if let Some(metadata) = self.0.find_metadata(&setting.key) {
                setting.source = match &metadata.source {
                    Some(figment::Source::File(path)) => path.display().to_string(),
                    Some(_) | None if metadata.name.contains("VEETFLOW") => {
                        format!("VEETFLOW__{}", setting.key.to_uppercase().replace('.', "__"))
                    }
                    Some(_) | None if metadata.name.contains("environment") => {
                        vendor_name(&setting.key).unwrap_or("the environment").to_owned()
                    }
                    Some(_) | None => "default.toml (compiled in)".to_owned(),
                };
            }
            if is_secret(&setting.key) && !setting.value.is_empty() {
                "(set, hidden)".clone_into(&mut setting.value);
            }
        }
        Ok(settings)
    }
}

fn flatten(prefix: &str, dict: &figment::value::Dict, settings: &mut Vec<Setting>) {
    for (name, value) in dict {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        if let Some(inner) = value.as_dict() {
            flatten(&key, inner, settings);
            continue;
        }
        let number = value.to_i128().map(|number| number.to_string());
        let switch = value.to_bool().map(|is_on| is_on.to_string());
        let text = value.as_str().map(str::to_owned).or(number).or(switch).unwrap_or_default();
        settings.push(Setting { key, value: text, source: String::new() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_defaults_are_complete_and_an_unknown_key_is_refused() {
        let config = Layers::with([]).read().expect("defaults are complete");
        assert_eq!(config.http.listen.port(), 8080);
        let wrong = Layers::with([("http.lisen", figment::value::Value::from("x"))]).read();
        assert!(wrong.is_err_and(|error| format!("{error:?}").contains("lisen")));
    }

    #[test]
    fn a_secret_is_never_explained() {
        let layers = Layers::with([("vault.master_key", figment::value::Value::from("hunter2"))]);
        let settings = layers.explain().expect("readable");
        assert!(settings.iter().any(|setting| setting.value == "(set, hidden)"));
        assert!(!format!("{settings:?} {:?}", layers.read()).contains("hunter2"));
        for secret in SECRETS.into_iter().chain(["providers.google.api_key"]) {
            assert!(settings.iter().any(|setting| setting.key == secret), "{secret} is no setting");
        }
    }
}
