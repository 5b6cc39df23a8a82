//! Who watches a conversation. A viewer is a cursor, not a queue: what it has not seen is a range of the log, by `seq`, and
//! a range of the answer string. Coalescing, slow readers, resume and a second watcher are the same mechanism.

use actix::Recipient;
use jiff::Timestamp;

use super::frame::{Partial, ServerFrame};
use super::log::Log;
use super::machine::Answer;
use super::socket::Out;
use crate::code::ErrorCode;
use crate::domain::turn::{Content, Turn};
use crate::id::MessageId;

/// One viewer of one conversation actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewerId(pub u64);

/// A ping that carries the byte count goes out after so many bytes; its pong gives the credit back.
const BYTES_BETWEEN_PINGS: u64 = 16 * 1024;

/// The part of an answer that a viewer has.
#[derive(Debug, Clone, Copy)]
struct Watched {
    message_id: MessageId,
    bytes: usize,
    chars: usize,
}

/// A cursor into the log and the answer, and an account of bytes.
#[derive(Debug)]
pub(super) struct Viewer {
    pub(super) id: ViewerId,
    link: Recipient<Out>,
    pub(super) seq: i64,
    watched: Option<Watched>,
    /// The answer that was already growing when this viewer came; it begins with a snapshot.
    late_for: Option<MessageId>,
    sent: u64,
    acknowledged: u64,
    asked_at: u64,
    unanswered_pings: u32,
    out_of_credit_since: Option<Timestamp>,
    /// Entries fetched for it because they had left memory.
    page: Vec<Turn>,
    pub(super) is_fetching: bool,
}

/// How far a pump came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pumped {
    /// It has seen everything.
    UpToDate,
    /// Its socket takes nothing more at the moment; look again soon.
    Blocked,
    /// It has not confirmed enough of what it was sent; its pong will say more.
    OutOfCredit,
    /// The next entry must be fetched.
    Needs(i64),
}

/// What was wrong with a viewer at a heartbeat.
pub(super) type Verdict = Option<ErrorCode>;

impl Viewer {
    pub(super) fn new(id: ViewerId, link: Recipient<Out>, last_seq: i64) -> Self {
        Self {
            id,
            link,
            seq: last_seq.max(0),
            watched: None,
            late_for: None,
            sent: 0,
            acknowledged: 0,
            asked_at: 0,
            unanswered_pings: 0,
            out_of_credit_since: None,
            page: Vec::new(),
            is_fetching: false,
        }
    }

    /// Finds its place in an answer that was growing before it came: after the part the client has, or at a snapshot.
    pub(super) fn join_answer(&mut self, partial: Option<Partial>, answer: &Answer) {
        let message_id = answer.message_id;
        self.late_for = (!answer.text.is_empty()).then_some(message_id);
        let Some(chars) =
            partial.filter(|part| part.message_id == message_id).map(|part| part.chars)
        else {
            return;
        };
        let ends = answer.text.char_indices().map(|(start, _)| start).chain([answer.text.len()]);
        if let Some(bytes) = ends.into_iter().nth(chars) {
            self.watched = Some(Watched { message_id, bytes, chars });
        }
    }

    /// Sends a frame now, if the socket takes it.
    pub(super) fn send(&mut self, frame: &ServerFrame) -> bool {
        let text = frame.to_text();
        let length = text.len() as u64;
        if self.link.try_send(Out::Text(text.into())).is_err() {
            return false;
        }
        self.sent += length;
        if self.sent - self.asked_at >= BYTES_BETWEEN_PINGS
            && self.link.try_send(Out::Ping(self.sent)).is_ok()
        {
            self.asked_at = self.sent;
        }
        true
    }

    /// Sends a frame whatever the state of the socket. Only for what answers something the socket itself sent: a socket
    /// that is blocked sends nothing, so there are never more of them than its mailbox once held.
    pub(super) fn reply(&mut self, frame: &ServerFrame) {
        let text = frame.to_text();
        self.sent += text.len() as u64;
        self.link.do_send(Out::Text(text.into()));
    }

    /// Closes the socket. One that is blocked learns of it when it can, or is ended by the kernel's own time limit.
    pub(super) fn close(&self, code: Option<ErrorCode>) {
        self.link.do_send(Out::Close(code));
    }

    /// Takes a pong that carries a byte count.
    pub(super) fn acknowledge(&mut self, bytes: u64) {
        if bytes <= self.sent {
            self.acknowledged = self.acknowledged.max(bytes);
        }
        self.unanswered_pings = 0;
        self.out_of_credit_since = None;
    }

