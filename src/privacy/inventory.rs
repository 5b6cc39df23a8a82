//! Every column of the database and what it holds. A test compares this table with the database itself, so a column
//! that nobody thought about fails the build.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Personal data, as ciphertext under the conversation's key.
    Sealed,
    /// A random identifier that leads to a person only together with that person's own browser.
    Pseudonym,
    /// A fact about a pseudonym that is needed in clear: an instant, a decision, an age bracket.
    FactAboutPseudonym,
    /// A tenant's own content, as ciphertext under a key of its own. Kept until the tenant removes it, so that it has no
    /// retention class.
    SealedContent,
    /// Nothing about a person.
    Nothing,
}

/// One column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its table.
    pub table: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub holds: Holds,
}

macro_rules! inventory {
    ($($table:literal { $($holds:ident: $($name:literal)+;)+ })+) => {
        /// The inventory.
        pub const COLUMNS: &[Column] = &[
            $($($(Column { table: $table, name: $name, holds: Holds::$holds },)+)+)+
        ];
    };
}

inventory! {
    "installation" { Nothing: "singleton" "keyring_id" "created_at"; }
    "policy_text" { Nothing: "version" "language" "sha256" "body" "published_at"; }
    "tenant" {
        Nothing: "tenant_id" "slug" "display_name" "state" "retention_months" "retention_days" "created_at"
            "answering" "granted" "instruction_version";
    }
    "instruction" { Nothing: "tenant_id" "version" "zh" "en" "created_at"; }
    "provider_key" {
        SealedContent: "sealed";
        Nothing: "tenant_id" "provider" "key_id" "set_at";
    }
    "spending" {
        Nothing: "tenant_id" "day" "provider" "model" "requests" "input_tokens" "output_tokens" "micros";
    }
    "widget" { Nothing: "tenant_id" "widget_id" "origins" "settings" "created_at"; }
    "visitor" {
        Pseudonym: "visitor_id";
        FactAboutPseudonym: "age_bracket" "policy_version" "granted" "consent_epoch" "anchor_at" "gpc" "restricted"
            "objected" "child_at";
        Nothing: "tenant_id" "retention_class";
    }
    "consent_act" {
        Pseudonym: "visitor_id" "receipt_id" "conversation_id" "digest" "client_id";
        FactAboutPseudonym: "act_no" "kind" "policy_version" "granted" "denied" "at" "anchor_at";
        Nothing: "tenant_id" "retention_class";
    }
    "conversation" {
        Pseudonym: "conversation_id" "visitor_id";
        FactAboutPseudonym: "started_at" "state" "head_seq" "read_seq" "hidden" "purge_lease"
            "anchor_at" "anchor_day";
        Nothing: "tenant_id" "widget_id" "node_id" "epoch" "retention_class";
    }
    "turn" {
        Sealed: "content";
        Pseudonym: "conversation_id" "turn_id" "client_id";
        FactAboutPseudonym: "seq" "kind" "at" "policy_version" "purposes" "anchor_at";
        Nothing: "tenant_id" "retention_class";
    }
    "legal_hold" {
        Pseudonym: "object_id";
        Nothing: "tenant_id" "hold_id" "scope" "matter" "placed_by" "placed_at" "approved_by" "approved_at" "released_by"
            "released_at" "reason";
    }
    "legal_hold_event" { Nothing: "tenant_id" "hold_id" "what" "who" "at"; }
    "api_key" { Nothing: "tenant_id" "key_id" "digest" "label" "created_at" "expires_at" "revoked_at"; }
    "library" { Nothing: "tenant_id" "revision" "contact"; }
    "document" {
        Nothing: "tenant_id" "document_id" "slug" "current_version" "latest_version" "created_at" "changed_at";
    }
    "document_version" {
        SealedContent: "card";
        Nothing: "tenant_id" "document_id" "version" "version_id" "format" "text_bytes" "at";
    }
    "document_chunk" {
        SealedContent: "content";
        Nothing: "tenant_id" "document_id" "version" "part";
    }
    "ledger_mark" { Nothing: "singleton" "seq" "hash" "restored"; }
    "audit_head" { Nothing: "singleton" "seq" "month" "hash"; }
    "audit_entry" {
        Pseudonym: "actor" "object";
        FactAboutPseudonym: "at" "action" "amount";
        Nothing: "tenant_id" "month" "seq" "actor_kind" "hash";
    }
    "audit_salt" {
        Pseudonym: "subject";
        Nothing: "tenant_id" "salt";
    }
    "audit_checkpoint" { Nothing: "size" "is_outside" "note" "at"; }
    "audit_epoch" { Nothing: "month" "first_seq" "last_seq" "last_hash" "dropped_at"; }
    "purge_run" {
        Nothing: "tenant_id" "run_id" "retention_class" "started_at" "ended_at" "conversations" "turns" "residue"
            "visitors" "consent_acts";
    }
    "purge_certificate" { Nothing: "tenant_id" "run_id" "at" "note"; }
}
