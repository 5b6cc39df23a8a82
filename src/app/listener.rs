//! The listener: how connections are taken in and what each worker is given.

use std::any::Any;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::{App, HttpServer, web};
use anyhow::Context;
use socket2::SockRef;

use crate::config::Http;
use crate::http::{Edge, routes, secure, traced};

/// How long sockets get for their closing frames when the server stops, in seconds.
const LAST_WORDS: u64 = 3;

pub(super) fn listen(
    settings: &Http,
    edge: impl Fn() -> anyhow::Result<Edge> + Clone + Send + 'static,
) -> anyhow::Result<(Server, SocketAddr)> {
    let has_demo = settings.demo;
    let peer_timeout = Duration::from_secs(settings.peer_timeout_seconds);
    let server = HttpServer::new(move || {
        let app = App::new().wrap(from_fn(secure)).wrap(from_fn(traced));
        match edge() {
            Ok(edge) => {
                app.app_data(web::Data::new(edge)).configure(|config| routes(config, has_demo))
            }
            Err(error) => {
                // The same call succeeded before the workers began; without it this worker can only say what is wrong.
                tracing::error!(error = %error, "a worker could not be set up");
                app
            }
        }
    })
    .on_connect(move |connection, _| end_with_a_stalled_peer(connection, peer_timeout))
    .max_connections(settings.max_connections)
    .tcp_nodelay(true)
    .disable_signals()
    .shutdown_timeout(LAST_WORDS);
    let server = if settings.workers > 0 { server.workers(settings.workers) } else { server };
    let server = server.bind(settings.listen).with_context(|| {
        format!("cannot listen on {}; set VEETFLOW__HTTP__LISTEN", settings.listen)
    })?;
    let address = server.addrs().first().copied().context("the listener has no address")?;
    Ok((server.run(), address))
}

/// A peer that leaves our bytes unacknowledged is ended by the kernel: its own actor is frozen and could not.
fn end_with_a_stalled_peer(connection: &dyn Any, after: Duration) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
    if SockRef::from(stream).set_tcp_user_timeout(Some(after)).is_err() {
        tracing::debug!("a connection did not take its time limit");
    }
}
