//! The widget as a release: what it weighs, how it is fetched, what it says in each language.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;

use base64::Engine;
use serde_json::Value;
use sha2::Digest;

use crate::support::visitor::DEMO_WIDGET;
use crate::support::{Site, TestApp};

const KIB: u64 = 1024;

async fn release(app: &TestApp) -> Vec<Value> {
    let answer = reqwest::get(app.url("/v1/widget.json")).await.expect("an answer");
    let manifest: Value = answer.json().await.expect("JSON");
    manifest["files"].as_array().expect("files").clone()
}

fn path(file: &Value) -> &str {
    file["path"].as_str().expect("a path")
}

fn gzip(file: &Value) -> u64 {
    file["gzip"].as_u64().expect("a size")
}

#[actix_web::test]
async fn the_loader_weighs_five_kib_the_whole_widget_twenty_five_and_a_shim_two() {
    let app = TestApp::start().await;
    let files = release(&app).await;
    let ending =
        |end: &str| files.iter().filter(|file| path(file).ends_with(end)).collect::<Vec<_>>();
    let loader = gzip(ending("/v1/widget.js")[0]);
    let panel = gzip(ending("/panel.js")[0]);
    let languages = files.iter().filter(|file| path(file).contains("/words-"));
    let (count, heaviest) =
        languages.fold((0, 0), |(count, most), file| (count + 1, gzip(file).max(most)));
    println!("loader {loader}, panel {panel}, heaviest language {heaviest} bytes (gzip)");
    assert_eq!(count, 8, "a language is missing");
    assert!(loader <= 5 * KIB, "the loader weighs {loader} bytes");
    let all = loader + panel + heaviest;
    assert!(all <= 25 * KIB, "the widget weighs {all} bytes");
    for shim in files.iter().filter(|file| path(file).starts_with("/v1/compat/")) {
        assert!(gzip(shim) <= 2 * KIB, "{shim}");
        println!("{shim}");
    }
    app.drain().await;
}

#[actix_web::test]
async fn every_file_is_what_its_digest_says_in_each_compression_and_a_versioned_one_never_changes()
{
    let app = TestApp::start().await;
    let client = reqwest::Client::new();
    for file in release(&app).await {
        let fetch = |coding: &'static str| {
            client.get(app.url(path(&file))).header("accept-encoding", coding).send()
        };
        let plain = fetch("identity").await.expect("an answer");
        assert_eq!(plain.headers()["access-control-allow-origin"], "*", "{file}");
        assert_eq!(plain.headers()["vary"], "accept-encoding");
        let caching = plain.headers()["cache-control"].to_str().expect("text").to_owned();
        assert_eq!(caching.contains("immutable"), path(&file).starts_with("/widget/"), "{file}");
        let plain = plain.bytes().await.expect("bytes");
        let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha384::digest(&plain));
        assert_eq!(file["integrity"], format!("sha384-{digest}"), "{file}");

        let packed = fetch("gzip").await.expect("an answer");
        assert_eq!(packed.headers()["content-encoding"], "gzip");
        let tag = packed.headers()["etag"].to_str().expect("text").to_owned();
        let packed = packed.bytes().await.expect("bytes");
        assert_eq!(packed.len() as u64, gzip(&file));
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).expect("gzip");
        assert_eq!(unpacked, plain, "{file}");

        let brotli = fetch("gzip, br").await.expect("an answer");
        assert_eq!(brotli.headers()["content-encoding"], "br");
        assert!(brotli.bytes().await.expect("bytes").len() <= packed.len(), "{file}");

        let again = client.get(app.url(path(&file))).header("accept-encoding", "gzip");
        let again = again.header("if-none-match", tag).send().await.expect("an answer");
        assert_eq!(again.status(), 304, "{file}");
    }
    for nowhere in ["/widget/0123456789abcdef/panel.js", "/v1/compat/other.js", "/widget/none.js"] {
        let answer = reqwest::get(app.url(nowhere)).await.expect("an answer");
        assert_eq!(answer.status(), 404, "{nowhere}");
    }
    app.drain().await;
}

#[actix_web::test]
async fn each_vendors_own_address_brings_its_shim() {
    let app = TestApp::start().await;
    let text = async |path: &str| {
        let answer = reqwest::get(app.url(path)).await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.expect("text")
    };
    let addresses = [
        ("/packs/js/sdk.js".to_owned(), "chatwoot"),
        ("/l.js".to_owned(), "crisp"),
        (format!("/widget/{DEMO_WIDGET}"), "intercom"),
        (format!("/ekr/snippet.js?key={DEMO_WIDGET}"), "zendesk"),
        (format!("/5f0c1e7/{DEMO_WIDGET}"), "tawk"),
    ];
    for (address, shim) in addresses {
        assert_eq!(text(&address).await, text(&format!("/v1/compat/{shim}.js")).await, "{address}");
    }
    app.drain().await;
}

#[actix_web::test]
async fn a_hosted_chat_may_be_framed_by_the_sites_on_its_widgets_list_and_by_no_other() {
    let app = TestApp::start().await;
    let site = Site::open(&app, None, |_, _| Vec::new()).await;
    let policy = async |path: String| {
        let answer = reqwest::get(app.url(&path)).await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        let policy = answer.headers()["content-security-policy"].to_str().expect("text").to_owned();
        (policy, answer.text().await.expect("text"))
    };
    let (allowed, page) = policy(format!("/chat/{}", site.widget)).await;
    assert!(allowed.contains(&format!("frame-ancestors 'self' {};", site.origin)), "{allowed}");
    assert!(page.contains(&site.widget) && page.contains("<title>Site</title>"), "{page}");
    let (allowed, _) = policy(format!("/chat/{DEMO_WIDGET}")).await;
    assert!(allowed.contains("frame-ancestors 'self';"), "{allowed}");
    let (allowed, _) = policy("/configure".to_owned()).await;
    assert!(allowed.contains("frame-ancestors 'none'"), "{allowed}");
    let unknown = app.url("/chat/wgt_00000000000070008000000000000099");
    assert_eq!(reqwest::get(unknown).await.expect("an answer").status(), 404);
    app.drain().await;
}

/// The names of a language file, each with the values its sentence mentions (of a plural: its last form).
fn sentences(tag: &str) -> BTreeSet<(String, BTreeSet<String>)> {
    let file = format!("static/widget/words-{tag}.js");
    let text = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file));
    let text = text.expect("a language");
    let entries = text.lines().filter_map(|line| line.strip_prefix("  ")?.split_once(": "));
    entries
        .map(|(name, sentence)| {
            let last = sentence.rsplit("other: ").next().unwrap_or(sentence);
            let values = last.split('{').skip(1).filter_map(|rest| rest.split('}').next());
            (name.to_owned(), values.map(str::to_owned).collect())
        })
        .collect()
}

#[test]
fn every_language_has_every_sentence_with_the_same_values() {
    let english = sentences("en");
    assert!(english.len() > 80, "only {} sentences", english.len());
    for tag in ["zh-Hans", "zh-Hant", "ja", "es", "fr", "de", "ar"] {
        let other = sentences(tag);
        let differing: Vec<_> = english.symmetric_difference(&other).collect();
        assert!(differing.is_empty(), "{tag}: {differing:?}");
    }
}
