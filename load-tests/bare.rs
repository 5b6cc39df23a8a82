//! The least that a relay can be: one read and one write for each piece, on one thread, with nothing understood. What a
//! server costs beside it is what the server adds.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::place::{self, Spent};

/// The running relay, seen from the process that measures.
#[derive(Debug)]
pub(crate) struct Bare {
    child: Child,
    port: u16,
}

impl Bare {
    /// Starts it before the model at `stub_port`, on the given cores if any.
    pub(crate) fn start(stub_port: u16, cores: Option<&str>) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("this program does not know where it is")?;
        let mut command = Command::new(program);
        command.arg("bare").arg("--model").arg(stub_port.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut bare = Self { child: command.spawn()?, port: 0 };
        let mut line = String::new();
        let output = bare.child.stdout.take().context("the relay has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        bare.port = line.trim().parse().context("the relay did not say its port")?;
        if let Some(cores) = cores {
            place::pin(bare.child.id(), cores);
        }
        Ok(bare)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn spent(&self) -> Spent {
        Spent::by(self.child.id())
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

/// The relay's own process: says its port, then relays until its input ends, which is when its parent does.
pub(crate) fn run(stub_port: u16) -> anyhow::Result<()> {
    std::thread::spawn(|| {
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        std::process::exit(0);
    });
    crate::crowd()?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("{}", listener.local_addr()?.port());
        std::io::stdout().flush()?;
        loop {
            let (caller, _) = listener.accept().await?;
            // A caller that goes away in the middle of an answer is the caller's affair.
            tokio::spawn(async move { drop(relay(caller, stub_port).await) });
        }
    })
}

async fn relay(mut caller: TcpStream, stub_port: u16) -> std::io::Result<()> {
    caller.set_nodelay(true)?;
    let mut model = TcpStream::connect((Ipv4Addr::LOCALHOST, stub_port)).await?;
    model.set_nodelay(true)?;
    let (mut question, mut answer) = (vec![0; 4 * 1024], vec![0; 16 * 1024]);
    loop {
        tokio::select! {
            asked = caller.read(&mut question) => match asked? {
                0 => return Ok(()),
                length => model.write_all(question.get(..length).unwrap_or_default()).await?,
            },
            said = model.read(&mut answer) => match said? {
                0 => return Ok(()),
                length => caller.write_all(answer.get(..length).unwrap_or_default()).await?,
            },
        }
    }
}
