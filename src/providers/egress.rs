//! The one HTTP client with which a worker talks to providers.
//!
//! The roots are compiled in, so that it works on a machine without any; redirects and proxies are off, because a key
//! sent to the wrong host cannot be taken back.

use std::sync::{Mutex, PoisonError};

use hyper::Uri;
use hyper::header::HeaderValue;
use secrecy::ExposeSecret;

use super::model::Terms;
use crate::config;
use crate::domain::budget::{Money, Price};
use crate::privacy::transfer::{Region, Safeguard, Transfer};

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// TLS could not be set up.
    #[error("TLS towards providers could not be set up")]
    Tls(#[from] rustls::Error),
    /// Conversations would cross a network in clear (policy §5).
    #[error("providers.{0}.base_url must begin with https:// unless the server is on this machine")]
    PlainText(String),
    /// What visitors say would be used to train models (policy §3).
    #[error(
        "providers.{0} trains on what it is sent, which this service has promised not to allow; with an account whose \
         terms forbid it, set providers.{0}.trains_on_inputs = false"
    )]
    Trains(String),
    /// The key could not be sent.
    #[error("providers.{0}.api_key has a character in it that no key has; was it copied whole?")]
    Key(String),
    /// The chain names nobody.
    #[error(
        "providers.chain names {0:?}, which is not among the providers; see `veetflow check-config`"
    )]
    Unknown(String),
    /// No region has this code.
    #[error("{0} = {1:?} is no region; write a code such as \"eu\", \"us\" or \"cn\"")]
    Region(String, String),
    /// No safeguard has this name.
    #[error(
        "providers.{0}.transfer = {1:?} is no safeguard; write \"scc\", \"adequacy\", \"standard-contract-cn\" or \
         \"none-needed\""
    )]
    Safeguard(String, String),
    /// A price that is none, or half of one.
    #[error(
        "providers.{0}: write price_input and price_output, in the currency for a million tokens, such as 0.15 and 0.60"
    )]
    Price(String),
    /// Too many servers of one's own.
    #[error("providers.compatible may hold {MOST_COMPATIBLE} entries at most")]
    TooMany,
}

/// Where the three vendors process what they are sent, by their terms of service, which bring standard contractual clauses
/// with them.
const VENDORS: Region = Region::Of(*b"us");
const MOST_COMPATIBLE: usize = 16;

/// The models that are set up, in the order in which they are asked, each found fit to be sent a conversation.
pub(super) fn ordered(
    settings: &config::Providers,
) -> Result<Vec<(&'static str, &config::Model, Transfer)>, EgressError> {
    if settings.compatible.len() > MOST_COMPATIBLE {
        return Err(EgressError::TooMany);
    }
    let known: Vec<(&str, &config::Model)> = [
        ("openai", &settings.openai),
        ("anthropic", &settings.anthropic),
        ("google", &settings.google),
    ]
    .into_iter()
    .chain(settings.compatible.iter().map(|(name, model)| (name.as_str(), model)))
    .collect();
    let named = if settings.chain.is_empty() {
        known
    } else {
        let find = |wanted: &String| {
            let found = known.iter().find(|(name, _)| name == wanted).copied();
            found.ok_or_else(|| EgressError::Unknown(wanted.clone()))
        };
        settings.chain.iter().map(find).collect::<Result<_, _>>()?
    };
    let is_set_up = |(_, model): &(&str, &config::Model)| model.is_set_up();
    named
        .into_iter()
        .filter(is_set_up)
        .map(|(name, model)| {
            check(name, model)?;
            price(name, model)?;
            let transfer = transfer(name, model, &settings.home)?;
            Ok((interned(name), model, transfer))
        })
        .collect()
}

/// The models that are not set up, but that a tenant's own key would open. One that may not be used is left out: nobody asked
/// for it.
pub(super) fn openable(settings: &config::Providers) -> Vec<(&'static str, &config::Model, Terms)> {
    let fit = |(name, model): (&str, &'_ config::Model)| {
        check(name, model).ok()?;
        let transfer = transfer(name, model, &settings.home).ok()?;
        Some(Terms { transfer, price: price(name, model).ok()? })
    };
    let models = settings.models().into_iter().filter(|(_, model)| !model.is_set_up());
    models.filter_map(|(name, model)| Some((interned(name), model, fit((name, model))?))).collect()
}

/// What a model costs, if its settings say so. A prompt in the provider's cache costs what any costs unless they say more.
pub(super) fn price(name: &str, model: &config::Model) -> Result<Option<Price>, EgressError> {
    let wrong = || EgressError::Price(name.to_owned());
    let money = |price: f64| Money::parse(&format!("{price:.6}")).map_err(|_| wrong());
    match (model.price_input, model.price_output) {
        (None, None) if model.price_cached.is_none() => Ok(None),
        (Some(input), Some(output)) => {
            let cached = model.price_cached.unwrap_or(input);
            let (input, cached, output) = (money(input)?, money(cached)?, money(output)?);
            Ok(Some(Price { input, cached, output }))
        }
        _ => Err(wrong()),
    }
}

