//! `veetflow serve`: start, tell people where to look, stop in order.

use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::say;
use crate::app::{App, configured_providers};
use crate::clock::SystemClock;
use crate::config::Config;

pub(super) fn serve(config: Config) -> anyhow::Result<ExitCode> {
    crate::telemetry::start(&config.telemetry);
    actix_web::rt::System::new().block_on(async move {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let providers = configured_providers(&config);
        let (app, server) = App::build(config, Arc::new(SystemClock), providers).await?;
        welcome(&app);
        let serving = actix_web::rt::spawn(server);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!(
            "stopping: answers in progress are finished first; a second signal stops at once"
        );
        let code = tokio::select! {
            () = app.drain() => ExitCode::SUCCESS,
            _ = terminate.recv() => ExitCode::from(130),
            _ = interrupt.recv() => ExitCode::from(130),
        };
        serving.abort();
        Ok(code)
    })
}

fn welcome(app: &App) {
    if let Some(path) =
        app.foundation.first_start.as_ref().and_then(|first| first.master_key.as_ref())
    {
        say("");
        say(&format!("  ! A new master key was made: {}", path.display()));
        say(
            "    Keep a copy of it in another place. Whoever loses it loses every conversation for ever:",
        );
        say(
            "    not we, not you, not a backup can read them again. Whoever else gets it can read them all.",
        );
        say(
            "  ! 已生成新的主密钥，请在别处妥善备份；丢失后所有对话将永远无法读取，泄露则意味着全部可读。",
        );
    }
    let address = app.address;
    say("");
    say(&format!("  Demo site with the widget   http://{address}/"));
    say(&format!("  Health                      http://{address}/healthz"));
    say(
        "  Provider keys               VEETFLOW__PROVIDERS__OPENAI__API_KEY (and …__BASE_URL for a server of your own)",
    );
    say("");
}
