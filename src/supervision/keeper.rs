//! A keeper looks at its ward every heartbeat and builds a new one from its factory when the old one's mailbox has closed.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context, Supervised, Supervisor};

/// How often a keeper looks.
pub const HEARTBEAT: Duration = Duration::from_millis(500);

/// Where the present incarnation of a ward is found.
pub struct Post<A: Actor>(Arc<RwLock<Option<Addr<A>>>>);

impl<A: Actor> Post<A> {
    /// The ward, if it is alive at this moment.
    pub fn address(&self) -> Option<Addr<A>> {
        let post = self.0.read().unwrap_or_else(PoisonError::into_inner);
        post.as_ref().filter(|address| address.connected()).cloned()
    }

    fn put(&self, address: Addr<A>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }
}

impl<A: Actor> Clone for Post<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A: Actor> fmt::Debug for Post<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Post").field(&self.address().is_some()).finish()
    }
}

/// The keeper of one ward.
pub struct Keeper<A: Actor> {
    name: &'static str,
    build: Box<dyn Fn() -> A>,
    post: Post<A>,
}

impl<A: Actor> fmt::Debug for Keeper<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Keeper").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<A: Actor<Context = Context<A>> + Supervised> Keeper<A> {
    /// Builds a ward and watches over it; the post always leads to the present one.
    pub fn watch(name: &'static str, build: impl Fn() -> A + 'static) -> (Post<A>, Addr<Self>) {
        let post = Post(Arc::new(RwLock::new(None)));
        let mut keeper = Self { name, build: Box::new(build), post: post.clone() };
        keeper.rebuild();
        (post, keeper.start())
    }

    fn rebuild(&mut self) {
        if let Ok(ward) = catch_unwind(AssertUnwindSafe(|| (self.build)())) {
            self.post.put(Supervisor::start(move |_| ward));
        } else {
            tracing::error!(ward = self.name, "a ward could not be built; trying again");
        }
    }
}

impl<A: Actor<Context = Context<A>> + Supervised> Actor for Keeper<A> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(HEARTBEAT, |keeper, _| {
            if keeper.post.address().is_none() {
                tracing::error!(ward = keeper.name, "a ward was lost and is rebuilt");
                keeper.rebuild();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix::{Handler, Message};

    #[derive(Debug, Message)]
    #[rtype(result = "u32")]
    struct Poke {
        fatally: bool,
    }

    #[derive(Debug)]
    struct Fragile;

    impl Actor for Fragile {
        type Context = Context<Self>;
    }
    impl Supervised for Fragile {}
    impl Handler<Poke> for Fragile {
        type Result = u32;

        fn handle(&mut self, poke: Poke, _: &mut Self::Context) -> u32 {
            assert!(!poke.fatally, "poked fatally");
            7
        }
    }

    #[actix::test]
    async fn a_panicked_ward_is_back_within_a_heartbeat() {
        tokio::time::pause();
        let (post, _keeper) = Keeper::watch("fragile", || Fragile);
        let first = post.address().expect("built at once");
        assert_eq!(first.send(Poke { fatally: false }).await.ok(), Some(7));
        assert!(first.send(Poke { fatally: true }).await.is_err());
        tokio::time::sleep(HEARTBEAT * 2).await;
        let second = post.address().expect("rebuilt");
        assert_eq!(second.send(Poke { fatally: false }).await.ok(), Some(7));
        assert!(!first.connected());
    }
}
