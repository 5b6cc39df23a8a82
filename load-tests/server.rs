//! The server under test: a process of its own with a data folder of its own, both gone at the end.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::place::Spent;

/// How long the first start may take: it makes a database.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long the end may take before it is brought about.
const LAST_WORDS: Duration = Duration::from_secs(40);
const PAUSE: Duration = Duration::from_millis(50);

/// A running server. Dropping it ends it in order, whatever went wrong before.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    port: u16,
    data: TempDir,
}

impl Server {
    /// Starts one that asks the model at `stub_port`, on the given cores if any, and waits until it is ready.
    pub(crate) fn start(
        program: &Path,
        stub_port: u16,
        cores: Option<&str>,
    ) -> anyhow::Result<Self> {
        let data = tempfile::Builder::new().prefix("veetflow-load-").tempdir()?;
        let log = File::create(data.path().join("server.log"))?;
        let port = free_port()?;
        let mut command = match cores {
            Some(cores) => {
                let mut pinned = Command::new("taskset");
                pinned.args(["--cpu-list", cores]).arg(program);
                pinned
            }
            None => Command::new(program),
        };
        for (key, value) in settings(port, stub_port) {
            command.env(key, value);
        }
        if cores.is_some() {
            command.env("VEETFLOW__HTTP__WORKERS", "1");
        }
        let child = command
            .arg("serve")
            .env("VEETFLOW__DATA_DIR", data.path())
            .env_remove("OPENAI_API_KEY")
            .env_remove("OPENAI_BASE_URL")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| {
                format!("{} could not be started; build it first", program.display())
            })?;
        let mut server = Self { child, port, data };
        server.become_ready()?;
        Ok(server)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What it has spent on the processor; its descendants are the database.
    pub(crate) fn spent(&self) -> Spent {
        Spent::by(self.pid())
    }

    /// The folder in which it keeps everything.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    fn become_ready(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended ({status}):\n{}", self.log());
            }
            if is_ready(self.port) {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
        bail!("the server did not become ready:\n{}", self.log())
    }

    /// What it printed.
    fn log(&self) -> String {
        fs::read_to_string(self.data.path().join("server.log")).unwrap_or_default()
    }

    fn ends_within(&mut self, limit: Duration) -> bool {
        let began = Instant::now();
        while began.elapsed() < limit {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::sleep(PAUSE);
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let is_told = kill_process(Pid::from_child(&self.child), Signal::TERM).is_ok();
        if (is_told && self.ends_within(LAST_WORDS)) || self.child.kill().is_err() {
            return;
        }
        drop(self.child.wait());
    }
}

/// Everything that must differ from the defaults: a crowd comes from one address and says more than a person would.
fn settings(port: u16, stub_port: u16) -> [(&'static str, String); 6] {
    [
        ("VEETFLOW__HTTP__LISTEN", format!("127.0.0.1:{port}")),
        ("VEETFLOW__HTTP__SESSIONS_PER_MINUTE", "0".to_owned()),
        ("VEETFLOW__CONVERSATION__BURST", "1000000".to_owned()),
        ("VEETFLOW__CONVERSATION__PER_MINUTE", "6000000".to_owned()),
        ("VEETFLOW__PROVIDERS__OPENAI__BASE_URL", format!("http://127.0.0.1:{stub_port}/v1")),
        ("VEETFLOW__PROVIDERS__OPENAI__MODEL", "stub".to_owned()),
    ]
}

/// A port that was free a moment ago.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn is_ready(port: u16) -> bool {
    let asked = || -> std::io::Result<Vec<u8>> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    asked().is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200"))
}
