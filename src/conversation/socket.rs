//! The socket: a shim between a WebSocket and a conversation. The only file that names `actix_web_actors`.
//!
//! An actor on this context is polled only while its peer takes bytes, so nothing may depend on its timers or its mailbox:
//! it holds no state but its own limits, it is sent to with `try_send`, and a peer that stops reading is ended by the
//! kernel (`TCP_USER_TIMEOUT`) and written off by the conversation.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Handler, Message, Running,
    StreamHandler,
};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use actix_web_actors::ws;
use bytestring::ByteString;
use governor::{DefaultDirectRateLimiter, RateLimiter};

use super::actor::{Beginning, ConversationActor, Inbound, Join, Left, Pong};
use super::frame::{self, ClientFrame, Open, ServerFrame};
use super::gate::{self, TenantGate};
use super::hub::Hub;
use super::pace::Pace;
use super::viewers::ViewerId;
use crate::code::ErrorCode;
use crate::domain::tenant::TenantState;
use crate::id::{ConversationId, Kind};
use crate::providers::Providers;
use crate::services::Services;
use crate::services::recording::Whereabouts;
use crate::services::session::Session;

/// The largest frame, in bytes: the longest message in its longest JSON form, and some air.
const MOST_BYTES: usize = 32 * 1024;
/// How long a socket may stay without `open`.
const PATIENCE: Duration = Duration::from_secs(10);
/// Frames of any kind a second, and at once.
const FRAMES_A_MINUTE: u32 = 1_200;
const FRAMES_AT_ONCE: u32 = 60;
/// Refused frames after which the socket is closed.
const MOST_REFUSED: u32 = 300;

/// What a conversation sends to a socket.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum Out {
    /// A frame.
    Text(ByteString),
    /// A ping that carries the number of bytes sent; the pong confirms them.
    Ping(u64),
    /// The end; `None` is a normal one.
    Close(Option<ErrorCode>),
    /// The conversation is not available; another may be opened.
    Detached,
}

/// What a socket needs of the house.
#[derive(Debug, Clone)]
pub struct House {
    /// Everything below the actors.
    pub services: Services,
    /// The live conversations.
    pub hub: Arc<Hub>,
    /// Language models, with this worker's own connections.
    pub providers: Providers,
    /// How often this worker passes answers on.
    pub pace: Pace,
}

/// A socket's own name, made like any identifier but never stored.
#[derive(Debug, Clone, Copy)]
enum SocketName {}

impl Kind for SocketName {
    const PREFIX: &'static str = "sck";
}

/// The shim.
pub struct SocketActor {
    house: House,
    gate: TenantGate,
    session: Session,
    viewer: ViewerId,
    conversation: Option<Addr<ConversationActor>>,
    frames: DefaultDirectRateLimiter,
    refused: u32,
    is_closing: bool,
}

impl fmt::Debug for SocketActor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SocketActor").field("viewer", &self.viewer).finish_non_exhaustive()
    }
}

type Ctx = ws::WebsocketContext<SocketActor>;

