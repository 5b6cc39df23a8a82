//! What identifies a visitor does not reach a vendor, and the visitor notices nothing.

use futures_util::StreamExt;
use veetflow::domain::age::AgeBracket;
use veetflow::domain::prompt::{Line, Prompt, Role};

use super::vendor::{Vendor, streaming, text};
use super::wire::Kind;
use super::{adapter, disclosing, prompt, words};

const PRIVATE: [&str; 4] =
    ["li.lei@example.com", "138 0013 8000", "4111 1111 1111 1111", "203.0.113.7"];

fn telling() -> Prompt {
    let told = format!("我的邮箱是 {}，电话 {}。", PRIVATE[0], PRIVATE[1]);
    let asked =
        format!("My card {} was charged from {}. Write to {}.", PRIVATE[2], PRIVATE[3], PRIVATE[0]);
    let line = |role, text: String| Line { role, text };
    let lines = vec![
        line(Role::Visitor, told),
        line(Role::Assistant, format!("好的，{}。", PRIVATE[0])),
        line(Role::Visitor, asked),
    ];
    Prompt { lines, ..prompt() }
}

#[actix_web::test]
async fn what_identifies_a_visitor_leaves_as_a_placeholder_and_comes_back_in_the_answer() {
    for kind in Kind::ALL {
        // The vendor cuts its words where it likes.
        let answer = kind.answer(&["We wrote to [EM", "AIL", "_1", "], not to [EMAIL_9] [", "x]."]);
        let vendor = Vendor::start(vec![streaming(), text(answer)]).await;
        let provider = adapter(kind, &vendor.base_url, 5);
        let deltas: Vec<_> =
            provider.stream(disclosing(telling(), AgeBracket::Adult)).collect().await;
        assert_eq!(
            words(&deltas),
            "We wrote to li.lei@example.com, not to [EMAIL_9] [x].",
            "{kind:?}"
        );
        let sent = vendor.asked().first().cloned().expect("one request").body;
        for private in PRIVATE {
            assert!(!sent.contains(private), "{kind:?} was told {private}: {sent}");
        }
        for placeholder in ["[EMAIL_1]", "[PHONE_1]", "[CARD_1]", "[IP_1]"] {
            assert!(sent.contains(placeholder), "{kind:?}: {placeholder} is missing: {sent}");
        }
    }
}

#[actix_web::test]
async fn an_answer_that_breaks_off_within_a_placeholder_loses_none_of_its_words() {
    for kind in Kind::ALL {
        let body = kind.start() + &kind.words("Dear [EMAIL");
        let vendor = Vendor::start(vec![streaming(), text(body)]).await;
        let provider = adapter(kind, &vendor.base_url, 5);
        let deltas: Vec<_> =
            provider.stream(disclosing(telling(), AgeBracket::Adult)).collect().await;
        assert_eq!(words(&deltas), "Dear [EMAIL", "{kind:?}");
    }
}
