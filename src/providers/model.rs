//! A model behind a network: one of the protocols, and the settings with which it is spoken.

use std::marker::PhantomData;
use std::sync::Arc;

use async_openai::config::{Config, OpenAIConfig};
use rustls::ClientConfig;
use secrecy::ExposeSecret;

use super::call::{self, Decode, Patience};
use super::post::Post;
use super::{Deltas, Provider};
use crate::config;
use crate::domain::budget::{Price, Tariff};
use crate::domain::language::Language;
use crate::domain::prompt::Prompt;
use crate::domain::tool::Tool;
use crate::privacy::disclosure::{Disclosed, Processor};
use crate::privacy::transfer::Transfer;

/// The vendors' addresses, up to and including the version.
pub(super) const OPENAI: &str = "https://api.openai.com/v1";

/// How one vendor is spoken to. One file each: wire types, request, decoder.
pub(super) trait Protocol: Send + Sync + std::fmt::Debug + 'static {
    /// Reads the answer.
    type Decoder: Decode + Default;

    /// The vendor's own address.
    const VENDOR: &'static str;

    /// The request for an answer to a prompt.
    fn request(model: &Model, prompt: &Prompt) -> Post;
}

/// What a protocol needs to know.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) name: &'static str,
    pub(super) base_url: String,
    pub(super) settings: config::Model,
    pub(super) tls: Arc<ClientConfig>,
}

impl Model {
    /// Whether this is the vendor's own service, and not a server that speaks its protocol.
    pub(super) fn is_vendor(&self) -> bool {
        self.settings.base_url.is_empty()
    }

    /// What it is offered. A server that is not the vendor's may not know tools, and is offered them where its settings say
    /// that it does.
    pub(super) fn tools_for(&self, prompt: &Prompt) -> impl Iterator<Item = Tool> + use<> {
        let is_able = self.settings.tools.unwrap_or(self.is_vendor());
        let offers = prompt.tools && is_able;
        Tool::ALL.into_iter().filter(move |_| offers)
    }

    pub(super) fn key(&self) -> &str {
        self.settings.api_key.expose_secret()
    }
}

/// What settings say of a model beside how it is reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// The way of words to it.
    pub(super) transfer: Transfer,
    /// What it costs.
    pub(super) price: Option<Price>,
}

/// A model that speaks a protocol.
#[derive(Debug)]
pub(super) struct Remote<P> {
    model: Model,
    processor: Processor,
    price: Option<Price>,
    protocol: PhantomData<P>,
}

impl<P: Protocol> Remote<P> {
    pub(super) fn new(
        name: &'static str,
        settings: &config::Model,
        terms: Terms,
        tls: Arc<ClientConfig>,
    ) -> Self {
        let Terms { transfer, price } = terms;
        let base = if settings.base_url.is_empty() { P::VENDOR } else { &settings.base_url };
        let processor = Processor {
            minimum_age: settings.minimum_age,
            trains_on_inputs: settings.trains_on_inputs,
            transfer,
        };
        let model = Model {
            name,
            base_url: base.trim_end_matches('/').to_owned(),
            settings: settings.clone(),
            tls,
        };
        Self { model, processor, price, protocol: PhantomData }
    }
}

impl<P: Protocol> Provider for Remote<P> {
    fn name(&self) -> &'static str {
        self.model.name
    }

    fn model(&self) -> &str {
        &self.model.settings.model
    }

    fn label(&self, language: Language) -> String {
        let model = self.model();
        language.pick(
            format!("AI 自动回答（{model}），并非真人"),
            format!("AI answers ({model}), not a person"),
        )
    }

    fn processor(&self, language: Language) -> String {
        let vendor = match self.model.name {
            "openai" => "OpenAI",
            "anthropic" => "Anthropic",
            "google" => "Google AI",
            _ => "",
        };
        let model = self.model();
        let region = self.processor.transfer.to.and_then(|region| region.name(language));
        if self.model.is_vendor() && !vendor.is_empty() {
            let region = region.unwrap_or_default();
            return language.pick(format!("{vendor}（{region}）"), format!("{vendor} ({region})"));
        }
        let region = region.map(|name| language.pick(format!("，{name}"), format!(", {name}")));
        let region = region.unwrap_or_default();
        language.pick(
            format!("我们使用的模型服务（{model}{region}）"),
            format!("the model service we use ({model}{region})"),
        )
    }

    fn terms(&self) -> Processor {
        self.processor
    }

    fn tariff(&self) -> Option<Tariff> {
        Some(Tariff {
            price: self.price,
            longest_answer: self.model.settings.max_tokens,
            needs_grant: !self.model.key().is_empty(),
        })
    }

    fn stream(&self, prompt: Disclosed<Prompt>) -> Deltas {
        let request = P::request(&self.model, &prompt.into_inner());
        let settings = &self.model.settings;
        let patience = Patience::within(settings.first_token_seconds, settings.answer_seconds);
        call::call(request.send(self.model.tls.clone()), patience, P::Decoder::default())
    }
}

/// Every field is set: the crate's default would read the process environment.
pub(super) fn openai_config(model: &Model) -> OpenAIConfig {
    OpenAIConfig::new()
        .with_api_base(&model.base_url)
        .with_api_key(model.key())
        .with_org_id("")
        .with_project_id("")
}

/// The headers that the crate gives a request.
pub(super) fn openai_headers(config: &OpenAIConfig, post: Post) -> Post {
    let headers = config.headers();
    let known =
        headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    known.fold(post, |post, (name, value)| post.header(name, value))
}
