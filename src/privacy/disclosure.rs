//! Whether something may leave towards a processor. Default deny.
//!
//! [`Disclosed`] is the only thing a provider accepts and [`disclose`] is the only place that makes one, so a call that
//! forgot to ask does not compile. [`decide`] gives a [`Permit`] that cannot be copied, and disclosing uses it up:
//!
//! ```compile_fail,E0382
//! # use veetflow::privacy::disclosure::Permit;
//! fn twice(permit: Permit) {
//!     drop(permit.disclose("once"));
//!     drop(permit.disclose("twice"));
//! }
//! ```

use crate::code::{Coded, ErrorCode};
use crate::domain::age::{AgeBracket, MINIMUM_AGE};
use crate::domain::consent::{Basis, Purpose, Purposes, Standing};
use crate::domain::tenant::TenantState;
use crate::privacy::transfer::Transfer;

/// A value that was found fit to be shown to a processor for one purpose. Not cloneable: one permission, one use.
#[derive(Debug)]
pub struct Disclosed<T> {
    value: T,
    purpose: Purpose,
    consent_epoch: i64,
    age: AgeBracket,
}

/// What the terms of whoever processes a value demand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Processor {
    /// The age from which a person may be served through it; 0 for none beyond this service's own.
    pub minimum_age: u8,
    /// Whether it may train models on what it is sent (policy §3 forbids it).
    pub trains_on_inputs: bool,
    /// The way of the words to it (policy §11).
    pub transfer: Transfer,
}

impl<T: Clone> Disclosed<T> {
    /// A permission for one more call, to a certain processor, if its terms allow this person.
    pub fn for_processor(&self, processor: Processor) -> Result<Self, Refusal> {
        if processor.trains_on_inputs {
            return Err(Refusal::Trains);
        }
        if !processor.transfer.is_lawful() {
            return Err(Refusal::Transfer);
        }
        if processor.minimum_age > 0 && !self.age.has_reached(processor.minimum_age) {
            return Err(Refusal::TooYoung);
        }
        Ok(Self {
            value: self.value.clone(),
            purpose: self.purpose,
            consent_epoch: self.consent_epoch,
            age: self.age,
        })
    }
}

impl<T> Disclosed<T> {
    /// The value, given away to the one call it was meant for.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// Looks at the value.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// The same permission over a value made from this one: what is added must not be about the person.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Disclosed<U> {
        Disclosed {
            value: change(self.value),
            purpose: self.purpose,
            consent_epoch: self.consent_epoch,
            age: self.age,
        }
    }

    /// What it was disclosed for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The act of consent it rests on.
    pub fn consent_epoch(&self) -> i64 {
        self.consent_epoch
    }
}

/// The leave to use one value for one purpose, once. Neither cloneable nor made anywhere but in [`decide`].
#[derive(Debug)]
#[must_use = "a permit that is not used permits nothing"]
pub struct Permit {
    purpose: Purpose,
    consent_epoch: i64,
    age: AgeBracket,
}

impl Permit {
    /// Discloses `value`, and is used up by it.
    pub fn disclose<T>(self, value: T) -> Disclosed<T> {
        Disclosed { value, purpose: self.purpose, consent_epoch: self.consent_epoch, age: self.age }
    }
}

/// Everything a decision looks at.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The tenant's state.
    pub tenant: TenantState,
    /// What the visitor answered about age, if asked.
    pub age: Option<AgeBracket>,
    /// What the visitor allowed.
    pub standing: &'a Standing,
    /// The policy version in force.
    pub policy_version: &'a str,
    /// Whether the person asked for restriction: kept, and used for nothing (policy §7, GDPR Art. 18).
    pub is_restricted: bool,
    /// What the person objected to.
    pub objected: Purposes,
}

/// Why something may not be disclosed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The tenant is not served.
    #[error("the tenant is {}", .0.as_str())]
    Tenant(TenantState),
    /// The person asked for restriction.
    #[error("processing is restricted at the person's request")]
    Restricted,
    /// The person objected, and nobody has decided otherwise.
    #[error("the person objected to {}", .0.as_str())]
    Objected(Purpose),
    /// The age question is open.
    #[error("the age question has not been answered")]
    AgeUnknown,
    /// Too young (policy §10).
    #[error("the visitor is below the minimum age")]
    TooYoung,
    /// The processor trains on what it is sent (policy §3).
    #[error("the processor trains on what it is sent")]
    Trains,
    /// The words would go abroad without a safeguard (policy §11).
    #[error("the processor is abroad and no safeguard for the transfer is named")]
    Transfer,
    /// No grant in force for the purpose.
    #[error("there is no consent for {}", .0.as_str())]
    NoConsent(Purpose),
}

