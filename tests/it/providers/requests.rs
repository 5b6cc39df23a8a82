//! What leaves towards each vendor, to the letter: a field that nobody disclosed would show here.

use serde_json::Value;

use super::vendor::{Vendor, streaming, text};
use super::wire::Kind;
use super::{adapter, heard};

#[actix_web::test]
async fn a_request_holds_what_was_disclosed_and_nothing_else() {
    for kind in Kind::ALL {
        let vendor = Vendor::start(vec![streaming(), text(kind.answer(&["ok"]))]).await;
        heard(adapter(kind, &vendor.base_url, 5).as_ref()).await;
        let asked = vendor.asked().first().cloned().expect("one request");
        let mut head: Vec<String> = asked
            .head
            .lines()
            .filter(|line| !line.to_lowercase().starts_with("host:"))
            .map(str::to_owned)
            .collect();
        assert_eq!(head.remove(0), format!("POST {} HTTP/1.1", kind.path()));
        head.retain(|line| !line.to_lowercase().starts_with("content-length:"));
        head.sort();
        let body: Value = serde_json::from_str(&asked.body).expect("JSON");
        insta::assert_json_snapshot!(
            format!("request_{kind:?}"),
            serde_json::json!({"head": head, "body": body})
        );
    }
}
