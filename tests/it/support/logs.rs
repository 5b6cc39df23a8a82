//! Everything the houses of this run log, in memory, so that a canary in it can be found.

use std::io::Write;
use std::sync::{Mutex, Once};

use tracing_subscriber::EnvFilter;

static START: Once = Once::new();
static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Sink;

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // Shown only where a test fails.
        print!("{}", String::from_utf8_lossy(bytes));
        LINES.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Begins to listen, to more than a server would log.
pub fn listen() {
    START.call_once(|| {
        let filter = EnvFilter::new("info,veetflow=trace,async_openai=off,tokio_postgres=warn");
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(false)
            .with_writer(|| Sink)
            .init();
    });
}

/// All that was logged so far.
pub fn text() -> String {
    let lines = LINES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    String::from_utf8_lossy(&lines).into_owned()
}
