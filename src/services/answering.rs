//! How a tenant's visitors are answered, as the tenant itself sees and changes it.

use jiff::Timestamp;
use serde::Serialize;
use similar::TextDiff;
use utoipa::ToSchema;

use super::Services;
use crate::code::{Coded, ErrorCode};
use crate::domain::answering::{
    AnswerSettings, AnswerSettingsError, Answering, Grant, Instruction, InstructionError,
};
use crate::domain::language::Language;
use crate::domain::prompt::OWN_PART;
use crate::id::TenantId;
use crate::store::StoreError;
use crate::store::instructions::InstructionRow;

/// Why something was not changed.
#[derive(Debug, thiserror::Error)]
pub enum AnsweringError {
    /// The settings cannot be.
    #[error(transparent)]
    Settings(#[from] AnswerSettingsError),
    /// The words cannot be.
    #[error(transparent)]
    Words(#[from] InstructionError),
    /// There is no such tenant or version.
    #[error("there is none")]
    Missing,
    /// The database.
    #[error("it could not be stored")]
    Store(#[from] StoreError),
}

impl Coded for AnsweringError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Settings(_) => ErrorCode::UnknownModel,
            Self::Words(InstructionError::Empty) => ErrorCode::EmptyText,
            Self::Words(InstructionError::TooLong) => ErrorCode::TooLong,
            Self::Words(InstructionError::Unprintable) => ErrorCode::BadRequest,
            Self::Missing => ErrorCode::NotFound,
            Self::Store(error) => error.code(),
        }
    }
}

/// The rules as a tenant sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AnsweringInfo {
    /// What it chose.
    pub settings: AnswerSettings,
    /// What the operator grants it.
    pub granted: Grant,
    /// The models that can be named, in the operator's order; which of them answer, `/v1/tenant/providers` says.
    pub models: Vec<String>,
    /// Which instruction is in force; 0 for the program's own.
    pub instruction: i32,
}

/// A version of an instruction in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct InstructionInfo {
    /// Its number.
    pub version: i32,
    /// When it was made.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// Whether it is in force.
    pub is_current: bool,
}

impl From<InstructionRow> for InstructionInfo {
    fn from(row: InstructionRow) -> Self {
        let InstructionRow { version, created_at, is_current } = row;
        Self { version, created_at, is_current }
    }
}

impl Services {
    /// A tenant's rules.
    pub async fn answering(&self, tenant: TenantId) -> Result<AnsweringInfo, AnsweringError> {
        let rules = self.store.answering(tenant).await?.ok_or(AnsweringError::Missing)?;
        let Answering { settings, grant, instruction, keys: _ } = rules;
        let models = self.models().into_iter().map(str::to_owned).collect();
        Ok(AnsweringInfo { settings, granted: grant, models, instruction: instruction.version })
    }

    /// The names of the models, in the operator's order.
    fn models(&self) -> Vec<&str> {
        self.config.providers.models().into_iter().map(|(name, _)| name).collect()
    }

    /// Chooses how visitors are answered.
    pub async fn choose_answering(
        &self,
        tenant: TenantId,
        settings: AnswerSettings,
    ) -> Result<AnswerSettings, AnsweringError> {
        let settings = settings.checked(&self.models())?;
        let is_there = self.store.set_answering(tenant, &settings).await?;
        is_there.then_some(settings).ok_or(AnsweringError::Missing)
    }

    /// Adds an instruction and puts it in force; gives its number.
    pub async fn instruct(
        &self,
        tenant: TenantId,
        zh: &str,
        en: &str,
    ) -> Result<i32, AnsweringError> {
        let instruction = Instruction::parse(zh, en)?;
        let added = self.store.add_instruction(tenant, &instruction, self.clock.now()).await?;
        added.ok_or(AnsweringError::Missing)
    }

    /// Puts an earlier instruction in force.
    pub async fn instruct_as_before(
        &self,
        tenant: TenantId,
        version: i32,
    ) -> Result<(), AnsweringError> {
        let is_there = self.store.choose_instruction(tenant, version).await?;
        is_there.then_some(()).ok_or(AnsweringError::Missing)
    }

    /// The versions, oldest first.
    pub async fn instructions(
        &self,
        tenant: TenantId,
    ) -> Result<Vec<InstructionInfo>, AnsweringError> {
        let rows = self.store.instructions(tenant).await?;
        Ok(rows.into_iter().map(InstructionInfo::from).collect())
    }

    /// What changed from one version to another.
    pub async fn instruction_diff(
        &self,
        tenant: TenantId,
        from: i32,
        to: i32,
    ) -> Result<String, AnsweringError> {
        difference(&self.store, tenant, from, to).await?.ok_or(AnsweringError::Missing)
    }
}

/// The words of a version, those of the program for 0.
pub async fn instruction(
    store: &crate::store::Store,
    tenant: TenantId,
    version: i32,
) -> Result<Option<Instruction>, StoreError> {
    if version > 0 {
        return store.instruction(tenant, version).await;
    }
    let own = |language: Language| language.pick(OWN_PART.0, OWN_PART.1).to_owned();
    Ok((version == 0).then(|| Instruction {
        version,
        zh: own(Language::Zh),
        en: own(Language::En),
    }))
}

/// What changed from one version to another, in the unified form.
pub async fn difference(
    store: &crate::store::Store,
    tenant: TenantId,
    from: i32,
    to: i32,
) -> Result<Option<String>, StoreError> {
    let (before, after) =
        (instruction(store, tenant, from).await?, instruction(store, tenant, to).await?);
    let (Some(before), Some(after)) = (before, after) else { return Ok(None) };
    let mut all = String::new();
    for (name, before, after) in [("zh", &before.zh, &after.zh), ("en", &before.en, &after.en)] {
        let diff = TextDiff::from_lines(before, after);
        let headed = diff
            .unified_diff()
            .header(&format!("{name} {from}"), &format!("{name} {to}"))
            .missing_newline_hint(false)
            .to_string();
        all.push_str(&headed);
    }
    Ok(Some(all))
}
