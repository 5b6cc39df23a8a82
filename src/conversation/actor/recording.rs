//! What each entry of the machine becomes in the database.

use jiff::Timestamp;

use crate::conversation::machine::{Entry, Written};
use crate::privacy::retention::{RetentionClass, stamp};
use crate::services::Services;
use crate::services::consent::Act;
use crate::services::recording::{Pen, RecordError, Whereabouts};
use crate::vault::ConversationKey;

/// Makes an entry durable; gives what was written, and the conversation's key if it was needed.
pub(super) async fn record(
    services: &Services,
    whereabouts: Whereabouts,
    pen: Pen,
    entry: Entry,
    is_closed: bool,
    at: Timestamp,
) -> Result<(Written, Option<ConversationKey>), RecordError> {
    let session = whereabouts.session;
    match entry {
        Entry::Content(content) => {
            let (appended, key) = services.record(whereabouts, pen, content.clone(), at).await?;
            Ok((Written::Entry(appended, Box::new(content), at), Some(key)))
        }
        Entry::Consent { id, decisions } => {
            let act = Act { id, decisions };
            if is_closed {
                let standing = services.record_withdrawal(whereabouts, act, at).await?;
                return Ok((Written::Act(standing), None));
            }
            if session.has_signalled {
                // Before the act: what a person decides under the signal is their later word.
                services.heed_signal(session.tenant, session.visitor, at).await?;
            }
            let (appended, content, key) =
                services.record_consent(whereabouts, pen, act, at).await?;
            Ok((Written::Entry(appended, Box::new(content), at), Some(key)))
        }
        Entry::Age(bracket) => {
            let age = stamp(bracket, RetentionClass::Conversation, at);
            services.store.record_age(session.tenant, session.visitor, age).await?;
            if session.has_signalled {
                services.heed_signal(session.tenant, session.visitor, at).await?;
            }
            Ok((Written::Age(bracket), None))
        }
        Entry::Child => {
            services.report_child(session.tenant, session.visitor).await?;
            Ok((Written::Child, None))
        }
    }
}