impl Coded for Refusal {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Tenant(TenantState::Closed) => ErrorCode::TenantGone,
            Self::Tenant(TenantState::Active | TenantState::Suspended) => {
                ErrorCode::TenantSuspended
            }
            Self::Restricted | Self::Objected(_) => ErrorCode::Restricted,
            Self::AgeUnknown => ErrorCode::AgeRequired,
            Self::TooYoung => ErrorCode::AgeRestricted,
            Self::NoConsent(_) => ErrorCode::ConsentRequired,
            Self::Trains | Self::Transfer => ErrorCode::ProviderUnavailable,
        }
    }
}

/// Says whether `purpose` may be served in these circumstances. The order is tenant, restriction, age, objection, consent:
/// what forbids everything comes before what forbids one thing.
pub fn decide(purpose: Purpose, circumstances: Circumstances<'_>) -> Result<Permit, Refusal> {
    if circumstances.tenant != TenantState::Active {
        return Err(Refusal::Tenant(circumstances.tenant));
    }
    if circumstances.is_restricted && purpose.basis() != Basis::LegalObligation {
        return Err(Refusal::Restricted);
    }
    let age = circumstances.age.ok_or(Refusal::AgeUnknown)?;
    if !age.has_reached(MINIMUM_AGE) {
        return Err(Refusal::TooYoung);
    }
    if circumstances.objected.contains(purpose) {
        return Err(Refusal::Objected(purpose));
    }
    if !circumstances.standing.allows(purpose, circumstances.policy_version) {
        return Err(Refusal::NoConsent(purpose));
    }
    Ok(Permit { purpose, consent_epoch: circumstances.standing.epoch, age })
}

/// Discloses `value` for `purpose`, or says why not.
pub fn disclose<T>(
    value: T,
    purpose: Purpose,
    circumstances: Circumstances<'_>,
) -> Result<Disclosed<T>, Refusal> {
    Ok(decide(purpose, circumstances)?.disclose(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::consent::Decision;

    fn granted() -> Standing {
        Standing {
            policy_version: Some("1".into()),
            granted: Purposes::default().decided(Purpose::AiAnswer, Decision::Granted),
            epoch: 1,
        }
    }

    /// Policy §7, §10: without age, consent and a served tenant nothing leaves.
    #[test]
    fn each_missing_circumstance_alone_refuses() {
        let standing = granted();
        let right = Circumstances {
            tenant: TenantState::Active,
            age: Some(AgeBracket::From16To17),
            standing: &standing,
            policy_version: "1",
            is_restricted: false,
            objected: Purposes::default(),
        };
        let decide = |circumstances| {
            disclose((), Purpose::AiAnswer, circumstances).map(Disclosed::into_inner)
        };
        assert_eq!(decide(right), Ok(()));
        assert_eq!(decide(Circumstances { age: None, ..right }), Err(Refusal::AgeUnknown));
        assert_eq!(
            decide(Circumstances { age: Some(AgeBracket::Under16), ..right }),
            Err(Refusal::TooYoung)
        );
        assert_eq!(
            decide(Circumstances { policy_version: "2", ..right }),
            Err(Refusal::NoConsent(Purpose::AiAnswer))
        );
        for tenant in [TenantState::Suspended, TenantState::Closed] {
            assert_eq!(decide(Circumstances { tenant, ..right }), Err(Refusal::Tenant(tenant)));
        }
        let restricted = Circumstances { is_restricted: true, ..right };
        assert_eq!(decide(restricted), Err(Refusal::Restricted));
        let kept = super::decide(Purpose::LegalRetention, restricted);
        assert!(kept.is_ok(), "restriction keeps what the law wants kept");
        let objected = Circumstances { objected: Purposes::open_to_objection(), ..right };
        assert_eq!(decide(objected), Ok(()));
        let fraud = super::decide(Purpose::SecurityFraud, objected).map(drop);
        assert_eq!(fraud, Err(Refusal::Objected(Purpose::SecurityFraud)));
        let disclosed = disclose((), Purpose::AiAnswer, right).expect("allowed");
        let to = |processor| disclosed.for_processor(processor).map(Disclosed::into_inner);
        let here = Processor::default();
        assert_eq!(to(here), Ok(()));
        assert_eq!(to(Processor { trains_on_inputs: true, ..here }), Err(Refusal::Trains));
        assert_eq!(to(Processor { minimum_age: 18, ..here }), Err(Refusal::TooYoung));
        let transfer = Transfer { to: None, ..Transfer::default() };
        assert_eq!(to(Processor { transfer, ..here }), Err(Refusal::Transfer));
        let silent = Standing::default();
        assert!(decide(Circumstances { standing: &silent, ..right }).is_err());
    }
}
