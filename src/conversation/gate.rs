//! What stands between a socket and a conversation: the tenant's state and the quotas.
//!
//! A tenant's supervisor writes the state into a `watch`; every conversation of the tenant reads the newest value and
//! nothing is queued.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota as Rate};
use tokio::sync::watch;

use crate::config;
use crate::domain::answering::Answering;
use crate::domain::origin::Origin;
use crate::domain::tenant::{Period, TenantState};
use crate::domain::widget::WidgetSettings;
use crate::id::{TenantId, VisitorId, WidgetId};

/// What conversations need to know of their tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSnapshot {
    /// Whether it is served.
    pub state: TenantState,
    /// How long its conversations are kept.
    pub retention: Period,
    /// The organisation's name.
    pub display_name: String,
    /// How its visitors are answered.
    pub answering: Arc<Answering>,
}

/// A tenant as the door sees it.
#[derive(Debug, Clone)]
pub struct TenantGate {
    /// Which.
    pub id: TenantId,
    /// The newest state.
    pub snapshot: watch::Receiver<TenantSnapshot>,
    /// Its visitors' quotas.
    pub quota: Arc<Quota>,
}

/// How much a visitor may send.
pub struct Quota {
    per_visitor: DefaultKeyedRateLimiter<VisitorId>,
    clock: DefaultClock,
}

impl fmt::Debug for Quota {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Quota")
            .field("visitors", &self.per_visitor.len())
            .finish_non_exhaustive()
    }
}

/// The rate of so many a minute with a burst.
pub fn rate(per_minute: u32, burst: u32) -> Rate {
    let per_minute = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MAX);
    Rate::per_minute(per_minute).allow_burst(NonZeroU32::new(burst).unwrap_or(per_minute))
}

impl Quota {
    /// The quotas of one tenant's visitors.
    pub fn new(settings: &config::Conversation) -> Self {
        let clock = DefaultClock::default();
        let per_visitor = DefaultKeyedRateLimiter::dashmap_with_clock(
            rate(settings.per_minute, settings.burst),
            clock.clone(),
        );
        Self { per_visitor, clock }
    }

    /// Lets one message pass, or says how long to wait.
    pub fn check(&self, visitor: VisitorId) -> Result<(), Duration> {
        self.per_visitor
            .check_key(&visitor)
            .map_err(|refused| refused.wait_time_from(self.clock.now()))
    }

    /// Forgets visitors whose quota is full again.
    pub fn sweep(&self) {
        self.per_visitor.retain_recent();
        self.per_visitor.shrink_to_fit();
    }
}

/// A widget with the tenant behind it.
#[derive(Debug, Clone)]
pub struct WidgetGate {
    /// Whose.
    pub tenant: TenantGate,
    /// The sites that may show it.
    pub origins: Arc<[Origin]>,
    /// What the tenant chose for it.
    pub settings: Arc<WidgetSettings>,
}

/// All widgets this server knows, read by every worker and replaced as a whole.
#[derive(Debug, Default)]
pub struct Gates {
    widgets: RwLock<Arc<HashMap<WidgetId, WidgetGate>>>,
}

impl Gates {
    /// The gate of a widget.
    pub fn widget(&self, id: WidgetId) -> Option<WidgetGate> {
        self.current().get(&id).cloned()
    }

    /// Whether any tenant has been loaded.
    pub fn is_empty(&self) -> bool {
        self.current().is_empty()
    }

    /// Replaces the whole list.
    pub fn replace(&self, widgets: HashMap<WidgetId, WidgetGate>) {
        *self.widgets.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(widgets);
    }

    fn current(&self) -> Arc<HashMap<WidgetId, WidgetGate>> {
        self.widgets.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
