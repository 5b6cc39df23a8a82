//! Reads a PDF in a process of its own: this very program, called as `veetflow read-pdf`, with little memory, little time
//! and no way to anything but its input and output. Whatever a file does to it, the server goes on.
//!
//! It stands apart because what it guards against (a stack that overflows, a stream that unpacks without end) can be
//! caught by no handler inside the process it happens in.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::{ReadError, Reading, finish, pdf};

/// The command by which the program is a reader.
pub const COMMAND: &str = "read-pdf";

/// Address space of the reader, in bytes.
const MEMORY: u64 = 1 << 30;
/// Processor time of the reader, in seconds.
const SECONDS: u64 = 20;
/// How long it is waited for.
const PATIENCE: Duration = Duration::from_secs(40);

/// Every outcome but success as an exit code, so that nothing has to be parsed.
const OUTCOMES: [(u8, ReadError); 4] = [
    (41, ReadError::TooLarge),
    (42, ReadError::Encrypted),
    (43, ReadError::Unreadable),
    (44, ReadError::NoText),
];

/// The reading process, called once for each file.
#[derive(Debug, Clone)]
pub struct Reader {
    program: PathBuf,
}

impl Reader {
    /// A reader that runs this program; empty means the one that is running.
    pub fn new(program: &std::path::Path) -> Self {
        let own = || std::env::current_exe().unwrap_or_default();
        let is_named = !program.as_os_str().is_empty();
        Self { program: if is_named { program.to_owned() } else { own() } }
    }

    /// Reads a PDF whose text may have `most` bytes. `mark` is a random word that sets the text apart from whatever a
    /// library prints.
    pub async fn read(
        &self,
        bytes: Vec<u8>,
        most: usize,
        mark: &str,
    ) -> Result<Reading, ReadError> {
        tokio::time::timeout(PATIENCE, self.run(bytes, most, mark))
            .await
            .unwrap_or(Err(ReadError::Unreadable))
    }

    async fn run(&self, bytes: Vec<u8>, most: usize, mark: &str) -> Result<Reading, ReadError> {
        let mut child = Command::new(&self.program)
            .args([OsStr::new(COMMAND), OsStr::new(mark), OsStr::new(&most.to_string())])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                tracing::error!(error = %error, "the process that reads PDFs could not be started");
                ReadError::Unreadable
            })?;
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(ReadError::Unreadable);
        };
        // A reader that ends early closes its input; its exit code says why.
        let writing = async {
            let written = input.write_all(&bytes).await;
            drop(input);
            written.is_ok()
        };
        let mut said = Vec::new();
        let bound =
            u64::try_from(most.saturating_mul(3)).unwrap_or(u64::MAX).saturating_add(1 << 20);
        let mut output = output.take(bound);
        let (_, listened) = futures_util::join!(writing, output.read_to_end(&mut said));
        listened.map_err(|_| ReadError::Unreadable)?;
        drop(output);
        let status = child.wait().await.map_err(|_| ReadError::Unreadable)?;
        if !status.success() {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            let known = OUTCOMES.iter().find(|(known, _)| Some(*known) == code);
            return Err(known.map_or(ReadError::Unreadable, |(_, error)| *error));
        }
        let text = String::from_utf8(said).map_err(|_| ReadError::Unreadable)?;
        let (_, markdown) = text.rsplit_once(mark).ok_or(ReadError::Unreadable)?;
        finish(Reading { title: None, markdown: markdown.to_owned() }, most)
    }
}

/// What the reading process does: bounds itself, reads its input, writes the mark and the text. Gives the exit code.
pub fn be_the_reader(mark: &str, most: usize) -> u8 {
    let bound = |resource, limit| {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) }).is_ok()
    };
    let is_bound = bound(Resource::As, MEMORY)
        && bound(Resource::Cpu, SECONDS)
        && bound(Resource::Core, 0)
        && bound(Resource::Fsize, 0);
    let mut bytes = Vec::new();
    if !is_bound || std::io::stdin().lock().read_to_end(&mut bytes).is_err() {
        return code(ReadError::Unreadable);
    }
    let reading =
        pdf::read(&bytes).and_then(|markdown| finish(Reading { title: None, markdown }, most));
    match reading {
        Ok(reading) => {
            let mut output = std::io::stdout().lock();
            let written =
                write!(output, "{mark}{}", reading.markdown).and_then(|()| output.flush());
            if written.is_ok() { 0 } else { code(ReadError::Unreadable) }
        }
        Err(error) => code(error),
    }
}

fn code(error: ReadError) -> u8 {
    OUTCOMES.iter().find(|(_, known)| *known == error).map_or(43, |(code, _)| *code)
}
