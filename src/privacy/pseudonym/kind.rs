//! The kinds of value that are replaced, as one list: what a placeholder calls them.

/// What a replaced value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A payment card.
    Card,
    /// A Chinese resident identity number (GB 11643).
    Id,
    /// A passport or travel permit.
    Passport,
    /// An IPv4 or IPv6 address.
    Ip,
    /// A link that carries a credential.
    Url,
    /// A name that the caller knows.
    Name,
    /// What the visitor typed and only looks like a placeholder.
    Text,
}

impl Kind {
    /// All kinds, in order of declaration. No name is the beginning of another.
    pub const ALL: [Self; 9] = [
        Self::Email,
        Self::Phone,
        Self::Card,
        Self::Id,
        Self::Passport,
        Self::Ip,
        Self::Url,
        Self::Name,
        Self::Text,
    ];

    /// The word in a placeholder.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "EMAIL",
            Self::Phone => "PHONE",
            Self::Card => "CARD",
            Self::Id => "ID",
            Self::Passport => "PASSPORT",
            Self::Ip => "IP",
            Self::Url => "URL",
            Self::Name => "NAME",
            Self::Text => "TEXT",
        }
    }
}
