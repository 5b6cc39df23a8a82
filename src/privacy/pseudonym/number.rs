//! Numbers in a text: every window of digit groups that belong together is asked whether it is a card, an identity number,
//! a telephone number or an IPv4 address, the longest window first.

use std::ops::Range;

use super::context::{self, Topic};
use super::find::Surroundings;
use super::glyphs::{Glyphs, is_word};
use super::group::{Group, Joint, groups};
use super::kind::Kind;
use super::phone::{self, Written};
use super::{address, card, resident};

/// More digits than any number that is looked for; also the most groups, and so the most windows that begin at one group.
const MAX_DIGITS: usize = 20;
/// The longest extension after a dash.
const MAX_EXTENSION: usize = 5;
/// The longest area or country code between parentheses, with what stands around it.
const MAX_AREA: usize = 7;
/// Signs before a number that make it a price or the number of a thing.
const NOT_BEFORE: [char; 8] = ['$', '¥', '￥', '€', '£', '#', '＃', '№'];
/// What makes it an amount when it comes after.
const NOT_AFTER: [&str; 11] =
    ["%", "％", "元", "块", "万", "美元", "人民币", "积分", "usd", "rmb", "points"];

/// Groups that follow one another, their digits side by side.
#[derive(Default)]
struct Window {
    groups: Vec<Group>,
    sizes: Vec<usize>,
    joints: Vec<Joint>,
    digits: Vec<u8>,
}

/// What is known of a place before a number is read there.
#[derive(Clone, Copy)]
struct Opening {
    /// Where the number begins, its plus or parenthesis included.
    start: usize,
    has_plus: bool,
    /// After two slashes, where only a host stands.
    is_host: bool,
    topic: Option<Topic>,
    /// What the first number of an unbroken run was announced as.
    run_topic: Option<Topic>,
}

/// Finds all numbers.
pub(super) fn find(around: Surroundings<'_>, mut found: impl FnMut(Kind, Range<usize>)) {
    let groups = groups(around.glyphs);
    let (mut first, mut run_topic, mut is_after_number) = (0, None, false);
    while let Some(group) = groups.get(first) {
        if group.joint == Joint::Break {
            (run_topic, is_after_number) = (None, false);
        }
        let mut taken = 0;
        if let Some(mut opening) = open(around, group, is_after_number) {
            if group.joint == Joint::Break || is_after_number {
                run_topic = opening.topic;
            }
            opening.run_topic = run_topic;
            let rest = groups.get(first..).unwrap_or_default();
            if let Some((kind, range, count)) = longest(around, opening, rest) {
                found(kind, range);
                taken = count;
            }
        }
        is_after_number = taken > 0;
        first += taken.max(1);
    }
}

/// The longest number that begins with the first of `following`, and how many groups it takes.
fn longest(
    around: Surroundings<'_>,
    opening: Opening,
    following: &[Group],
) -> Option<(Kind, Range<usize>, usize)> {
    let mut window = Window::of(around.glyphs, following);
    while let Some(last) = window.groups.last() {
        let count = window.groups.len();
        let rest = following.get(count..).unwrap_or_default();
        if let Some((kind, end)) = window.judge(around, opening, last.end, rest) {
            let with_extension = usize::from(end > last.end && kind == Kind::Phone);
            return Some((kind, opening.start..end, count + with_extension));
        }
        window.shorten();
    }
    None
}

/// Whether a number may begin with `group`, and what stands before it.
fn open(around: Surroundings<'_>, group: &Group, is_after_number: bool) -> Option<Opening> {
    let Surroundings { text, glyphs, .. } = around;
    if matches!(group.joint, Joint::Dot | Joint::Dash) && !is_after_number {
        return None;
    }
    let (start, has_plus) = sign_and_bracket(glyphs, group.start);
    let before = glyphs.before(start);
    let further = start.checked_sub(1).map_or(0, |sign| glyphs.before(sign));
    let at = glyphs.offset(start);
    let sign = text.get(..at).and_then(|head| head.chars().next_back());
    let topic = context::before(text, at);
    let is_thing = topic.is_none_or(|topic| topic == Topic::Thing);
    // A keyword may touch its number, as in "tel13812345678"; any other letter makes one word of both.
    let is_in_word = is_word(before) && (is_thing || !before.is_ascii_alphabetic());
    if is_in_word || sign.is_some_and(|sign| NOT_BEFORE.contains(&sign)) {
        return None;
    }
    let is_part = matches!(before, b'-' | b'/' | b'.') && is_word(further);
    if is_part && is_thing && !is_after_number {
        return None;
    }
    let is_host = before == b'/' && further == b'/';
    Some(Opening { start, has_plus, is_host, topic, run_topic: None })
}

/// Where a number begins whose first digit is at `digit`, with its plus and its parenthesis, and whether it has a plus.
fn sign_and_bracket(glyphs: &Glyphs, digit: usize) -> (usize, bool) {
    let is_plus = glyphs.before(digit) == b'+' && !is_word(glyphs.before(digit - 1));
    let start = digit - usize::from(is_plus);
    let is_area = |glyph: &u8| !matches!(glyph, b')' | b' ');
    let is_bracketed = glyphs.before(start) == b'('
        && !glyphs.slice(start..(start + MAX_AREA).min(glyphs.len())).iter().all(is_area);
    (start - usize::from(is_bracketed), is_plus)
}

