//! The server as a process of its own, for what only a process can suffer.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Visitor;

/// A running server with an embedded database.
pub struct ServerProcess {
    pub child: Child,
    pub address: String,
    pub data_dir: PathBuf,
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port()
}

/// The program under test, with a clean environment.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_veetflow"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

/// The exit code of a process that is about to end.
pub async fn exit_of(child: &mut Child) -> Option<i32> {
    for _ in 0..600 {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            return status.code();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(child.kill());
    panic!("the process did not end");
}

impl ServerProcess {
    pub async fn start(data_dir: &Path, settings: &[(&str, &str)]) -> Self {
        // The HTTP client of the tests wants one, too; a second installation changes nothing.
        drop(rustls::crypto::ring::default_provider().install_default());
        let address = format!("127.0.0.1:{}", free_port());
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(data_dir.with_extension("log"))
            .expect("a log file");
        let child = program()
            .env("VEETFLOW__DATA_DIR", data_dir)
            .env("VEETFLOW__HTTP__LISTEN", &address)
            .env("VEETFLOW__HTTP__WORKERS", "2")
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the program runs");
        let server = Self { child, address, data_dir: data_dir.to_owned() };
        server.wait_until_ready().await;
        server
    }

    async fn wait_until_ready(&self) {
        for _ in 0..600 {
            let ready = reqwest::get(format!("http://{}/readyz", self.address)).await;
            if ready.is_ok_and(|response| response.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the server did not become ready");
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        let pid = rustix::process::Pid::from_raw(pid).expect("a pid");
        rustix::process::kill_process(pid, signal).expect("signalled");
    }

    /// A visitor who has agreed and comes through the front door.
    pub async fn visitor(&self) -> Visitor {
        let mut visitor = Visitor::stranger(&self.address);
        visitor.connect().await;
        visitor.say(&serde_json::json!({"type": "open"})).await;
        visitor.ready().await;
        visitor.agree().await;
        visitor
    }

    /// What it logged, all starts on this folder taken together.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data_dir.with_extension("log")).expect("a log")
    }

    /// Waits for the end and gives the exit code.
    pub async fn ended(&mut self) -> Option<i32> {
        exit_of(&mut self.child).await
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
