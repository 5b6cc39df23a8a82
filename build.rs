//! Compiles in what a browser is sent: migrations and pages as they stand, and the widget as a release: its modules
//! joined, minified, compressed, and named by their digest. To develop the widget nothing of this is needed: a debug
//! build serves the modules themselves from `static/widget`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine;
use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_minifier::{Minifier, MinifierOptions};
use oxc_parser::Parser;
use oxc_span::SourceType;
use sha2::{Digest, Sha256, Sha384};

const TIGHTER: [(&str, &str); 10] = [
    ("; ", ";"),
    (": ", ":"),
    (" {", "{"),
    ("{ ", "{"),
    (" }", "}"),
    ("} ", "}"),
    (";}", "}"),
    (", ", ","),
    (" > ", ">"),
    (" !important", "!important"),
];

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const LANGUAGES: [&str; 8] = ["zh-Hans", "zh-Hant", "en", "ja", "es", "fr", "de", "ar"];
const SHIMS: [&str; 5] = ["chatwoot", "crisp", "intercom", "zendesk", "tawk"];

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=static");
    let target = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    let files = release()?;
    std::fs::write(target.join("widget.rs"), listing(&files, &target)?)?;
    Ok(())
}

/// Every file of a release, by its path on the server.
fn release() -> Result<BTreeMap<String, String>> {
    let panel = Bundle::of("panel.js", None)? + "export { createPanel };\n";
    let mut parts = vec![("panel.js".to_owned(), minified(&panel, SourceType::mjs())?)];
    for tag in LANGUAGES {
        let name = format!("words-{tag}.js");
        let text = std::fs::read_to_string(Path::new("static/widget").join(&name))?;
        parts.push((name, minified(&text, SourceType::mjs())?));
    }
    let mut digest = Sha256::new();
    for (name, text) in &parts {
        digest.update(name.as_bytes());
        digest.update(text.as_bytes());
    }
    let version = digest.finalize().iter().take(8).fold(String::new(), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    });
    let (_, panel) = parts.first().ok_or("no panel")?;
    let place = std::fs::read_to_string("static/widget/release/place.js")?
        .replace("__PANEL__", &format!("/widget/{version}/panel.js"))
        .replace("__DIGEST__", &integrity(panel));
    let loader = format!("(() => {{\n{}\n}})();", Bundle::of("loader.js", Some(&place))?);
    let loader = minified(&loader, SourceType::cjs())?;
    let mut files: BTreeMap<String, String> =
        parts.into_iter().map(|(name, text)| (format!("/widget/{version}/{name}"), text)).collect();
    files.insert(format!("/widget/{version}/widget.js"), loader.clone());
    files.insert("/v1/widget.js".to_owned(), loader);
    for shim in SHIMS {
        let text = std::fs::read_to_string(format!("static/compat/{shim}.js"))?;
        files.insert(format!("/v1/compat/{shim}.js"), minified(&text, SourceType::cjs())?);
    }
    Ok(files)
}

/// Modules written one after the other, each after those that it imports. Their top-level names must differ.
struct Bundle<'place> {
    place: Option<&'place str>,
    done: Vec<String>,
    names: BTreeMap<String, String>,
    text: String,
}

impl<'place> Bundle<'place> {
    fn of(entry: &str, place: Option<&'place str>) -> Result<String> {
        let mut bundle =
            Self { place, done: Vec::new(), names: BTreeMap::new(), text: String::new() };
        bundle.add(entry)?;
        Ok(bundle.text)
    }

