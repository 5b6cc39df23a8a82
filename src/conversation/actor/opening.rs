//! How a conversation comes to life: the lease, the facts, the newest entries, and what a viewer is told first.

use actix::fut::wrap_future;
use actix::{ActorFutureExt, AsyncContext, Context, StreamHandler};

use super::{ConversationActor, Inbound};
use crate::code::{Coded, ErrorCode};
use crate::conversation::frame::{Ai, Consent, Limits, Ready, Retention, ServerFrame, You};
use crate::conversation::gate::TenantSnapshot;
use crate::conversation::log::MOST_IN_MEMORY;
use crate::conversation::machine::{Facts, Input, Machine, Standpoint};
use crate::conversation::socket::Out;
use crate::domain::budget::Spend;
use crate::domain::consent::Purpose;
use crate::domain::text::MAX_MESSAGE_CHARS;
use crate::domain::turn::Turn;
use crate::privacy::retention::{RetentionClass, is_over};
use crate::services::Services;
use crate::services::notice::POLICY_VERSION;
use crate::services::recording::Whereabouts;
use crate::store::visitors::VisitorRow;
use crate::vault::ConversationKey;

/// Whether the conversation is a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// It begins here; nothing is stored before the visitor acts.
    New,
    /// It exists; its lease must be taken.
    Resumed,
}

/// What is known once the conversation is open.
#[derive(Debug)]
struct Opened {
    visitor: VisitorRow,
    standpoint: Standpoint,
    epoch: i64,
    key: Option<ConversationKey>,
    newest: Vec<Turn>,
}

/// A fresh state of the tenant, as the actor's stream gives it.
#[derive(Debug)]
pub(super) struct TenantNews(TenantSnapshot);

impl ConversationActor {
    pub(super) fn open(&mut self, ctx: &mut Context<Self>) {
        let (services, whereabouts) = (self.services.clone(), self.whereabouts);
        let (beginning, gate) = (self.beginning, self.gate.clone());
        let opening = async move {
            match beginning {
                Beginning::New => begin(&services, whereabouts).await,
                Beginning::Resumed => {
                    let retention = gate.snapshot.borrow().retention;
                    let opened = resume(&services, whereabouts).await?;
                    let period = RetentionClass::Conversation.period(retention);
                    // Past its time it is hidden at once, whether the purge has come by or not.
                    if is_over(opened.standpoint.anchor_at, period, services.clock.now()) {
                        return Err(ErrorCode::NotFound);
                    }
                    Ok(opened)
                }
            }
        };
        ctx.spawn(wrap_future::<_, Self>(opening).map(|outcome, actor, ctx| match outcome {
            Ok(opened) => actor.opened(opened, ctx),
            Err(code) => actor.refuse_to_open(code, ctx),
        }));
    }

    fn opened(&mut self, opened: Opened, ctx: &mut Context<Self>) {
        let session = self.whereabouts.session;
        self.epoch = opened.epoch;
        self.key = opened.key;
        let provider = self.provider(Spend::default());
        let snapshot = self.gate.snapshot.borrow().clone();
        let facts = Facts {
            tenant: snapshot.state,
            policy_version: POLICY_VERSION,
            is_known: opened.visitor != VisitorRow::default(),
            standing: opened.visitor.standing,
            age: opened.visitor.age,
            is_restricted: opened.visitor.is_restricted,
            objected: opened.visitor.objected,
            language: session.language,
            prompt_tokens: self.services.config.conversation.prompt_tokens,
            answering: snapshot.answering,
            provider: provider.name(),
            model: provider.model().to_owned(),
        };
        self.machine = Some(Machine::new(self.services.ids.clone(), facts, opened.standpoint));
        let key = (session.tenant, self.whereabouts.conversation);
        self.hub.register(key, session.visitor, self.epoch, &ctx.address());
        if opened.standpoint.is_begun {
            self.step(Input::Loaded(opened.newest), ctx);
        }
        // Of several sockets that came meanwhile, the last one stays; the others learn that they were superseded.
        for join in std::mem::take(&mut self.joining) {
            self.admit(join, ctx);
        }
        for Inbound { viewer, frame } in std::mem::take(&mut self.early) {
            if self.viewers.iter().any(|known| known.id == viewer) {
                self.step(Input::Frame(viewer, frame), ctx);
            }
        }
    }

    fn refuse_to_open(&mut self, code: ErrorCode, ctx: &mut Context<Self>) {
        let error = ServerFrame::error(code, self.whereabouts.session.language, None);
        for join in self.joining.drain(..) {
            drop(join.link.try_send(Out::Text(error.to_text().into())));
            drop(join.link.try_send(Out::Detached));
        }
        self.end(Some(code), ctx);
    }

