//! The accept loop: axum's own has no timeout for slow peers, no cap on connections and no bound on the drain.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::activity::{Activity, Watched};
use super::context::Peer;
use super::router;
use crate::app::App;
use crate::config;

/// After a failed accept (out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long connections are still accepted after `shutdown`, and then how long those may take to send a request: what the
/// kernel has queued, and who has just connected, would be reset otherwise.
const LINGER: Duration = Duration::from_millis(250);
/// Bytes of a request's head, and of an answer that waits to be read.
const BUFFER: usize = 64 * 1024;

/// Serves the router on the listener until `shutdown`, then lets requests in flight finish, for at most `drain`.
///
/// # Errors
/// The listener is no longer bound. Failed accepts are logged and survived.
pub async fn serve(listener: TcpListener, app: Arc<App>, shutdown: CancellationToken) -> std::io::Result<()> {
    tracing::info!(address = %listener.local_addr()?, "listening");
    let connections = Connections::new(&app);
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = connections.accept(&listener) => {}
    }
    app.draining.store(true, Ordering::Relaxed);
    let _ = tokio::time::timeout(LINGER, connections.accept(&listener)).await;
    drop(listener);
    connections.drain(app.server.drain).await;
    Ok(())
}

/// Every connection, and what they share.
struct Connections {
    router: axum::Router,
    settings: Arc<config::Server>,
    places: Arc<Semaphore>,
    graceful: GracefulShutdown,
    tasks: TaskTracker,
    abort: CancellationToken,
}

impl Connections {
    fn new(app: &Arc<App>) -> Self {
        Self {
            router: router(Arc::clone(app)),
            settings: Arc::new(app.server.clone()),
            places: Arc::new(Semaphore::new(places(app.server.max_connections))),
            graceful: GracefulShutdown::new(),
            tasks: TaskTracker::new(),
            abort: CancellationToken::new(),
        }
    }

    /// Accepts for ever. Beyond the cap, connections wait in the backlog of the socket.
    async fn accept(&self, listener: &TcpListener) {
        loop {
            match accept(listener, &self.places).await {
                Ok((stream, peer, place)) => self.spawn(stream, peer, place),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn spawn(&self, stream: TcpStream, peer: Peer, place: OwnedSemaphorePermit) {
        let connection = connection(stream, peer, self.router.clone(), Arc::clone(&self.settings), self.graceful.watcher());
        let abort = self.abort.clone();
        self.tasks.spawn(async move {
            tokio::select! { () = abort.cancelled() => {} () = connection => {} }
            drop(place);
        });
    }

    /// Lets requests finish; what is not done after `limit` is cut off.
    async fn drain(self, limit: Duration) {
        self.tasks.close();
        let _ = tokio::time::timeout(LINGER, self.tasks.wait()).await;
        if tokio::time::timeout(limit, self.graceful.shutdown()).await.is_err() {
            tracing::warn!(connections = self.tasks.len(), "requests in flight did not finish in time");
        }
        self.abort.cancel();
        self.tasks.wait().await;
    }
}

/// The configured cap, but a quarter of the descriptors stays for the database, actions and files.
fn places(max_connections: usize) -> usize {
    let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let allowed = descriptors.and_then(|limit| usize::try_from(limit - limit / 4).ok()).unwrap_or(usize::MAX);
    max_connections.min(allowed).max(1)
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, Peer, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, Peer(peer), place))
}

async fn connection(stream: TcpStream, peer: Peer, router: axum::Router, settings: Arc<config::Server>, watcher: Watcher) {
    let activity = Activity::begin();
    let requests = Arc::clone(&activity);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let in_flight = requests.request();
        request.extensions_mut().insert(peer);
        let answer = router.clone().oneshot(request.map(axum::body::Body::new));
        async move {
            let answer = answer.await;
            drop(in_flight);
            answer
        }
    });
    let stream = TokioIo::new(Watched::new(stream, Arc::clone(&activity), settings.write_timeout));
    let builder = builder(&settings);
    let serving = watcher.watch(builder.serve_connection(stream, service).into_owned());
    tokio::select! {
        ended = serving => if let Err(error) = ended { tracing::debug!(%error, "connection ended"); },
        () = activity.overdue(&settings) => tracing::debug!("connection closed: it kept us waiting"),
    }
}

fn builder(settings: &config::Server) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // hyper's timeout covers idling too, and the part of a head that came with the request before it.
    let patience = settings.header_timeout.max(settings.idle_timeout);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience).max_buf_size(BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .max_send_buf_size(BUFFER)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(settings.header_timeout);
    builder
}
