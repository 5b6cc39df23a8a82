//! The house itself: who imports whom, how large a file may be, where a word may stand, what the interface looks like.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::support::TestApp;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, endings: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if path
            .extension()
            .is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted))
        {
            let text = std::fs::read_to_string(&path).expect("text");
            found.push((path, text));
        }
    }
    found
}

fn sources() -> Vec<(PathBuf, String)> {
    files(&root().join("src"), &["rs"])
}

/// The room of a file: its folder or file name directly below `src`.
fn room(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).expect("a source");
    let first =
        inside.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The table in the doc comment of `lib.rs`.
fn table() -> HashMap<String, Vec<String>> {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).expect("read");
    text.lines()
        .filter_map(|line| line.strip_prefix("//! ")?.split_once(':'))
        .filter(|(name, _)| name.chars().all(|letter| letter.is_ascii_lowercase()))
        .map(|(name, allowed)| {
            let allowed =
                allowed.split_whitespace().filter(|word| *word != "-").map(str::to_owned).collect();
            (name.to_owned(), allowed)
        })
        .collect()
}

/// Every room named by `crate::…` in a text, `crate::{a::B, c}` included.
fn imports(text: &str) -> Vec<String> {
    let name = |rest: &str| -> String {
        rest.trim_start()
            .chars()
            .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
            .collect()
    };
    let mut found = Vec::new();
    for rest in text.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            found.push(name(rest));
            continue;
        };
        let mut depth = 0;
        let mut is_at_start = true;
        for (position, letter) in group.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => is_at_start = true,
                _ if is_at_start && letter.is_alphabetic() => {
                    found.push(name(&group[position..]));
                    is_at_start = false;
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn imports_point_downwards_as_the_table_in_lib_says() {
    let table = table();
    assert!(table.len() > 15, "the table was not found");
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let room = room(&path);
        if matches!(room.as_str(), "lib" | "main") {
            continue;
        }
        let allowed = table.get(&room).unwrap_or_else(|| panic!("{room} is not in the table"));
        for import in imports(&text) {
            let is_allowed =
                import == room || allowed.contains(&import) || allowed.iter().any(|any| any == "*");
            if !is_allowed {
                wrong.push(format!("{} imports {import}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn grouped_imports_are_read_too() {
    assert_eq!(
        imports("use crate::{domain::{a, b}, id}; crate::store::X"),
        ["domain", "id", "store"]
    );
}

#[test]
fn a_word_stands_only_in_its_own_room() {
    // Each word and the places where it may stand. Tests inside the sources may name what they forbid.
    let laws: [(&str, &[&str]); 7] = [
        ("actix_web_actors", &["src/conversation/socket.rs"]),
        // A command that asks its own server is no way out either.
        (
            "reqwest::",
            &["src/kms/", "src/cli/desk.rs", "src/cli/knowledge.rs", "src/cli/provider_key.rs"],
        ),
        ("hyper::", &["src/providers/"]),
        ("tokio_postgres::", &["src/store/"]),
        ("aes_gcm", &["src/vault/"]),
        ("rust_embed", &["src/http/pages.rs"]),
        ("redb::", &["src/vault/"]),
    ];
    for (path, text) in sources() {
        let shown = path.strip_prefix(root()).expect("inside").display().to_string();
        for (word, places) in &laws {
            let is_named = text
                .lines()
                .any(|line| line.contains(word) && !line.trim_start().starts_with("//"));
            assert!(
                !is_named || places.iter().any(|place| shown.starts_with(place)),
                "{shown} names {word}"
            );
        }
    }
}

#[test]
fn sql_stands_only_in_the_store_and_reads_no_clock() {
    for (path, text) in sources() {
        let shown = path.strip_prefix(root()).expect("inside").display().to_string();
        let says = |word: &str| {
            text.lines().any(|line| line.contains(word) && !line.trim_start().starts_with("//"))
        };
        if shown.starts_with("src/store/") {
            assert!(
                !says("now()\"") && !says(" now() ") && !says("current_timestamp"),
                "{shown} reads a clock in SQL"
            );
        } else if !shown.starts_with("src/embedded/") {
            for (verb, then) in
                [("select ", " from "), ("insert into ", " values"), ("delete from ", " where ")]
            {
                let holds =
                    |line: &str| line.contains(verb) && line.contains(then) && line.contains('"');
                let is_held =
                    text.lines().any(|line| holds(line) && !line.trim_start().starts_with("//"));
                assert!(!is_held, "{shown} holds SQL");
            }
        }
    }
}

#[test]
fn no_file_is_longer_than_four_hundred_lines_and_each_says_what_it_is_for() {
    let mut lengths = Vec::new();
    let trees = [
        ("src", vec!["rs"]),
        ("tests", vec!["rs"]),
        ("load-tests", vec!["rs"]),
        ("static", vec!["js", "css"]),
    ];
    for (tree, endings) in trees {
        for (path, text) in files(&root().join(tree), &endings) {
            let length = text.lines().count();
            assert!(length <= 400, "{} has {length} lines", path.display());
            if tree == "src" {
                assert!(text.starts_with("//!"), "{} does not say what it is for", path.display());
                lengths.push(length);
            }
        }
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= 160, "the median file has {median} lines");
}

#[actix_web::test]
async fn the_interface_is_the_one_that_was_agreed_on() {
    let app = TestApp::start().await;
    let served: serde_json::Value = reqwest::get(app.url("/openapi.json"))
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    insta::assert_json_snapshot!("openapi", served);
    app.drain().await;
}

#[actix_web::test]
async fn every_described_path_exists_and_every_refusal_is_a_problem_document() {
    let app = TestApp::start().await;
    let document: serde_json::Value =
        serde_json::from_str(&veetflow::http::openapi()).expect("JSON");
    for path in document["paths"].as_object().expect("paths").keys() {
        let url = app.url(&path.replace("{widget_id}", "wgt_00000000000070008000000000000001"));
        let response = reqwest::Client::new().post(url).send().await.expect("an answer");
        assert_ne!(response.status(), 500, "{path}");
    }
    let nothing = reqwest::get(app.url("/nowhere")).await.expect("an answer");
    assert_eq!(nothing.status(), 404);
    assert_eq!(nothing.headers()["content-type"], "application/problem+json");
    assert_eq!(nothing.headers()["x-content-type-options"], "nosniff");
    assert_eq!(nothing.json::<serde_json::Value>().await.expect("JSON")["code"], "not_found");
    app.drain().await;
}

#[actix_web::test]
async fn health_and_readiness_tell_apart_a_living_process_and_a_usable_one() {
    let app = TestApp::start().await;
    for path in ["/healthz", "/readyz"] {
        let response = reqwest::get(app.url(path)).await.expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
    }
    app.store().close();
    let response = reqwest::get(app.url("/readyz")).await.expect("an answer");
    assert_eq!(response.status(), 503);
    assert_eq!(reqwest::get(app.url("/healthz")).await.expect("an answer").status(), 200);
    app.drain().await;
}

#[actix_web::test]
async fn the_demo_site_its_pages_and_the_widget_are_served_with_a_strict_policy() {
    let app = TestApp::start().await;
    for path in [
        "/",
        "/v1/widget.js",
        "/configure",
        "/demo/demo.css",
        "/pages/zh/privacy",
        "/pages/en/retention",
    ] {
        let response = reqwest::get(app.url(path)).await.expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
        let policy =
            response.headers()["content-security-policy"].to_str().expect("text").to_owned();
        assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert!(response.headers().get("set-cookie").is_none(), "{path} sets a cookie");
    }
    app.drain().await;
}
