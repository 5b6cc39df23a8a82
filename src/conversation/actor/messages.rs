//! What can be said to a conversation.

use actix::{Message, Recipient};

use crate::conversation::frame::{ClientFrame, Open};
use crate::conversation::socket::Out;
use crate::conversation::viewers::ViewerId;

/// A viewer comes.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Join {
    /// Its name on this actor.
    pub viewer: ViewerId,
    /// The way to its socket.
    pub link: Recipient<Out>,
    /// Where it wants to start.
    pub open: Open,
}

/// A viewer says something.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Inbound {
    /// Who.
    pub viewer: ViewerId,
    /// What.
    pub frame: ClientFrame,
}

/// A viewer confirms bytes.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Pong {
    /// Who.
    pub viewer: ViewerId,
    /// How many it has received in all.
    pub bytes: u64,
}

/// A viewer is gone.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Left {
    /// Who.
    pub viewer: ViewerId,
}

/// An order from the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum Command {
    /// The node is going away: finish and close.
    Drain,
    /// Another holder has the lease.
    Supersede,
    /// The visitor asked for restriction, or lifted it.
    Restrict(bool),
    /// The conversation is being erased.
    Erase,
}
