//! Where models are made from settings: the operator's once for each worker, and those that a tenant's own key opens when
//! it is first asked under that key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ClientConfig;
use secrecy::SecretString;

use super::egress::{self, EgressError};
use super::health::Health;
use super::model::{Remote, Terms};
use super::router::Candidate;
use super::{Provider, anthropic, connections, google, openai, openai_responses, pseudonymous};
use crate::config;
use crate::domain::answering::{Answering, ProviderKey};
use crate::id::{ProviderKeyId, TenantId};

/// The workshop of one worker.
#[derive(Debug)]
pub(super) struct Workshop {
    plans: Vec<Plan>,
    tls: Arc<ClientConfig>,
    pseudonyms: bool,
    health: Arc<Health>,
    own: Mutex<HashMap<Owned, (ProviderKeyId, Arc<Candidate>)>>,
}

/// Whose, and which.
type Owned = (TenantId, &'static str);

/// How a model is made.
#[derive(Debug)]
struct Plan {
    name: &'static str,
    model: config::Model,
    terms: Terms,
    /// The operator's, if it is set up.
    candidate: Option<Arc<Candidate>>,
}

impl Workshop {
    pub(super) fn new(
        settings: &config::Providers,
        health: Arc<Health>,
    ) -> Result<Self, EgressError> {
        let tls = connections::tls()?;
        let mut workshop = Self {
            plans: Vec::new(),
            tls,
            pseudonyms: settings.pseudonyms,
            health,
            own: Mutex::default(),
        };
        for (name, model, transfer) in egress::ordered(settings)? {
            let terms = Terms { transfer, price: egress::price(name, model)? };
            let candidate = Some(workshop.make(name, model, terms, ""));
            workshop.plans.push(Plan { name, model: model.clone(), terms, candidate });
        }
        for (name, model, terms) in egress::openable(settings) {
            workshop.plans.push(Plan { name, model: model.clone(), terms, candidate: None });
        }
        Ok(workshop)
    }

    /// The operator's models by themselves.
    pub(super) fn models(&self) -> Vec<Arc<dyn Provider>> {
        let made = self.plans.iter().filter_map(|plan| plan.candidate.as_ref());
        made.map(|candidate| candidate.provider().clone()).collect()
    }

    /// The models that a tenant may use, in the order that it wants.
    pub(super) fn chain(&self, tenant: TenantId, answering: &Answering) -> Vec<Arc<Candidate>> {
        let may = |plan: &Plan| self.open(plan, tenant, answering);
        let named = &answering.settings.chain;
        if named.is_empty() {
            return self.plans.iter().filter_map(may).collect();
        }
        let find = |name: &String| self.plans.iter().find(|plan| plan.name == name);
        named.iter().filter_map(find).filter_map(may).collect()
    }

    /// A model under the tenant's own key, or under the operator's where that was granted.
    fn open(&self, plan: &Plan, tenant: TenantId, answering: &Answering) -> Option<Arc<Candidate>> {
        if let Some(key) = answering.keys.get(plan.name) {
            return Some(self.own(plan, tenant, key));
        }
        let candidate = plan.candidate.as_ref()?;
        let needs_grant = candidate.provider().tariff().is_some_and(|tariff| tariff.needs_grant);
        (answering.grant.operator_keys || !needs_grant).then(|| candidate.clone())
    }

    /// What is learned of a model under one key says nothing about another: limits are an account's.
    fn own(&self, plan: &Plan, tenant: TenantId, key: &ProviderKey) -> Arc<Candidate> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((id, known)) = own.get(&(tenant, plan.name))
            && *id == key.id
        {
            return known.clone();
        }
        let api_key: SecretString = key.secret.clone();
        let model = config::Model { api_key, ..plan.model.clone() };
        let made = self.make(plan.name, &model, plan.terms, &key.id.to_string());
        own.insert((tenant, plan.name), (key.id, made.clone()));
        made
    }

    fn make(
        &self,
        name: &'static str,
        model: &config::Model,
        terms: Terms,
        account: &str,
    ) -> Arc<Candidate> {
        let tls = self.tls.clone();
        let provider: Arc<dyn Provider> = match (name, model.api) {
            ("anthropic", _) => {
                Arc::new(Remote::<anthropic::Messages>::new(name, model, terms, tls))
            }
            ("google", _) => Arc::new(Remote::<google::Gemini>::new(name, model, terms, tls)),
            (_, config::Api::Chat) => {
                Arc::new(Remote::<openai::Chat>::new(name, model, terms, tls))
            }
            (_, config::Api::Responses) => {
                Arc::new(Remote::<openai_responses::Responses>::new(name, model, terms, tls))
            }
        };
        let provider: Arc<dyn Provider> = if self.pseudonyms {
            Arc::new(pseudonymous::Pseudonymous::new(provider))
        } else {
            provider
        };
        Candidate::new(provider, &self.health, account)
    }
}
