//! Whether words may go to another part of the world, and under which safeguard (policy §11). Default deny: a place that
//! is not named, and a safeguard that the law of the place of origin does not know, let nothing through.

use std::fmt;

use crate::domain::language::Language;

/// A part of the world with one law on transfers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    /// This machine: nothing is transferred.
    Here,
    /// By its code of two small letters (ISO 3166-1); `eu` stands for the European Economic Area.
    Of([u8; 2]),
}

/// The European Economic Area (GDPR, chapter V).
const EU: Region = Region::Of(*b"eu");
/// The United Kingdom (UK GDPR, chapter V) and Switzerland (FADP, art. 16), whose rules follow the same pattern.
const LIKE_EU: [Region; 2] = [Region::Of(*b"gb"), Region::Of(*b"ch")];
/// China (PIPL, art. 38).
const CN: Region = Region::Of(*b"cn");

impl Region {
    /// Reads a code of two letters.
    pub fn parse(code: &str) -> Option<Self> {
        match code.as_bytes() {
            [first, second] if first.is_ascii_lowercase() && second.is_ascii_lowercase() => {
                Some(Self::Of([*first, *second]))
            }
            _ => None,
        }
    }

    /// What a visitor is told; nothing for this machine.
    pub fn name(self, language: Language) -> Option<String> {
        let code = match self {
            Self::Here => return None,
            Self::Of(code) => code,
        };
        let (chinese, english) = match &code {
            b"us" => ("美国", "United States"),
            b"eu" => ("欧洲经济区", "European Economic Area"),
            b"gb" => ("英国", "United Kingdom"),
            b"ch" => ("瑞士", "Switzerland"),
            b"cn" => ("中国", "China"),
            b"jp" => ("日本", "Japan"),
            b"sg" => ("新加坡", "Singapore"),
            _ => return Some(self.to_string().to_uppercase()),
        };
        Some(language.pick(chinese, english).to_owned())
    }
}

impl fmt::Display for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here => formatter.write_str("this machine"),
            Self::Of([first, second]) => {
                write!(formatter, "{}{}", char::from(*first), char::from(*second))
            }
        }
    }
}

/// What makes a transfer lawful.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safeguard {
    /// Standard contractual clauses with the processor (GDPR, art. 46).
    Clauses,
    /// A decision that the place protects data well enough (GDPR, art. 45).
    Adequacy,
    /// The standard contract of China, filed (PIPL, art. 38(1)(3)).
    StandardContractCn,
    /// The operator found that the law asks for none.
    NoneNeeded,
}

impl Safeguard {
    /// Every one, by the word for it in settings.
    pub const ALL: [(&'static str, Self); 4] = [
        ("scc", Self::Clauses),
        ("adequacy", Self::Adequacy),
        ("standard-contract-cn", Self::StandardContractCn),
        ("none-needed", Self::NoneNeeded),
    ];

    /// Reads the word for it.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == word).map(|(_, safeguard)| safeguard)
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, known)| *known == self).map_or("", |(word, _)| word)
    }
}

/// The way of words to a processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// Where they are collected; `None` where nobody said.
    pub from: Option<Region>,
    /// Where they are processed; `None` where nobody said.
    pub to: Option<Region>,
    /// What makes it lawful.
    pub safeguard: Option<Safeguard>,
}

impl Default for Transfer {
    /// They stay on this machine.
    fn default() -> Self {
        Self { from: Some(Region::Here), to: Some(Region::Here), safeguard: None }
    }
}

impl Transfer {
    /// Whether the words may go this way.
    pub fn is_lawful(self) -> bool {
        let (Some(from), Some(to)) = (self.from, self.to) else { return false };
        if to == Region::Here || to == from {
            return true;
        }
        let Some(safeguard) = self.safeguard else { return false };
        match safeguard {
            Safeguard::Clauses | Safeguard::Adequacy => from != CN,
            Safeguard::StandardContractCn => from == CN,
            // European law knows derogations for single cases, none for a service that sends every question.
            Safeguard::NoneNeeded => from != EU && !LIKE_EU.contains(&from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lawful(from: &str, to: &str, safeguard: &str) -> bool {
        let (from, to) = (Region::parse(from), Region::parse(to));
        Transfer { from, to, safeguard: Safeguard::parse(safeguard) }.is_lawful()
    }

    /// Policy §11: data goes abroad with appropriate safeguards.
    #[test]
    fn no_word_goes_abroad_without_a_safeguard_that_the_law_of_its_origin_knows() {
        assert!(Transfer::default().is_lawful());
        for (from, to, safeguard) in [
            ("eu", "us", "scc"),
            ("eu", "jp", "adequacy"),
            ("eu", "eu", ""),
            ("gb", "us", "scc"),
            ("cn", "cn", ""),
            ("cn", "us", "standard-contract-cn"),
            ("cn", "us", "none-needed"),
            ("us", "cn", "none-needed"),
        ] {
            assert!(lawful(from, to, safeguard), "{from} to {to} by {safeguard:?}");
        }
        for (from, to, safeguard) in [
            ("eu", "us", ""),
            ("eu", "us", "none-needed"),
            ("ch", "us", "none-needed"),
            ("eu", "us", "standard-contract-cn"),
            ("eu", "us", "a handshake"),
            ("eu", "", "scc"),
            ("", "us", "scc"),
            ("EU", "us", "scc"),
            ("cn", "us", "scc"),
            ("cn", "us", "adequacy"),
            ("us", "cn", ""),
        ] {
            assert!(!lawful(from, to, safeguard), "{from} to {to} by {safeguard:?}");
        }
    }

    #[test]
    fn each_safeguard_is_read_back_from_its_word() {
        for (word, safeguard) in Safeguard::ALL {
            assert_eq!((Safeguard::parse(word), safeguard.as_str()), (Some(safeguard), word));
        }
    }
}
