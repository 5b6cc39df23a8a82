//! What follows when somebody turns out to be a child (policy §10): no way back in, nothing used any more, and erasure
//! by the purge at once.

use super::Services;
use crate::id::{TenantId, VisitorId};
use crate::store::StoreError;

impl Services {
    /// Restricts and hides all that is kept of a child, turns them away, and wakes the purge. Gives the number of
    /// conversations, `None` when nothing is kept.
    pub async fn report_child(
        &self,
        tenant: TenantId,
        visitor: VisitorId,
    ) -> Result<Option<u64>, StoreError> {
        let now = self.clock.now();
        self.door.turn_away(visitor, now);
        let hidden = self.store.mark_child(tenant, visitor, now).await?;
        if hidden.is_some() {
            // The mark is durable: a pass that this bell does not reach finds it all the same.
            self.purge_bell.notify_one();
        }
        Ok(hidden)
    }
}