    pub(super) fn load(&mut self, ctx: &mut Context<Self>) {
        let (services, whereabouts, held) =
            (self.services.clone(), self.whereabouts, self.key.clone());
        let loading = async move { newest(&services, whereabouts, held).await };
        ctx.spawn(wrap_future::<_, Self>(loading).map(|outcome, actor, ctx| match outcome {
            Ok((key, turns)) => {
                actor.key = Some(key);
                actor.step(Input::Loaded(turns), ctx);
            }
            Err(code) => actor.end(Some(code), ctx),
        }));
    }

    /// Follows the tenant's state for as long as the conversation lives.
    pub(super) fn watch_tenant(&mut self, ctx: &mut Context<Self>) {
        let news =
            futures_util::stream::unfold(self.gate.snapshot.clone(), |mut watch| async move {
                watch.changed().await.ok()?;
                let snapshot = watch.borrow_and_update().clone();
                Some((TenantNews(snapshot), watch))
            });
        ctx.add_stream(news);
    }

    pub(super) fn ready(&self) -> Ready {
        let language = self.whereabouts.session.language;
        let provider = self.provider(Spend::default());
        let period = RetentionClass::Conversation.period(self.gate.snapshot.borrow().retention);
        let facts = self.machine.as_ref().map(|machine| &machine.facts);
        let granted = facts.map_or_else(Vec::new, |facts| {
            let purposes = Purpose::ALL.iter().filter(|purpose| purpose.rests_on_consent());
            let purposes = purposes.copied();
            purposes.filter(|purpose| facts.standing.allows(*purpose, POLICY_VERSION)).collect()
        });
        Ready {
            conversation_id: self.whereabouts.conversation,
            epoch: self.epoch,
            head_seq: self.machine.as_ref().map_or(0, |machine| machine.log.head_seq),
            you: You {
                assurance: "anonymous",
                age: facts
                    .and_then(|facts| facts.age)
                    .map_or("unknown", crate::domain::age::AgeBracket::as_str),
                consent: Consent {
                    policy_version: facts.and_then(|facts| facts.standing.policy_version.clone()),
                    granted,
                    needed: vec![Purpose::AiAnswer],
                },
            },
            retention: Retention {
                class: RetentionClass::Conversation.as_str(),
                until_text: period.in_words(language),
            },
            ai: Ai { provider: provider.name(), label: provider.label(language) },
            limits: Limits { text_chars: MAX_MESSAGE_CHARS },
        }
    }
}

impl StreamHandler<TenantNews> for ConversationActor {
    fn handle(&mut self, news: TenantNews, ctx: &mut Context<Self>) {
        self.step(Input::Tenant(news.0.state, news.0.answering), ctx);
    }

    /// The tenant's supervisor went away and will be rebuilt; the conversation goes on with what it knows.
    fn finished(&mut self, _: &mut Context<Self>) {}
}

async fn begin(services: &Services, whereabouts: Whereabouts) -> Result<Opened, ErrorCode> {
    let session = whereabouts.session;
    let now = services.clock.now();
    let visitor = services
        .store
        .visitor(session.tenant, session.visitor)
        .await
        .map_err(|error| error.code())?;
    Ok(Opened {
        visitor,
        standpoint: Standpoint {
            head_seq: 0,
            read_seq: 0,
            started_at: now,
            anchor_at: now,
            is_begun: false,
            is_closed: false,
        },
        epoch: 1,
        key: None,
        newest: Vec::new(),
    })
}

async fn resume(services: &Services, whereabouts: Whereabouts) -> Result<Opened, ErrorCode> {
    let session = whereabouts.session;
    let lease = services
        .store
        .take_lease(session.tenant, whereabouts.conversation, session.visitor, services.node)
        .await
        .map_err(|error| error.code())?
        .ok_or(ErrorCode::NotFound)?;
    let (key, turns) = if lease.head_seq > 0 {
        let (key, turns) = newest(services, whereabouts, None).await?;
        (Some(key), turns)
    } else {
        (None, Vec::new())
    };
    Ok(Opened {
        visitor: lease.visitor,
        standpoint: Standpoint {
            head_seq: lease.head_seq,
            read_seq: lease.read_seq,
            started_at: lease.started_at,
            anchor_at: lease.anchor_at,
            is_begun: true,
            is_closed: lease.is_closed,
        },
        epoch: lease.epoch,
        key,
        newest: turns,
    })
}

async fn newest(
    services: &Services,
    whereabouts: Whereabouts,
    held: Option<ConversationKey>,
) -> Result<(ConversationKey, Vec<Turn>), ErrorCode> {
    let limit = i64::try_from(MOST_IN_MEMORY).unwrap_or(i64::MAX);
    let stored = services
        .store
        .newest_turns(whereabouts.session.tenant, whereabouts.conversation, limit)
        .await
        .map_err(|error| error.code())?;
    let key = match held {
        Some(key) => key,
        None => services.existing_key(whereabouts).await.map_err(|error| error.code())?,
    };
    let turns = services.read_back(whereabouts, &key, stored).map_err(|error| error.code())?;
    Ok((key, turns))
}