    fn add(&mut self, name: &str) -> Result<()> {
        if self.done.iter().any(|done| done == name) {
            return Ok(());
        }
        self.done.push(name.to_owned());
        let text = match self.place {
            Some(place) if name == "place.js" => place.to_owned(),
            _ => std::fs::read_to_string(Path::new("static/widget").join(name))?,
        };
        let mut body = String::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line.starts_with("import ") {
                let mut statement = line.to_owned();
                while !statement.ends_with(';') {
                    statement += lines.next().ok_or("an import without an end")?;
                }
                body += &self.import(&statement)?;
                continue;
            }
            self.claim(line, name)?;
            let line = line.strip_prefix("export ").unwrap_or(line);
            let line = match line.strip_prefix("default ") {
                Some(value) => format!("const {} = {value}", default_name(name)),
                None => line.to_owned(),
            };
            body += &line;
            body.push('\n');
        }
        self.text += &tight_styles(&body);
        Ok(())
    }

    /// Adds the module that is imported; a default import gets its name here.
    fn import(&mut self, statement: &str) -> Result<String> {
        let (what, from) = statement.split_once(" from './").ok_or(statement)?;
        let module = from.trim_end_matches("';");
        self.add(module)?;
        let what = what.trim_start_matches("import ").trim();
        if what.starts_with('{') {
            return Ok(String::new());
        }
        Ok(format!("const {what} = {};\n", default_name(module)))
    }

    fn claim(&mut self, line: &str, module: &str) -> Result<()> {
        let declared = line.trim_start_matches("export ").trim_start_matches("async ");
        for keyword in ["function ", "class ", "const ", "let "] {
            let Some(rest) = declared.strip_prefix(keyword) else { continue };
            let name: String = rest
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                .collect();
            if let Some(other) = self.names.insert(name.clone(), module.to_owned()) {
                return Err(format!("{module} and {other} both declare {name}").into());
            }
        }
        Ok(())
    }
}

fn default_name(module: &str) -> String {
    let letters = module.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' });
    format!("default_of_{}", letters.collect::<String>())
}

/// Styles in template literals, without the white space that only people need.
fn tight_styles(text: &str) -> String {
    let mut result = String::new();
    for (position, part) in text.split('`').enumerate() {
        if position > 0 {
            result.push('`');
        }
        if position % 2 == 0 || !part.contains(":host") {
            result += part;
            continue;
        }
        let mut style = part.split_whitespace().collect::<Vec<_>>().join(" ");
        for (wide, narrow) in TIGHTER {
            style = style.replace(wide, narrow);
        }
        result += &style;
    }
    result
}

fn minified(text: &str, kind: SourceType) -> Result<String> {
    let allocator = Allocator::default();
    let mut parsed = Parser::new(&allocator, text, kind).parse();
    if let Some(mistake) = parsed.diagnostics.first() {
        return Err(format!("{mistake}").into());
    }
    let made = Minifier::new(MinifierOptions::default()).minify(&allocator, &mut parsed.program);
    let written = Codegen::new()
        .with_options(CodegenOptions::minify())
        .with_scoping(made.scoping)
        .with_private_member_mappings(made.class_private_mappings);
    Ok(written.build(&parsed.program).code)
}

fn integrity(text: &str) -> String {
    let digest = Sha384::digest(text);
    format!("sha384-{}", base64::engine::general_purpose::STANDARD.encode(digest))
}

/// The table that `src/http/bundle.rs` includes.
fn listing(files: &BTreeMap<String, String>, target: &Path) -> Result<String> {
    let mut list = String::from("&[\n");
    for (position, (path, text)) in files.iter().enumerate() {
        let plain = target.join(format!("{position}.js"));
        std::fs::write(&plain, text)?;
        let (gzip, brotli) = (plain.with_extension("gz"), plain.with_extension("br"));
        let mut packed = Vec::new();
        let options = zopfli::Options::default();
        zopfli::compress(options, zopfli::Format::Gzip, text.as_bytes(), &mut packed)?;
        std::fs::write(&gzip, packed)?;
        let mut packed = Vec::new();
        brotli::BrotliCompress(
            &mut text.as_bytes(),
            &mut packed,
            &brotli::enc::BrotliEncoderParams::default(),
        )?;
        std::fs::write(&brotli, packed)?;
        let bytes = |ending: &str| {
            format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{position}.{ending}\"))")
        };
        let (plain, gzip, brotli) = (bytes("js"), bytes("gz"), bytes("br"));
        let digest = integrity(text);
        writeln!(
            list,
            "Built {{ path: {path:?}, integrity: {digest:?}, plain: {plain}, gzip: {gzip}, brotli: {brotli} }},"
        )?;
    }
    Ok(list + "]\n")
}
