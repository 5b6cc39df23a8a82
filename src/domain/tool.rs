//! What a model may ask for while it answers. Its words are not to be trusted: an order is what is left of a request after
//! its name is known, its arguments have the right shape, and nothing is larger than it need be.

use std::fmt;

use serde::Deserialize;
use serde_json::{Value, json};

/// Bytes of the arguments at most.
pub const LONGEST_ARGUMENTS: usize = 4 * 1024;
/// Characters of a query at most.
const LONGEST_QUERY: usize = 200;

/// A tool that models are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Looks something up in the tenant's own documents.
    SearchKnowledge,
    /// Says that a person is needed.
    HandoffToPerson,
}

impl Tool {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::SearchKnowledge, Self::HandoffToPerson];

    /// Its name in the protocols.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SearchKnowledge => "search_knowledge",
            Self::HandoffToPerson => "handoff_to_person",
        }
    }

    /// What a model is told about it.
    pub const fn description(self) -> &'static str {
        match self {
            Self::SearchKnowledge => {
                "Looks up passages in this organisation's documents. Use it when the passages you were given do not answer \
                 the question. The query is at most 200 characters, in the language of the documents if you know it."
            }
            Self::HandoffToPerson => {
                "Ends your answer and tells the visitor how to reach a person. Use it only when the visitor asks for a \
                 person, has a complaint, or needs something done that you cannot do."
            }
        }
    }

    /// The shape of its arguments, in the part of JSON Schema that all vendors read.
    pub fn schema(self) -> Value {
        match self {
            Self::SearchKnowledge => json!({
                "type": "object",
                "properties": {"query": {"type": "string", "description": "what to look up"}},
                "required": ["query"],
            }),
            Self::HandoffToPerson => json!({
                "type": "object",
                "properties": {"reason": {
                    "type": "string",
                    "enum": ["asked_for", "complaint", "cannot_do"],
                }},
                "required": ["reason"],
            }),
        }
    }
}

/// A request that was found right. `Debug` shows no words: they may be the visitor's.
#[derive(Clone, PartialEq, Eq)]
pub enum Order {
    /// Look this up.
    Search {
        /// The words.
        query: String,
    },
    /// A person is needed.
    Handoff {
        /// Why.
        reason: Reason,
    },
}

impl fmt::Debug for Order {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Search { query } => write!(formatter, "Search({} bytes)", query.len()),
            Self::Handoff { reason } => write!(formatter, "Handoff({reason:?})"),
        }
    }
}

/// Why a person is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The visitor asked for one.
    AskedFor,
    /// The visitor complains.
    Complaint,
    /// Something is to be done that an answer does not do.
    CannotDo,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchArguments {
    query: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HandoffArguments {
    reason: Reason,
}

impl Order {
    /// Reads a request; `None` for one that is not to be carried out.
    pub fn read(name: &str, arguments: &str) -> Option<Self> {
        if arguments.len() > LONGEST_ARGUMENTS {
            return None;
        }
        match Tool::ALL.into_iter().find(|tool| tool.name() == name)? {
            Tool::SearchKnowledge => {
                let arguments: SearchArguments = serde_json::from_str(arguments).ok()?;
                let query = arguments.query.trim();
                let is_fit = !query.is_empty()
                    && query.chars().count() <= LONGEST_QUERY
                    && !query.chars().any(char::is_control);
                is_fit.then(|| Self::Search { query: query.to_owned() })
            }
            Tool::HandoffToPerson => {
                let arguments: HandoffArguments = serde_json::from_str(arguments).ok()?;
                Some(Self::Handoff { reason: arguments.reason })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_of_the_right_shape_and_size_becomes_an_order() {
        let search = Order::read("search_knowledge", r#"{"query":" 运费 "}"#);
        assert_eq!(search, Some(Order::Search { query: "运费".into() }));
        let handoff = Order::read("handoff_to_person", r#"{"reason":"complaint"}"#);
        assert_eq!(handoff, Some(Order::Handoff { reason: Reason::Complaint }));
        let long = format!(r#"{{"query":"{}"}}"#, "长".repeat(LONGEST_QUERY + 1));
        let large = format!(r#"{{"query":"a"{}}}"#, " ".repeat(LONGEST_ARGUMENTS));
        let nested = format!(r#"{{"query":{}1{}}}"#, "[".repeat(900), "]".repeat(900));
        for (name, arguments) in [
            ("search_knowledge", ""),
            ("search_knowledge", "{}"),
            ("search_knowledge", r#"{"query":1}"#),
            ("search_knowledge", r#"{"query":"  "}"#),
            ("search_knowledge", r#"{"query":"a\u0000b"}"#),
            ("search_knowledge", r#"{"query":"a","tenant":"another"}"#),
            ("search_knowledge", long.as_str()),
            ("search_knowledge", large.as_str()),
            ("search_knowledge", nested.as_str()),
            ("handoff_to_person", r#"{"reason":"boredom"}"#),
            ("delete_everything", "{}"),
        ] {
            assert_eq!(Order::read(name, arguments), None, "{name}");
        }
        assert_eq!(format!("{search:?}"), "Some(Search(6 bytes))");
    }
}