impl Window {
    fn of(glyphs: &Glyphs, following: &[Group]) -> Self {
        let mut window = Self::default();
        for group in following {
            let size = group.end - group.start;
            let is_apart = group.joint == Joint::Break && !window.groups.is_empty();
            if is_apart || window.digits.len() + size > MAX_DIGITS {
                break;
            }
            if !window.groups.is_empty() {
                window.joints.push(group.joint);
            }
            window.groups.push(*group);
            window.sizes.push(size);
            window.digits.extend_from_slice(glyphs.slice(group.start..group.end));
        }
        window
    }

    fn shorten(&mut self) {
        self.groups.pop();
        self.joints.pop();
        let size = self.sizes.pop().unwrap_or(0);
        self.digits.truncate(self.digits.len().saturating_sub(size));
    }

    /// What the window is, and where it ends.
    fn judge(
        &self,
        around: Surroundings<'_>,
        opening: Opening,
        end: usize,
        rest: &[Group],
    ) -> Option<(Kind, usize)> {
        if let Some(end) = self.resident(around.glyphs, opening, end) {
            return Some((Kind::Id, end));
        }
        let joint = rest.first().map_or(Joint::Break, |next| next.joint);
        if joint == Joint::Dot || is_amount(around, end) || is_word(around.glyphs.get(end)) {
            return None;
        }
        if self.is_address(opening) {
            let is_version = around.glyphs.get(end) == b'-' && is_word(around.glyphs.get(end + 1));
            return (!is_version || joint == Joint::Dash).then_some((Kind::Ip, end));
        }
        if opening.is_host {
            return None;
        }
        self.known(around, opening.start, end)
            .map(|kind| (kind, end))
            .or_else(|| self.judge_unknown(around, opening, end, rest.first()))
    }

    fn judge_unknown(
        &self,
        around: Surroundings<'_>,
        opening: Opening,
        end: usize,
        next: Option<&Group>,
    ) -> Option<(Kind, usize)> {
        let tight = next.filter(|next| next.joint == Joint::Dash && next.start == end + 1);
        if tight.is_none() && self.is_card(opening) {
            return Some((Kind::Card, end));
        }
        if phone::is_phone(self.written(opening)) {
            let extension = tight.filter(|next| next.end - next.start <= MAX_EXTENSION);
            let end = extension.map_or(end, |extension| extension.end);
            return (!is_word(around.glyphs.get(end))).then_some((Kind::Phone, end));
        }
        let is_announced = opening.topic == Some(Topic::Id) && self.sizes == [15];
        (is_announced && resident::is_old(&self.digits)).then_some((Kind::Id, end))
    }

    /// Where an identity number ends, which may have an X after its digits.
    fn resident(&self, glyphs: &Glyphs, opening: Opening, end: usize) -> Option<usize> {
        let is_announced = opening.topic == Some(Topic::Id);
        let is_grouped =
            self.sizes.len() <= 4 && self.joints.iter().all(|joint| *joint != Joint::Dot);
        let is_checked_by_x =
            self.digits.len() == 17 && glyphs.get(end).eq_ignore_ascii_case(&b'x');
        let end = end + usize::from(is_checked_by_x);
        let mut characters = self.digits.clone();
        if is_checked_by_x {
            characters.push(b'X');
        }
        (is_grouped && !is_word(glyphs.get(end)) && resident::is_current(&characters, is_announced))
            .then_some(end)
    }

    fn is_address(&self, opening: Opening) -> bool {
        self.joints == [Joint::Dot; 3]
            && opening.topic != Some(Topic::Thing)
            && address::is_version_4(
                &self.digits,
                &self.sizes,
                opening.topic == Some(Topic::Address),
            )
    }

    fn is_card(&self, opening: Opening) -> bool {
        let is_even = self.joints.windows(2).all(|pair| pair.first() == pair.last());
        let is_thing = [opening.topic, opening.run_topic].contains(&Some(Topic::Thing));
        is_even && !is_thing && card::is_card(&self.digits, &self.sizes, opening.topic)
    }

    /// What the visitor is known by, or what was found before in this conversation.
    fn known(&self, around: Surroundings<'_>, start: usize, end: usize) -> Option<Kind> {
        let digits = std::str::from_utf8(&self.digits).ok()?;
        let text = around.text.get(around.glyphs.bytes(&(start..end)))?;
        around.identity.kind_of_number(digits).or_else(|| (around.memory)(text))
    }

    fn written(&self, opening: Opening) -> Written<'_> {
        Written {
            digits: &self.digits,
            sizes: &self.sizes,
            joints: &self.joints,
            has_plus: opening.has_plus,
            topic: opening.topic,
        }
    }
}

fn is_amount(around: Surroundings<'_>, end: usize) -> bool {
    let after = around.text.get(around.glyphs.offset(end)..).unwrap_or_default();
    let after = after.strip_prefix(' ').unwrap_or(after);
    NOT_AFTER
        .iter()
        .any(|unit| after.get(..unit.len()).is_some_and(|head| head.eq_ignore_ascii_case(unit)))
}
