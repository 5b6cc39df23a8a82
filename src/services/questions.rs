//! The questions that a tenant's documents did not cover. They are read from the conversations they were asked in, whose
//! keys open them: where a conversation was erased, there is nothing left to report.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Services;
use super::documents::DocumentError;
use crate::domain::tenant::Period;
use crate::domain::turn::Content;
use crate::id::{ConversationId, TenantId};
use crate::privacy::retention::RetentionClass;
use crate::store::turns::StoredTurn;
use crate::store::unanswered::Inquiry;
use crate::vault::{Place, Scope, SealedColumn, Vault, VaultError};

/// The most questions that one report looks at, the newest ones.
const MOST: i64 = 1000;

/// A question without an answer. Its `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuestionInfo {
    /// What was asked, as it was asked last.
    pub text: String,
    /// How often, in the same words.
    pub count: u32,
    /// When it was asked last.
    #[schema(value_type = String)]
    pub last_at: Timestamp,
}

impl std::fmt::Debug for QuestionInfo {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "QuestionInfo({} times)", self.count)
    }
}

impl Services {
    /// What visitors of the last `days` days asked in vain, most frequent first.
    pub async fn unanswered(
        &self,
        tenant: TenantId,
        days: u16,
    ) -> Result<Vec<QuestionInfo>, DocumentError> {
        let now = self.clock.now();
        let directory = self.store.tenant_directory().await?;
        let setting = directory.iter().find(|row| row.id == tenant).map(|row| row.retention);
        let inquiry = Inquiry {
            tenant,
            period: RetentionClass::Conversation.period(setting.unwrap_or(Period::DEFAULT)),
            now,
            since: now - SignedDuration::from_hours(24 * i64::from(days)),
            limit: MOST,
        };
        let turns = self.store.unanswered(&inquiry).await?;
        Ok(self.with_vault(move |vault| Ok(merged(open(vault, tenant, turns)?))).await?)
    }
}

fn open(
    vault: &Vault,
    tenant: TenantId,
    turns: Vec<(ConversationId, StoredTurn)>,
) -> Result<Vec<(String, Timestamp)>, VaultError> {
    let mut questions = Vec::with_capacity(turns.len());
    for (conversation, turn) in turns {
        // Erased between the look and the opening.
        let key = match vault.key(Scope { tenant, conversation }) {
            Err(VaultError::Revoked | VaultError::Missing) => continue,
            found_or_refused => found_or_refused?,
        };
        let place = Place {
            column: SealedColumn::TurnContent,
            tenant,
            conversation,
            record: turn.turn_id,
            kind: u8::try_from(turn.kind).unwrap_or(u8::MAX),
        };
        if let Content::Question { text, .. } = key.open(place, &turn.content)? {
            questions.push((text, turn.at));
        }
    }
    Ok(questions)
}

/// The same words in another case or spacing are the same question.
fn merged(questions: Vec<(String, Timestamp)>) -> Vec<QuestionInfo> {
    let mut by_words: BTreeMap<String, QuestionInfo> = BTreeMap::new();
    for (text, at) in questions {
        let words: Vec<&str> = text.split_whitespace().collect();
        let asked = QuestionInfo { text: text.clone(), count: 0, last_at: at };
        let entry = by_words.entry(words.join(" ").to_lowercase()).or_insert(asked);
        entry.count += 1;
        if at > entry.last_at {
            entry.last_at = at;
            entry.text = text;
        }
    }
    let mut report: Vec<QuestionInfo> = by_words.into_values().collect();
    report.sort_by_key(|question| std::cmp::Reverse((question.count, question.last_at)));
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_are_one_question_and_the_most_frequent_comes_first() {
        let at = |second| Timestamp::from_second(second).expect("in range");
        let report = merged(vec![
            ("Open on Sunday?".to_owned(), at(1)),
            ("周日营业吗".to_owned(), at(9)),
            ("open  on sunday?".to_owned(), at(5)),
        ]);
        let told: Vec<_> = report.iter().map(|one| (one.text.as_str(), one.count)).collect();
        assert_eq!(told, [("open  on sunday?", 2), ("周日营业吗", 1)]);
        assert_eq!(report[0].last_at, at(5));
    }
}