/// A name that lasts as long as the program: there are few, and every record of an answer carries one.
fn interned(name: &str) -> &'static str {
    static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.iter().copied().find(|known| *known == name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.push(kept);
    kept
}

fn check(name: &str, model: &config::Model) -> Result<(), EgressError> {
    if model.trains_on_inputs {
        return Err(EgressError::Trains(name.to_owned()));
    }
    if HeaderValue::from_str(model.api_key.expose_secret()).is_err() {
        return Err(EgressError::Key(name.to_owned()));
    }
    if model.base_url.is_empty() || is_fit(&model.base_url) {
        Ok(())
    } else {
        Err(EgressError::PlainText(name.to_owned()))
    }
}

/// The way of words from where visitors are to a model. What is not said of a server that is not the vendor's stays open,
/// and nothing is sent there.
pub(super) fn transfer(
    name: &str,
    model: &config::Model,
    home: &str,
) -> Result<Transfer, EgressError> {
    let region = |setting: String, code: &str| {
        Region::parse(code).map(Some).ok_or_else(|| EgressError::Region(setting, code.to_owned()))
    };
    let from = region("providers.home".to_owned(), home)?;
    let is_vendor = model.base_url.is_empty();
    let to = match model.region.as_str() {
        "" if is_vendor => Some(VENDORS),
        "" if is_on_this_machine(&model.base_url) => Some(Region::Here),
        "" => None,
        code => region(format!("providers.{name}.region"), code)?,
    };
    let safeguard = match model.transfer.as_str() {
        "" => is_vendor.then_some(Safeguard::Clauses),
        word => Some(
            Safeguard::parse(word)
                .ok_or_else(|| EgressError::Safeguard(name.to_owned(), word.to_owned()))?,
        ),
    };
    Ok(Transfer { from, to, safeguard })
}

fn is_on_this_machine(base: &str) -> bool {
    let parsed = base.parse::<Uri>().ok();
    let host = parsed.as_ref().and_then(Uri::host);
    matches!(host, Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// Whether an address is reached over TLS, or is on this machine.
fn is_fit(base: &str) -> bool {
    let Ok(parsed) = base.parse::<Uri>() else { return false };
    match parsed.scheme_str() {
        Some("https") => true,
        Some("http") => is_on_this_machine(base),
        Some(_) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_fit, ordered};
    use crate::config;

    /// Policy §5: data in transit is encrypted.
    #[test]
    fn a_model_on_another_machine_must_be_reached_over_tls() {
        for right in
            ["https://api.example/v1", "http://127.0.0.1:8000/v1", "http://localhost:11434/v1"]
        {
            assert!(is_fit(right), "{right}");
        }
        for wrong in [
            "http://10.0.0.5:8000/v1",
            "http://127.0.0.1.example/v1",
            "ftp://localhost/",
            "nonsense",
        ] {
            assert!(!is_fit(wrong), "{wrong}");
        }
    }

    /// Policy §3: what customers and their visitors say trains nobody's models. Policy §5: it crosses networks in
    /// cipher. Neither is left to whoever writes the settings.
    #[test]
    fn a_provider_that_breaks_a_promise_is_refused_at_the_start() {
        let refused = |settings: Vec<(&'static str, figment::value::Value)>| {
            let config = config::Layers::with(settings).read().expect("settings");
            ordered(&config.providers).map(|_| ()).map_err(|error| error.to_string())
        };
        let key = ("providers.google.api_key", figment::value::Value::from("k"));
        let told = refused(vec![key.clone()]).expect_err("it trains by default");
        assert!(told.contains("providers.google.trains_on_inputs"), "{told}");
        assert_eq!(refused(vec![key, ("providers.google.trains_on_inputs", false.into())]), Ok(()));
        for setting in [
            ("providers.openai.base_url", "http://10.0.0.5/v1".into()),
            ("providers.openai.api_key", "two\nlines".into()),
            ("providers.chain", vec!["nobody"].into()),
            ("providers.home", "Europe".into()),
            ("providers.openai.transfer", "a handshake".into()),
            ("providers.openai.region", "the moon".into()),
        ] {
            let key = ("providers.openai.api_key", figment::value::Value::from("k"));
            let told = refused(vec![key, setting.clone()]).expect_err("refused");
            assert!(told.contains("providers."), "{told}");
            assert!(!told.contains("two"), "{told}");
        }
    }
}