/// Answers the upgrade request and starts the shim.
pub fn start(
    house: House,
    gate: TenantGate,
    session: Session,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, actix_web::Error> {
    let name = house.services.ids.next::<SocketName>().uuid();
    let (high, low) = name.as_u64_pair();
    let actor = SocketActor {
        house,
        gate,
        session,
        viewer: ViewerId(high ^ low),
        conversation: None,
        frames: RateLimiter::direct(gate::rate(FRAMES_A_MINUTE, FRAMES_AT_ONCE)),
        refused: 0,
        is_closing: false,
    };
    let codec = actix_http::ws::Codec::new().max_size(MOST_BYTES);
    ws::WsResponseBuilder::new(actor, request, payload)
        .protocols(&[frame::PROTOCOL])
        .codec(codec)
        .start()
}

impl SocketActor {
    /// A socket that opens nothing is not kept.
    fn expect_open(ctx: &mut Ctx) {
        ctx.run_later(PATIENCE, |actor, ctx| {
            if actor.conversation.is_none() {
                actor.close(Some(ErrorCode::TicketInvalid), ctx);
            }
        });
    }

    fn say(&self, code: ErrorCode, id: Option<uuid::Uuid>, ctx: &mut Ctx) {
        ctx.text(ServerFrame::error(code, self.session.language, id).to_text());
    }

    fn close(&mut self, code: Option<ErrorCode>, ctx: &mut Ctx) {
        if std::mem::replace(&mut self.is_closing, true) {
            return;
        }
        // A refusal without a closing code of its own is not a normal end: the client must come back.
        let (number, description) =
            code.map_or((1000, "bye"), |code| (code.close().unwrap_or(1011), code.as_str()));
        ctx.close(Some(ws::CloseReason {
            code: ws::CloseCode::from(number),
            description: Some(description.to_owned()),
        }));
        ctx.stop();
    }

    fn on_text(&mut self, text: &str, ctx: &mut Ctx) {
        if self.frames.check().is_err() {
            self.refused += 1;
            if self.refused >= MOST_REFUSED {
                self.close(Some(ErrorCode::Abuse), ctx);
                return;
            }
            let id = frame::parse(text).ok().and_then(|frame| frame.client_id());
            self.say(ErrorCode::RateLimited, id, ctx);
            return;
        }
        match frame::parse(text) {
            Ok(ClientFrame::Open(open)) => self.on_open(open, ctx),
            Ok(frame) => self.on_frame(frame, ctx),
            Err(unreadable) => self.say(unreadable.code, unreadable.id, ctx),
        }
    }

    fn on_open(&mut self, open: Open, ctx: &mut Ctx) {
        if self.conversation.is_some() {
            self.say(ErrorCode::BadFrame, None, ctx);
            return;
        }
        let (conversation, beginning) = match open.conversation_id {
            Some(conversation) => (conversation, Beginning::Resumed),
            None => (self.house.services.ids.next(), Beginning::New),
        };
        let address = self
            .house
            .hub
            .find(self.session.tenant, conversation, self.session.visitor)
            .unwrap_or_else(|| self.start_conversation(conversation, beginning));
        let join = Join { viewer: self.viewer, link: ctx.address().recipient(), open };
        // A conversation may leave memory in this very moment; the client comes back and finds the next one.
        let joining = wrap_future::<_, Self>(address.send(join)).map(|joined, actor, ctx| {
            if joined.is_err() {
                actor.close(Some(ErrorCode::Internal), ctx);
            }
        });
        ctx.spawn(joining);
        self.conversation = Some(address);
    }

    fn start_conversation(
        &self,
        conversation: ConversationId,
        beginning: Beginning,
    ) -> Addr<ConversationActor> {
        ConversationActor::new(
            self.house.services.clone(),
            self.house.hub.clone(),
            self.gate.clone(),
            self.house.providers.clone(),
            self.house.pace.clone(),
            Whereabouts { session: self.session, conversation },
            beginning,
        )
        .start()
    }

    fn on_frame(&mut self, frame: ClientFrame, ctx: &mut Ctx) {
        let id = frame.client_id();
        if let (ClientFrame::Send { .. }, Err(wait)) =
            (&frame, self.gate.quota.check(self.session.visitor))
        {
            let code = ErrorCode::RateLimited;
            let message = self.session.language.pick(code.chinese(), code.english());
            let retry_after_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1));
            ctx.text(ServerFrame::Error { code, message, id, retry_after_ms }.to_text());
            return;
        }
        let Some(conversation) = &self.conversation else {
            self.say(ErrorCode::BadFrame, id, ctx);
            return;
        };
        match conversation.try_send(Inbound { viewer: self.viewer, frame }) {
            Ok(()) => {}
            Err(actix::prelude::SendError::Full(_)) => self.say(ErrorCode::Busy, id, ctx),
            Err(actix::prelude::SendError::Closed(_)) => self.close(Some(ErrorCode::Internal), ctx),
        }
    }
}

impl Actor for SocketActor {
    type Context = Ctx;

    fn started(&mut self, ctx: &mut Ctx) {
        let state = self.gate.snapshot.borrow().state;
        match state {
            TenantState::Active => Self::expect_open(ctx),
            TenantState::Suspended => self.close(Some(ErrorCode::TenantSuspended), ctx),
            TenantState::Closed => self.close(Some(ErrorCode::TenantGone), ctx),
        }
    }

    fn stopping(&mut self, _: &mut Ctx) -> Running {
        if let Some(conversation) = &self.conversation {
            conversation.do_send(Left { viewer: self.viewer });
        }
        Running::Stop
    }
}

impl Handler<Out> for SocketActor {
    type Result = ();

    fn handle(&mut self, out: Out, ctx: &mut Ctx) {
        if self.is_closing {
            return;
        }
        match out {
            Out::Text(text) => ctx.text(text),
            Out::Ping(bytes) => ctx.ping(&bytes.to_be_bytes()),
            Out::Close(code) => self.close(code, ctx),
            Out::Detached => {
                self.conversation = None;
                Self::expect_open(ctx);
            }
        }
    }
}

impl StreamHandler<Result<ws::Message, ws::ProtocolError>> for SocketActor {
    fn handle(&mut self, message: Result<ws::Message, ws::ProtocolError>, ctx: &mut Ctx) {
        if self.is_closing {
            return;
        }
        match message {
            Ok(ws::Message::Text(text)) => self.on_text(&text, ctx),
            Ok(ws::Message::Ping(payload)) => ctx.pong(&payload),
            Ok(ws::Message::Pong(payload)) => {
                let bytes = <[u8; 8]>::try_from(payload.as_ref()).map(u64::from_be_bytes);
                if let (Some(conversation), Ok(bytes)) = (&self.conversation, bytes) {
                    conversation.do_send(Pong { viewer: self.viewer, bytes });
                }
            }
            Ok(ws::Message::Binary(_)) => self.close(Some(ErrorCode::BinaryRefused), ctx),
            Ok(ws::Message::Continuation(_)) => self.close(Some(ErrorCode::Fragmented), ctx),
            Ok(ws::Message::Close(_)) => self.close(None, ctx),
            Ok(ws::Message::Nop) => {}
            Err(ws::ProtocolError::Overflow) => self.close(Some(ErrorCode::Oversize), ctx),
            Err(ws::ProtocolError::Io(error))
                if error.kind() != std::io::ErrorKind::UnexpectedEof =>
            {
                self.close(Some(ErrorCode::InvalidUtf8), ctx);
            }
            Err(_) => {
                self.is_closing = true;
                ctx.stop();
            }
        }
    }

    fn finished(&mut self, ctx: &mut Ctx) {
        ctx.stop();
    }
}
