//! The room as a whole: replacing and restoring belong together, and hostile texts cost no more than others.

use std::borrow::Cow;

use proptest::prelude::*;

use super::find::{Surroundings, find_patterns};
use super::glyphs::Glyphs;
use super::{Kind, KnownIdentity, Pseudonyms, Restorer, find};

fn identity() -> KnownIdentity {
    KnownIdentity::new([
        (Kind::Name, "王小明"),
        (Kind::Name, "Anna Schmidt"),
        (Kind::Name, "Anna"),
        (Kind::Email, "anna@example.com"),
        (Kind::Phone, "+852 9123 4567"),
    ])
    .expect("small")
}

fn replaced(text: &str) -> String {
    let identity = KnownIdentity::default();
    Pseudonyms::new(&identity).replace(text).into_owned()
}

fn restore(mut restorer: Restorer, pieces: impl IntoIterator<Item = String>) -> String {
    let mut shown = String::new();
    for piece in pieces {
        shown.push_str(&restorer.push(&piece));
    }
    shown.push_str(&restorer.finish());
    shown
}

#[test]
fn one_value_has_one_placeholder_in_the_whole_conversation() {
    let identity = identity();
    let mut pseudonyms = Pseudonyms::new(&identity);
    let mut replace = |text: &str| pseudonyms.replace(text).into_owned();
    assert_eq!(replace("我是王小明，邮箱 li@example.com"), "我是[NAME_1]，邮箱 [EMAIL_1]");
    assert_eq!(
        replace("Call 138 1234 5678 or 139 1234 5678, not li@example.com"),
        "Call [PHONE_1] or [PHONE_2], not [EMAIL_1]"
    );
    assert_eq!(replace("电话：65521234"), "电话：[PHONE_3]");
    assert_eq!(replace("那 65521234 打不通"), "那 [PHONE_3] 打不通");
    assert_eq!(
        replace("ANNA SCHMIDT, 9123-4567 or +852 91234567"),
        "[NAME_2], [PHONE_4] or [PHONE_5]"
    );
    assert_eq!(format!("{pseudonyms:?}"), "Pseudonyms(8 values, 0 avoided)");
    let answer = "【name_1】: [PHONE_1], [PHONE_9]";
    let shown = restore(pseudonyms.into_restorer(), [answer.to_owned()]);
    assert_eq!(shown, "王小明: 138 1234 5678, [PHONE_9]");
}

#[test]
fn a_look_alike_is_never_taken_for_a_placeholder() {
    let identity = KnownIdentity::default();
    let mut pseudonyms = Pseudonyms::new(&identity);
    let lines = ["我打了[EMAIL_1]和 EMAIL_2，还有a@b.com", "[email_3] and [TEXT_1] and EMAIL_1"];
    let safe: Vec<String> =
        lines.iter().map(|line| pseudonyms.replace(line).into_owned()).collect();
    assert_eq!(
        safe,
        ["我打了[EMAIL_1]和 EMAIL_2，还有[EMAIL_3]", "[TEXT_2] and [TEXT_1] and EMAIL_1"]
    );
    assert_eq!(restore(pseudonyms.into_restorer(), safe), lines.concat());
}

#[test]
fn a_context_counts_only_where_it_touches_the_number() {
    assert_eq!(replaced("订单号13812345678，电话13812345679"), "订单号13812345678，电话[PHONE_1]");
    assert_eq!(replaced("passport no. X1234567A"), "passport no. [PASSPORT_1]");
    assert_eq!(replaced("护照E12345678，型号E12345679"), "护照[PASSPORT_1]，型号E12345679");
    assert_eq!(replaced("身份证 110105491231002"), "身份证 [ID_1]");
    assert_eq!(replaced("110105491231002"), "110105491231002");
    assert_eq!(replaced("13800000000元"), "13800000000元");
}

#[test]
fn a_number_goes_with_its_plus_its_parentheses_and_its_extension() {
    for text in [
        "（010）65521234",
        "(+86) 138-1234-5678",
        "+44 (0)20 7946 0958",
        "010-65521234-8001",
        "１３８１２３４５６７８",
        "１３８－１２３４－５６７８",
        "(415) 555-0132",
    ] {
        assert_eq!(replaced(text), "[PHONE_1]", "{text}");
    }
    assert_eq!(replaced("(13812345678)"), "([PHONE_1])");
    assert_eq!(replaced("1. 13812345678\n2. 13912345678"), "1. [PHONE_1]\n2. [PHONE_2]");
    assert_eq!(replaced("http://203.0.113.7:8080/a"), "http://[IP_1]:8080/a");
}

