//! Groups of digits and how one follows another: the material of every number that people write with gaps.

use super::glyphs::Glyphs;

/// What stands between a group and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joint {
    /// Something that no number has inside.
    Break,
    /// One or two spaces.
    Space,
    /// A dash, with or without spaces.
    Dash,
    /// A full stop.
    Dot,
    /// Parentheses, with or without spaces.
    Bracket,
}

/// An unbroken run of digits, in glyphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) joint: Joint,
}

/// All groups of a text, in order.
pub(super) fn groups(glyphs: &Glyphs) -> Vec<Group> {
    let mut all = Vec::new();
    let mut previous = None;
    let mut index = 0;
    while index < glyphs.len() {
        let end = glyphs.skip(index, |glyph| glyph.is_ascii_digit());
        if end > index {
            let joint = previous.map_or(Joint::Break, |previous| joint(glyphs, previous, index));
            all.push(Group { start: index, end, joint });
            previous = Some(end);
        }
        index = end + 1;
    }
    all
}

fn joint(glyphs: &Glyphs, from: usize, to: usize) -> Joint {
    if to - from > 3 {
        return Joint::Break;
    }
    let gap = glyphs.slice(from..to);
    let (mut spaces, mut brackets, mut dashes) = (0, 0, 0);
    for glyph in gap {
        match glyph {
            b' ' => spaces += 1,
            b'(' | b')' => brackets += 1,
            b'-' => dashes += 1,
            _ => {}
        }
    }
    match (dashes, brackets) {
        (0, 0) if spaces == gap.len() && spaces <= 2 => Joint::Space,
        (0, 0) if gap == b"." => Joint::Dot,
        (1, 0) if spaces + 1 == gap.len() => Joint::Dash,
        (0 | 1, 1 | 2) if spaces + dashes + brackets == gap.len() => Joint::Bracket,
        _ => Joint::Break,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_says_how_groups_belong_together() {
        let joints = |text: &str| -> Vec<Joint> {
            groups(&Glyphs::of(text)).iter().skip(1).map(|group| group.joint).collect()
        };
        assert_eq!(
            joints("1 2  3-4 - 5–6.7"),
            [Joint::Space, Joint::Space, Joint::Dash, Joint::Dash, Joint::Dash, Joint::Dot]
        );
        assert_eq!(joints("44 (0)20)-1"), [Joint::Bracket, Joint::Bracket, Joint::Bracket]);
        assert_eq!(joints("1   2:3,4/5..6--7+8"), [Joint::Break; 7]);
    }
}