    /// Gives the viewer entries that had left memory.
    pub(super) fn give_page(&mut self, page: Vec<Turn>) {
        self.page = page;
        self.is_fetching = false;
    }

    fn has_credit(&self, window: usize) -> bool {
        self.sent - self.acknowledged < window as u64
    }

    /// Sends what the viewer has not seen, as far as credit and socket allow.
    pub(super) fn pump(&mut self, log: &Log, answer: Option<&Answer>, window: usize) -> Pumped {
        loop {
            if !self.has_credit(window) {
                return Pumped::OutOfCredit;
            }
            if self.seq < log.head_seq {
                let next = self
                    .page
                    .iter()
                    .find(|turn| turn.seq == self.seq + 1)
                    .or_else(|| log.after(self.seq));
                let Some(turn) = next.cloned() else { return Pumped::Needs(self.seq) };
                if !self.send_entry(&turn) {
                    return Pumped::Blocked;
                }
                self.seq = turn.seq;
                if self.page.last().is_some_and(|last| last.seq <= self.seq) {
                    self.page = Vec::new();
                }
                continue;
            }
            return match answer {
                Some(answer) if !self.send_growth(answer) => Pumped::Blocked,
                Some(_) | None => Pumped::UpToDate,
            };
        }
    }

    /// One durable entry: an answer that was watched ends with its tail and `done`; anything else is an event.
    fn send_entry(&mut self, turn: &Turn) -> bool {
        let Content::Answer { message_id, text, stop_reason, provider, usage, citations, .. } =
            &turn.content
        else {
            return self.send(&ServerFrame::from(turn));
        };
        let Some(watched) = self.watched.filter(|watched| watched.message_id == *message_id) else {
            return self.send(&ServerFrame::from(turn));
        };
        // A dropped answer is shorter than what was watched; then there is no tail and `done` says why.
        if let Some(tail) = text.get(watched.bytes..).filter(|tail| !tail.is_empty()) {
            let rest = ServerFrame::Delta {
                message_id: *message_id,
                index: watched.chars,
                text: tail.to_owned(),
            };
            if !self.send(&rest) {
                return false;
            }
            self.watched = Some(Watched {
                bytes: text.len(),
                chars: watched.chars + tail.chars().count(),
                ..watched
            });
        }
        let done = ServerFrame::Done {
            message_id: *message_id,
            seq: turn.seq,
            stop_reason: *stop_reason,
            provider: provider.clone(),
            usage: *usage,
            citations: citations.clone(),
        };
        let is_sent = self.send(&done);
        if is_sent {
            self.watched = None;
        }
        is_sent
    }

    /// What the answer has grown by since this viewer last looked.
    fn send_growth(&mut self, answer: &Answer) -> bool {
        let watched = self.watched.filter(|watched| watched.message_id == answer.message_id);
        let from = watched.map_or(0, |watched| watched.bytes);
        let Some(tail) = answer.text.get(from..).filter(|tail| !tail.is_empty()) else {
            return true;
        };
        let chars = watched.map_or(0, |watched| watched.chars);
        let message_id = answer.message_id;
        let frame = if watched.is_none() && self.late_for == Some(message_id) {
            ServerFrame::Snapshot { message_id, text: tail.to_owned() }
        } else {
            ServerFrame::Delta { message_id, index: chars, text: tail.to_owned() }
        };
        if !self.send(&frame) {
            return false;
        }
        self.watched = Some(Watched {
            message_id,
            bytes: answer.text.len(),
            chars: chars + tail.chars().count(),
        });
        true
    }

    /// The regular look at a viewer: asks for a sign of life and says what is wrong, if anything.
    pub(super) fn heartbeat(
        &mut self,
        window: usize,
        stall_seconds: u64,
        now: Timestamp,
    ) -> Verdict {
        if self.unanswered_pings >= 2 {
            // Whoever stops reading answers no ping either; a full window says which of the two it is.
            let is_idle = self.has_credit(window);
            return Some(if is_idle { ErrorCode::Silent } else { ErrorCode::SlowConsumer });
        }
        if self.has_credit(window) {
            self.out_of_credit_since = None;
        } else {
            let since = *self.out_of_credit_since.get_or_insert(now);
            if now.duration_since(since).unsigned_abs().as_secs() >= stall_seconds {
                return Some(ErrorCode::SlowConsumer);
            }
        }
        self.unanswered_pings += 1;
        if self.link.try_send(Out::Ping(self.sent)).is_ok() {
            self.asked_at = self.sent;
        }
        None
    }
}