#[test]
fn a_text_with_nothing_to_replace_is_borrowed() {
    let identity = identity();
    let mut pseudonyms = Pseudonyms::new(&identity);
    for text in ["", "你好，请问怎么退货？", "How do I return an item?", "It costs 20 in 2024"]
    {
        assert!(matches!(pseudonyms.replace(text), Cow::Borrowed(_)), "{text}");
    }
    assert!(pseudonyms.is_empty() && pseudonyms.into_restorer().is_empty());
}

/// Counts glyphs that are read instead of time: no text of a length costs more than so many reads a glyph.
#[test]
fn hostile_texts_are_read_in_linear_time() {
    let seeds = [
        "1",
        "(1",
        "((1",
        "1(",
        "1 ",
        "1-",
        "(1) ",
        "138 ",
        "1.",
        "0",
        "+",
        "+1",
        "@",
        "a@",
        "a.",
        "@a.",
        "%40",
        "a%40b.c",
        ":",
        "a:",
        "1::",
        "://",
        "a://",
        "?token=",
        "&key=a",
        "a://b@",
        "4111 ",
        "4111111111111111 ",
        "E1234567",
        "[EMAIL_1",
        "订单1",
        "电话",
        "１",
        "110105194912310021 ",
        "1x",
        "-",
        " ",
        "(",
        ".1.1",
        "13812345678-",
        "1:1:",
    ];
    let identity = identity();
    for seed in seeds {
        let reads = |size: usize| {
            let text: String = seed.chars().cycle().take(size).collect();
            let glyphs = Glyphs::of(&text);
            let around = Surroundings {
                text: &text,
                glyphs: &glyphs,
                identity: &identity,
                memory: &|_| None,
            };
            find_patterns(around, &mut Vec::new());
            glyphs.reads()
        };
        let (small, large) = (reads(4_000), reads(8_000));
        assert!(large <= 120 * 8_000, "{seed:?} costs {large} reads");
        assert!(large <= 2 * small + 2_000, "{seed:?} costs {small} and then {large} reads");
    }
}

/// Pieces that meet in every way: values, look-alikes, their halves, and what stands between.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => prop::sample::select(vec![
            "li@example.com", "anna@example.com", "138 1234 5678", "13812345678", "+86 138-1234-5678", "010-65521234",
            "4111 1111 1111 1111", "6222020000000000000", "11010519491231002X", "E12345678", "203.0.113.7",
            "2001:db8::7f", "https://u:p@h.example/x", "h.example/a?token=1", "王小明", "Anna Schmidt", "９１２３ ４５６７",
            "[EMAIL_1]", "[PHONE_2]", "【NAME_1】", "[text_1]", "EMAIL_1", "PHONE_1", "EMAIL\\_1", "[EMAIL_", "ID_",
            "订单号", "电话：", "passport no. ", "身份证", "card ", "tel ", "order ",
        ]).prop_map(str::to_owned),
        2 => prop::sample::select(vec![
            " ", ",", "。", "[", "]", "【", "\\", "_", "1", "12", "-", ".", "@", "+", "(", ")", "x", "X", "EM", "é", "\u{200b}",
            "元", "/", ":", "=", "\n",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        1 => "[0-9 .()+-]{0,24}",
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

/// Cuts a text at the given places, moved to the next character.
fn cut(text: &str, places: &[usize]) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for (index, character) in text.chars().enumerate() {
        if places.contains(&index) {
            pieces.push(String::new());
        }
        if let Some(last) = pieces.last_mut() {
            last.push(character);
        }
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn restoring_gives_what_was_there_however_it_is_cut(
        lines in prop::collection::vec(text(), 1..4), places in prop::collection::vec(0_usize..160, 0..40),
    ) {
        let identity = identity();
        let mut pseudonyms = Pseudonyms::new(&identity);
        let safe: Vec<String> = lines.iter().map(|line| pseudonyms.replace(line).into_owned()).collect();
        let pieces: Vec<String> = safe.iter().flat_map(|line| {
            let mut pieces = cut(line, &places);
            pieces.push("\n".to_owned());
            pieces
        }).collect();
        let original: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
        prop_assert_eq!(restore(pseudonyms.into_restorer(), pieces), original);
    }

    #[test]
    fn what_was_replaced_holds_nothing_more_to_replace(text in text()) {
        let identity = identity();
        let safe = Pseudonyms::new(&identity).replace(&text).into_owned();
        prop_assert_eq!(find(&safe, &identity), [], "{} from {}", &safe, &text);
        let again = Pseudonyms::new(&identity).replace(&safe).into_owned();
        prop_assert_eq!(again, safe);
    }

    #[test]
    fn the_same_lines_give_the_same_placeholders(lines in prop::collection::vec(text(), 1..4)) {
        let identity = identity();
        let run = || {
            let mut pseudonyms = Pseudonyms::new(&identity);
            lines.iter().map(|line| pseudonyms.replace(line).into_owned()).collect::<Vec<_>>()
        };
        prop_assert_eq!(run(), run());
    }
}
