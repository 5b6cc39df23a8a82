//! The door: who a visitor is between two requests (a signed token), the one-use ticket for a socket, and who may not
//! come in again.
//!
//! A token is bound to its widget and lives seven days, the longest a conversation can last; each visit renews it. A
//! ticket lives thirty seconds in memory and opens one socket.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Services;
use crate::domain::language::Language;
use crate::id::{Id, TenantId, VisitorId, WidgetId};
use crate::store::StoreError;
use crate::store::conversations::Latest;
use crate::store::visitors::VisitorRow;
use crate::vault::Signer;

const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
const TICKET_LIFE: SignedDuration = SignedDuration::from_secs(30);
const MOST_TICKETS: usize = 200_000;
const TURNED_AWAY_FOR: SignedDuration = SignedDuration::from_hours(24);
const MOST_TURNED_AWAY: usize = 100_000;

/// Who sits behind a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Whose visitor.
    pub tenant: TenantId,
    /// Through which widget.
    pub widget: WidgetId,
    /// Who.
    pub visitor: VisitorId,
    /// In which language errors are said.
    pub language: Language,
    /// Whether their browser sent Global Privacy Control this time.
    pub has_signalled: bool,
}

impl Services {
    /// What is known about a visitor who came before, and the conversation that could be continued.
    pub async fn recall(
        &self,
        tenant: TenantId,
        visitor: VisitorId,
    ) -> Result<(VisitorRow, Option<Latest>), StoreError> {
        let row = self.store.visitor(tenant, visitor).await?;
        Ok((row, self.store.latest_conversation(tenant, visitor).await?))
    }
}

/// Tokens, tickets and the list of those turned away.
pub struct Door {
    signer: Signer,
    tickets: Mutex<HashMap<[u8; 24], (Session, Timestamp)>>,
    turned_away: Mutex<HashMap<VisitorId, Timestamp>>,
}

impl fmt::Debug for Door {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Door").finish_non_exhaustive()
    }
}

impl Door {
    /// A door whose tokens are signed by `signer`.
    pub fn new(signer: Signer) -> Self {
        Self { signer, tickets: Mutex::default(), turned_away: Mutex::default() }
    }

    /// A token for a visitor of a widget.
    pub fn token(&self, widget: WidgetId, visitor: VisitorId, now: Timestamp) -> String {
        let mut bytes = Vec::with_capacity(72);
        bytes.extend_from_slice(widget.uuid().as_bytes());
        bytes.extend_from_slice(visitor.uuid().as_bytes());
        bytes.extend_from_slice(&now.as_second().to_be_bytes());
        let tag = self.signer.sign(&bytes);
        bytes.extend_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The visitor of a token, if it was signed here for this widget and has not expired.
    pub fn visitor(&self, token: &str, widget: WidgetId, now: Timestamp) -> Option<VisitorId> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (signed, tag) = bytes.split_at_checked(40)?;
        if !self.signer.verify(signed, tag) {
            return None;
        }
        let (bound_to, rest) = signed.split_at_checked(16)?;
        let (visitor, issued) = rest.split_at_checked(16)?;
        let issued = Timestamp::from_second(i64::from_be_bytes(issued.try_into().ok()?)).ok()?;
        let age = now.duration_since(issued);
        let is_live = age <= TOKEN_LIFE && age >= -SignedDuration::from_mins(5);
        if bound_to != widget.uuid().as_bytes() || !is_live {
            return None;
        }
        Uuid::from_slice(visitor).ok().map(Id::from_uuid)
    }

    /// A ticket that opens one socket for this session within thirty seconds; `None` when the machine gives no randomness
    /// or far too many tickets wait.
    pub fn issue_ticket(&self, session: Session, now: Timestamp) -> Option<String> {
        let mut key = [0_u8; 24];
        getrandom::fill(&mut key).ok()?;
        let mut tickets = lock(&self.tickets);
        if tickets.len() >= MOST_TICKETS {
            tickets.retain(|_, (_, expires)| *expires > now);
        }
        if tickets.len() >= MOST_TICKETS {
            return None;
        }
        tickets.insert(key, (session, now + TICKET_LIFE));
        Some(URL_SAFE_NO_PAD.encode(key))
    }

    /// Uses a ticket up.
    pub fn redeem(&self, ticket: &str, now: Timestamp) -> Option<Session> {
        let key: [u8; 24] = URL_SAFE_NO_PAD.decode(ticket).ok()?.try_into().ok()?;
        let (session, expires) = lock(&self.tickets).remove(&key)?;
        (expires > now).then_some(session)
    }

    /// Forgets tickets that nobody used.
    pub fn sweep(&self, now: Timestamp) {
        lock(&self.tickets).retain(|_, (_, expires)| *expires > now);
        lock(&self.turned_away).retain(|_, until| *until > now);
    }

    /// Turns a visitor away for a day, in memory only: nothing is stored about somebody below the minimum age (policy
    /// §10), and the question is not asked again until another answer is found.
    pub fn turn_away(&self, visitor: VisitorId, now: Timestamp) {
        let mut turned_away = lock(&self.turned_away);
        if turned_away.len() >= MOST_TURNED_AWAY {
            turned_away.retain(|_, until| *until > now);
        }
        if turned_away.len() < MOST_TURNED_AWAY {
            turned_away.insert(visitor, now + TURNED_AWAY_FOR);
        }
    }

    /// Whether a visitor was turned away.
    pub fn is_turned_away(&self, visitor: VisitorId, now: Timestamp) -> bool {
        lock(&self.turned_away).get(&visitor).is_some_and(|until| *until > now)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
