//! Chromium, driven over the `WebDriver` protocol by Debian's `chromedriver`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use serde_json::{Value, json};

use super::app::fresh_folder;
use super::server::free_port;

const MISSING: &str = "chromedriver is missing: run .setup/chromium (`make test` does)";
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const ARGUMENTS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1180,860",
];

/// What every script may use: parts of the widget by their test names, and what a visitor sees there.
const HELPERS: &str = r"
    const root = document.querySelector('veetflow-widget, veetflow-chat')?.shadowRoot;
    const all = (name) => [...(root?.querySelectorAll(`[data-test='${name}']`) ?? [])];
    const seen = (name) => all(name).filter((part) => part.checkVisibility());
    const messages = (author) => seen('message').filter((part) => part.dataset.author === author);
    const words = (part) => part?.querySelector('.bubble')?.innerText ?? '';
";

/// One browser with a profile of its own.
pub struct Browser {
    driver: Child,
    session: String,
    http: reqwest::Client,
}

impl Browser {
    pub async fn start(language: &str) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let chromium = BROWSERS.iter().find_map(|name| on_search_path(name)).expect(MISSING);
        let program = on_search_path("chromedriver").expect(MISSING);
        let port = free_port();
        let driver = Command::new(program)
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver runs");
        let address = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self { driver, session: address, http: reqwest::Client::new() };
        let mut arguments = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", fresh_folder().display()));
        arguments.push(format!("--accept-lang={language}"));
        let options = json!({"binary": chromium, "args": arguments});
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        browser.wait_for_driver(port).await;
        let session = browser.post("", &wanted).await["sessionId"].clone();
        browser.session = format!("{}/{}", browser.session, session.as_str().expect("a session"));
        browser
    }

    async fn wait_for_driver(&self, port: u16) {
        for _ in 0..300 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("chromedriver did not start");
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.session)).json(body);
        let answer: Value =
            request.send().await.expect("an answer of chromedriver").json().await.expect("JSON");
        let value = answer["value"].clone();
        assert!(value["error"].is_null(), "{path} {body}: {value:#}");
        value
    }

    pub async fn open(&self, url: &str) {
        self.post("/url", &json!({"url": url})).await;
    }

    pub async fn reload(&self) {
        self.post("/refresh", &json!({})).await;
    }

    /// Opens another tab and goes there; gives its name and that of the one before.
    pub async fn another_tab(&self) -> (String, String) {
        let now = self.http.get(format!("{}/window", self.session)).send().await;
        let now: Value = now.expect("an answer").json().await.expect("JSON");
        let made = self.post("/window/new", &json!({"type": "tab"})).await;
        let name = |value: &Value| value.as_str().expect("a name").to_owned();
        let (made, before) = (name(&made["handle"]), name(&now["value"]));
        self.go_to_tab(&made).await;
        (made, before)
    }

    pub async fn go_to_tab(&self, name: &str) {
        self.post("/window", &json!({"handle": name})).await;
    }

    /// Closes the tab that is shown.
    pub async fn close_tab(&self) {
        drop(self.http.delete(format!("{}/window", self.session)).send().await);
    }

    /// The value of an expression in the page.
    pub async fn value(&self, expression: &str) -> Value {
        let script = format!("{HELPERS} return ({expression});");
        self.post("/execute/sync", &json!({"script": script, "args": []})).await
    }

    /// Waits until the expression is true; gives up with what the page shows instead. What is not there yet is not true.
    pub async fn until(&self, expression: &str) {
        let look =
            format!("(() => {{ try {{ return {expression}; }} catch {{ return false; }} }})()");
        for _ in 0..300 {
            if self.value(&look).await == true {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let shown = self.value("root?.querySelector('.panel')?.innerText ?? document.title").await;
        panic!("never true: {expression}\nthe panel shows: {shown}");
    }

    /// Clicks with the mouse in the middle of a part, as a person would: what covers it gets the click.
    pub async fn click(&self, name: &str) {
        self.until(&format!("seen('{name}').length === 1 && !seen('{name}')[0].disabled")).await;
        let part = self.value(&format!("seen('{name}')[0]")).await;
        let (_, id) = part.as_object().and_then(|part| part.iter().next()).expect("an element");
        self.post(&format!("/element/{}/click", id.as_str().expect("an id")), &json!({})).await;
    }

    /// Types into whatever has the focus.
    pub async fn type_text(&self, text: &str) {
        let press = |letter: char| {
            let key = letter.to_string();
            [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})]
        };
        let presses: Vec<_> = text.chars().flat_map(press).collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": presses});
        self.post("/actions", &json!({"actions": [keyboard]})).await;
    }

    /// What the browser itself can be told to do or to pretend, by the protocol of its developer tools.
    pub async fn pretend(&self, command: &str, parameters: Value) {
        self.post("/goog/cdp/execute", &json!({"cmd": command, "params": parameters})).await;
    }

    /// A screen of this size, in CSS pixels.
    pub async fn screen(&self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.pretend("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// What axe-core finds wrong with the widget by the rules of WCAG 2.2 AA and its own best practice.
    pub async fn violations(&self) -> Vec<String> {
        if self.value("typeof window.axe").await == "undefined" {
            let axe = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/axe/axe.min.js");
            let axe = std::fs::read_to_string(axe)
                .expect("axe-core is missing: run .setup/axe (`make test` does)");
            self.post("/execute/sync", &json!({"script": axe, "args": []})).await;
        }
        let script = "const done = arguments[0]; axe.run(document.querySelector('veetflow-widget, veetflow-chat'), \
            {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations']}) \
            .then(({violations, passes}) => done(passes.length ? violations.map(({id, nodes}) => id + ': ' + nodes.map((node) => node.html + ' ' + node.failureSummary).join(' | ')) : ['nothing was looked at']), \
            (fault) => done([String(fault)]));";
        let found = self.post("/execute/async", &json!({"script": script, "args": []})).await;
        let found = found.as_array().expect("a list").clone();
        found.iter().map(|one| one.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// What a script gives that may wait and import.
    pub async fn module(&self, script: &str) -> Value {
        let script = format!(
            "const done = arguments[0]; (async () => {{ {script} }})().then(done, (fault) => done('failed: ' + fault));"
        );
        self.post("/execute/async", &json!({"script": script, "args": []})).await
    }

    /// Keeps a picture for people to look at.
    pub async fn picture(&self, name: &str) -> PathBuf {
        let answer = self.http.get(format!("{}/screenshot", self.session)).send().await;
        let answer: Value = answer.expect("an answer").json().await.expect("JSON");
        let text = answer["value"].as_str().expect("a picture");
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("browser-{name}.png"));
        std::fs::write(&path, bytes).expect("written");
        path
    }

    /// What the page complained about in its console.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({"type": "browser"})).await;
        let entries = entries.as_array().expect("a list").clone();
        let bad = entries
            .iter()
            .filter(|entry| ["SEVERE", "WARNING"].iter().any(|level| entry["level"] == *level));
        bad.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    pub async fn quit(self) {
        drop(self.http.delete(&self.session).send().await);
    }
}

impl Drop for Browser {
    /// A driver that is told to shut down takes its browser along; one that is killed might not.
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.driver);
        if rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_err() {
            return;
        }
        drop(self.driver.wait());
    }
}

fn on_search_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
}
