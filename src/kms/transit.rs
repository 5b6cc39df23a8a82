//! The transit engine of HashiCorp Vault and OpenBao.
//!
//! Every master key gets a transit key of its own, so that destroying one master is deleting one key there: a copy of
//! the wrapped file in any backup is dead from then on, and the service is asked to show that it refuses.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::exchange::{Exchange, unavailable};
use crate::config;
use crate::vault::{Destruction, KeyProvider, MasterKey, VaultError};

/// What a wrapped master key file begins with.
const MARK: &str = "veetflow-transit-1";

/// A transit engine and the names of our keys there.
pub struct Transit {
    exchange: Exchange,
    mount: String,
    prefix: String,
}

impl Transit {
    /// The engine that the settings name. Nothing is asked yet.
    pub fn new(settings: &config::Transit) -> Result<Self, VaultError> {
        let is_name = |name: &str| {
            let is_fit =
                |character: char| character.is_ascii_alphanumeric() || "-_/".contains(character);
            !name.is_empty() && name.len() <= 64 && name.chars().all(is_fit)
        };
        if !is_name(&settings.mount) || !is_name(&settings.key) || settings.key.contains('/') {
            return Err(unavailable(
                "vault.transit.mount and .key are names of letters, digits, - and _",
            ));
        }
        let roots = Some(&*settings.ca_file).filter(|path| !path.as_os_str().is_empty());
        let exchange = Exchange::new(&settings.address, token(settings)?, roots)?;
        Ok(Self { exchange, mount: settings.mount.clone(), prefix: settings.key.clone() })
    }

    fn ask(
        &self,
        method: &Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value), VaultError> {
        let path: Vec<&str> = self.mount.split('/').chain(path.iter().copied()).collect();
        self.exchange.ask(method, &path, body)
    }

    /// Asks and insists on success.
    fn insist(
        &self,
        method: &Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Value, VaultError> {
        let (status, answer) = self.ask(method, path, body)?;
        if status.is_success() { Ok(answer) } else { Err(refused(status)) }
    }

    /// Whether the service still has a key of this name.
    fn has(&self, name: &str) -> Result<bool, VaultError> {
        match self.ask(&Method::GET, &["keys", name], None)?.0 {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() => Ok(true),
            status => Err(refused(status)),
        }
    }

    fn decrypt(&self, name: &str, ciphertext: &str) -> Result<(StatusCode, Value), VaultError> {
        let body = json!({ "ciphertext": ciphertext });
        self.ask(&Method::POST, &["decrypt", name], Some(&body))
    }
}

impl KeyProvider for Transit {
    fn wrap(&self, master: &MasterKey) -> Result<String, VaultError> {
        let name = format!("{}-{}", self.prefix, suffix()?);
        let kind = json!({ "type": "aes256-gcm96" });
        self.insist(&Method::POST, &["keys", &name], Some(&kind))?;
        let text = master.to_text();
        let plaintext = Zeroizing::new(STANDARD.encode(text.trim()));
        let body = json!({ "plaintext": plaintext.as_str() });
        let answer = self.insist(&Method::POST, &["encrypt", &name], Some(&body))?;
        let ciphertext = said(&answer, "ciphertext")?;
        Ok(format!("{MARK} {name} {ciphertext}\n"))
    }

    fn unwrap(&self, text: &str) -> Result<MasterKey, VaultError> {
        let (name, ciphertext) = parse(text)?;
        let (status, answer) = self.decrypt(name, ciphertext)?;
        if !status.is_success() {
            return Err(refused(status));
        }
        let decoded = STANDARD.decode(said(&answer, "plaintext")?).map(Zeroizing::new);
        let decoded = decoded.map_err(|_| unavailable("its answer is no base64"))?;
        let text =
            std::str::from_utf8(&decoded).map_err(|_| unavailable("its answer is no text"))?;
        MasterKey::parse(text).map_err(unavailable)
    }

    fn destroy(&self, text: &str) -> Result<Destruction, VaultError> {
        let (name, ciphertext) = parse(text)?;
        if self.has(name)? {
            let allowed = json!({ "deletion_allowed": true });
            self.insist(&Method::POST, &["keys", name, "config"], Some(&allowed))?;
            self.insist(&Method::DELETE, &["keys", name], None)?;
        }
        if self.has(name)? || self.decrypt(name, ciphertext)?.0.is_success() {
            return Err(unavailable("it still opens the master key that was to be destroyed"));
        }
        Ok(Destruction::Refused)
    }
}

impl fmt::Debug for Transit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Transit({}, {}-…)", self.mount, self.prefix)
    }
}

fn token(settings: &config::Transit) -> Result<SecretString, VaultError> {
    let given = settings.token.expose_secret();
    if !given.is_empty() {
        return Ok(settings.token.clone());
    }
    read_token(&settings.token_file)
}

fn read_token(path: &Path) -> Result<SecretString, VaultError> {
    let text = std::fs::read_to_string(path).map_err(|refusal| {
        unavailable(format_args!(
            "vault.transit.token is empty and vault.transit.token_file {} cannot be read: {refusal}",
            path.display()
        ))
    })?;
    let text = Zeroizing::new(text);
    Ok(SecretString::from(text.trim()))
}

fn suffix() -> Result<String, VaultError> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(unavailable)?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}

fn parse(text: &str) -> Result<(&str, &str), VaultError> {
    let mut words = text.split_whitespace();
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(MARK), Some(name), Some(ciphertext), None) => Ok((name, ciphertext)),
        _ => Err(VaultError::GivenMasterUnusable {
            reason:
                "it was not written for vault.transit; is this the file of another key provider?"
                    .to_owned(),
        }),
    }
}

fn said<'answer>(answer: &'answer Value, name: &str) -> Result<&'answer str, VaultError> {
    let word = answer.get("data").and_then(|data| data.get(name)).and_then(Value::as_str);
    word.ok_or_else(|| unavailable(format_args!("its answer has no {name}")))
}

fn refused(status: StatusCode) -> VaultError {
    let meaning = match status {
        StatusCode::FORBIDDEN => "it refuses the token",
        StatusCode::SERVICE_UNAVAILABLE => "it is sealed",
        StatusCode::NOT_FOUND => "nothing is mounted at vault.transit.mount, or the key is gone",
        StatusCode::BAD_REQUEST => "it refuses the request; has the key been deleted there?",
        _ => "it refuses",
    };
    unavailable(format_args!("{meaning} (status {})", status.as_u16()))
}
