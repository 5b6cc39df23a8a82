//! Decides when two English words are forms of one.
//!
//! It stands apart because it is a rule about letters: it needs no table and knows no documents.

/// Takes plural, -ing, -ed and -ion off an English word, so that its forms meet; other scripts
/// pass unchanged. Stems need not be words, only the same for all forms.
pub(super) fn stem(word: &str) -> String {
    if !word.bytes().all(|byte| byte.is_ascii_lowercase()) || word.len() < 4 {
        return word.to_owned();
    }
    let singular = without_plural(word);
    let bare = without_tense(&singular);
    settle_ending(&bare)
}

fn without_plural(word: &str) -> String {
    if let Some(root) = word.strip_suffix("sses") {
        return format!("{root}ss");
    }
    if let Some(root) = word.strip_suffix("ies") {
        return format!("{root}i");
    }
    let keeps_its_s = ["ss", "us", "is"].iter().any(|ending| word.ends_with(ending));
    match word.strip_suffix('s') {
        Some(root) if !keeps_its_s => root.to_owned(),
        Some(_) | None => word.to_owned(),
    }
}

fn without_tense(word: &str) -> String {
    if let Some(root) = word.strip_suffix("ion") {
        let follows_t_or_s = root.ends_with('t') || root.ends_with('s');
        if follows_t_or_s && root.len() >= 5 {
            return root.to_owned();
        }
    }
    let root = word.strip_suffix("ing").or_else(|| word.strip_suffix("ed"));
    match root {
        Some(root) if root.len() >= 3 && has_vowel(root) && !word.ends_with("eed") => {
            undoubled(root)
        }
        Some(_) | None => word.to_owned(),
    }
}

fn has_vowel(root: &str) -> bool {
    root.contains(['a', 'e', 'i', 'o', 'u', 'y'])
}

/// "stopp" (from "stopped") becomes "stop"; "call" keeps its two letters.
fn undoubled(root: &str) -> String {
    let mut from_the_end = root.chars().rev();
    let (last, before) = (from_the_end.next(), from_the_end.next());
    let doubled = last == before && !matches!(last, Some('l' | 's' | 'z' | 'e'));
    let shortened = last.and_then(|letter| root.strip_suffix(letter)).filter(|_| doubled);
    shortened.unwrap_or(root).to_owned()
}

/// A final e falls and a final y after a consonant becomes i, so "policy" meets "policies".
fn settle_ending(word: &str) -> String {
    if word.len() < 4 {
        return word.to_owned();
    }
    if let Some(root) = word.strip_suffix('e') {
        return root.to_owned();
    }
    match word.strip_suffix('y') {
        Some(root) if !root.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{root}i"),
        Some(_) | None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_an_english_word_meet() {
        for forms in [
            &["delete", "deleted", "deletes", "deleting", "deletion"][..],
            &["policy", "policies"],
            &["cookie", "cookies"],
            &["close", "closes", "closed", "closing"],
            &["stop", "stops", "stopped", "stopping"],
            &["address", "addresses"],
            &["day", "days"],
        ] {
            for form in forms {
                assert_eq!(stem(form), stem(forms[0]), "{form}");
            }
        }
    }

    #[test]
    fn short_and_foreign_words_are_left_alone() {
        for word in ["use", "gas", "保留", "tls", "1.2", "é", ""] {
            assert_eq!(stem(word), word);
        }
    }
}
