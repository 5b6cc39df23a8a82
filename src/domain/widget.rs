//! How a widget looks, what it says first, and whether it is paused: a tenant's choice, checked.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const LONGEST_GREETING: usize = 300;
const LONGEST_MORE: usize = 600;

/// What a tenant chose for a widget; what is missing is the widget's own way. A page's own settings go before these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WidgetSettings {
    /// `#0a6a55`; the widget makes it readable where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Light, dark, or as the visitor's device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color_scheme: Option<ColorScheme>,
    /// The corner; without one, where the language's lines end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Side>,
    /// The first words, at most 300 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greeting: Option<String>,
    /// The words below them, at most 600 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greeting_more: Option<String>,
    /// Whether nobody is let in for now. Conversations under way end as they would.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColorScheme {
    /// As the visitor's device.
    Auto,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

/// A corner of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The left one.
    Left,
    /// The right one.
    Right,
}

/// Settings that a widget could not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a colour that is not #rrggbb, or words that are too long or not printable")]
pub struct SettingsError;

impl WidgetSettings {
    /// The settings, if every value of them can be shown.
    pub fn checked(self) -> Result<Self, SettingsError> {
        let is_colour = |text: &String| {
            text.strip_prefix('#').is_some_and(|digits| {
                digits.len() == 6 && digits.chars().all(|digit| digit.is_ascii_hexdigit())
            })
        };
        let is_text = |text: &String, longest: usize| {
            text.chars().count() <= longest && !text.chars().any(char::is_control)
        };
        let is_right = self.color.iter().all(is_colour)
            && self.greeting.iter().all(|text| is_text(text, LONGEST_GREETING))
            && self.greeting_more.iter().all(|text| is_text(text, LONGEST_MORE));
        if is_right { Ok(self) } else { Err(SettingsError) }
    }

    /// The form in which they are stored.
    pub fn to_stored(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }

    /// What was stored. What cannot be read, as from a later version, is the widget's own way.
    pub fn from_stored(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_shown_is_kept_and_comes_back_and_the_rest_is_refused() {
        let settings = WidgetSettings {
            color: Some("#0a6a55".to_owned()),
            greeting: Some("你好".to_owned()),
            paused: true,
            ..WidgetSettings::default()
        };
        assert_eq!(settings.clone().checked(), Ok(settings.clone()));
        assert_eq!(WidgetSettings::from_stored(&settings.to_stored()), settings);
        assert_eq!(WidgetSettings::default().to_stored(), "{}");
        for color in ["red", "#12345", "#1234567", "#12345g", "url(x)", "#０a6a55"] {
            let wrong =
                WidgetSettings { color: Some(color.to_owned()), ..WidgetSettings::default() };
            assert_eq!(wrong.checked(), Err(SettingsError), "{color}");
        }
        for greeting in ["x".repeat(301), "two\nlines".to_owned(), "\u{0}".to_owned()] {
            let wrong = WidgetSettings { greeting: Some(greeting), ..WidgetSettings::default() };
            assert_eq!(wrong.checked(), Err(SettingsError));
        }
        assert_eq!(WidgetSettings::from_stored(r#"{"later":1}"#), WidgetSettings::default());
    }
}
