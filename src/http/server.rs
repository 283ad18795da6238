//! The accept loop: axum's own has no timeout for slow headers, no cap on connections and no bound on the drain.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::context::Peer;
use super::router;
use crate::app::App;

/// Connections at the same time; more wait in the backlog of the socket.
const MAX_CONNECTIONS: usize = 4_096;
/// For the head of a request, and for the first request of a connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long requests in flight may take after `shutdown`.
const DRAIN: Duration = Duration::from_secs(10);
/// After a failed accept (out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the router on the listener until `shutdown`, then lets requests in flight finish, for at most ten seconds.
///
/// # Errors
/// The listener is no longer bound. Failed accepts are logged and survived.
pub async fn serve(listener: TcpListener, app: Arc<App>, shutdown: CancellationToken) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    tracing::info!(%address, "listening");
    let (router, places) = (router(app), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    let (graceful, tasks, abort) = (GracefulShutdown::new(), TaskTracker::new(), CancellationToken::new());
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                let connection = connection(stream, peer, router.clone(), graceful.watcher(), place);
                let abort = abort.clone();
                tasks.spawn(async move {
                    tokio::select! { () = abort.cancelled() => {} () = connection => {} }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = tasks.len(), "requests in flight did not finish in time");
    }
    abort.cancel();
    tasks.wait().await;
    Ok(())
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

async fn connection(stream: TcpStream, peer: Peer, router: axum::Router, watcher: Watcher, place: OwnedSemaphorePermit) {
    let spoke = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&spoke);
    let service = router.map_request(move |mut request: Request<Incoming>| {
        heard.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(peer);
        request.map(axum::body::Body::new)
    });
    let builder = builder();
    let serving =
        watcher.watch(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).into_owned());
    // The header timeout begins once the version of HTTP is known; a peer that never says so is silent.
    let silence = async {
        tokio::time::sleep(HEADER_TIMEOUT).await;
        if spoke.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        ended = serving => if let Err(error) = ended { tracing::debug!(%error, "connection ended"); },
        () = silence => {}
    }
    drop(place);
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(HEADER_TIMEOUT);
    builder
}
