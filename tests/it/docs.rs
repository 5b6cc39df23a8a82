//! The documents: every test they name exists, every example is valid, every link leads somewhere.

use std::path::{Path, PathBuf};

use veetflow::code::ErrorCode;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn all_rust(folder: &Path) -> String {
    std::fs::read_dir(folder)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path())
        .map(|path| {
            if path.is_dir() {
                all_rust(&path)
            } else {
                std::fs::read_to_string(path).unwrap_or_default()
            }
        })
        .collect()
}

#[test]
fn every_test_named_by_the_promises_exists() {
    let code = all_rust(&root().join("src")) + &all_rust(&root().join("tests"));
    let promises = read("docs/PROMISES.md");
    let mut named = 0;
    for line in promises.lines().filter(|line| line.starts_with("| §")) {
        let column = line.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        for name in column.split('`').skip(1).step_by(2) {
            assert!(code.contains(&format!("fn {name}(")), "there is no test {name}");
            named += 1;
        }
    }
    assert!(named >= 10, "only {named} tests are named");
}

#[test]
fn every_example_of_the_protocol_is_json() {
    let protocol = read("docs/PROTOCOL.md");
    let blocks: Vec<&str> =
        protocol.split("```json").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 15, "only {} examples", blocks.len());
    for block in blocks {
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(block);
        assert!(parsed.is_ok(), "{block}: {parsed:?}");
    }
}

#[test]
fn every_client_frame_of_the_protocol_is_one_the_server_reads() {
    let protocol = read("docs/PROTOCOL.md");
    let section = protocol.split("## Client frames").nth(1).expect("a section");
    let section = section.split("\n## ").next().expect("its end");
    for block in section.split("```json").skip(1).filter_map(|rest| rest.split("```").next()) {
        assert!(veetflow::conversation::frame::parse(block).is_ok(), "{block}");
    }
}

#[test]
fn the_error_table_of_the_protocol_is_the_one_of_the_code() {
    let protocol = read("docs/PROTOCOL.md");
    for code in ErrorCode::ALL {
        let line = protocol
            .lines()
            .find(|line| line.starts_with(&format!("| `{}` |", code.as_str())))
            .unwrap_or_else(|| panic!("{} is not in the table", code.as_str()));
        assert!(line.contains(&code.status().to_string()), "{line}");
        if let Some(close) = code.close() {
            assert!(line.contains(&close.to_string()), "{line}");
        }
    }
}

#[test]
fn every_link_between_the_documents_leads_somewhere() {
    for document in [
        "README.md",
        "docs/ARCHITECTURE.md",
        "docs/PROTOCOL.md",
        "docs/PROMISES.md",
        "docs/KNOWLEDGE.md",
        "docs/ACCESSIBILITY.md",
        "docs/WIDGET.md",
    ] {
        let folder = root().join(document).parent().expect("a folder").to_owned();
        for target in read(document).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            assert!(folder.join(target).exists(), "{document} links to {target}");
        }
    }
}
