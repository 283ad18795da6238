//! How long a connection may keep us waiting: for the head of a request, between requests, and for reading our answers.
//!
//! hyper has one timeout for the first two and none for the third, so the stream itself is watched.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::config;

/// How often a connection is looked at; a change of phase costs nothing this way.
const LOOK: Duration = Duration::from_millis(250);

/// What a connection is doing.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The head of a request arrives, or should, since then.
    Arriving(Instant),
    /// So many requests are being received and answered.
    Answering(usize),
    /// Everything is answered, since then.
    Idle(Instant),
}

/// The phase of one connection, shared by its stream, its requests and its supervisor.
#[derive(Debug)]
pub(super) struct Activity(Mutex<Phase>);

impl Activity {
    /// A connection that was just accepted.
    pub(super) fn begin() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Phase::Arriving(Instant::now()))))
    }

    /// Counts a request until the guard is dropped, be it because the client went away.
    pub(super) fn request(self: &Arc<Self>) -> InFlight {
        self.change(|phase| match phase {
            Phase::Answering(others) => Phase::Answering(others + 1),
            Phase::Arriving(_) | Phase::Idle(_) => Phase::Answering(1),
        });
        InFlight(Arc::clone(self))
    }

    /// Ends when the connection has kept us waiting for too long.
    pub(super) async fn overdue(&self, server: &config::Server) {
        loop {
            let (now, phase) = (Instant::now(), *self.0.lock().unwrap_or_else(PoisonError::into_inner));
            let deadline = match phase {
                Phase::Arriving(since) => since + server.header_timeout,
                Phase::Idle(since) => since + server.idle_timeout,
                Phase::Answering(_) => now + LOOK,
            };
            if deadline <= now {
                return;
            }
            tokio::time::sleep_until(deadline.min(now + LOOK)).await;
        }
    }

    fn change(&self, next: impl FnOnce(Phase) -> Phase) {
        let mut phase = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *phase = next(*phase);
    }
}

/// A request between its head and its answer.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.change(|phase| match phase {
            Phase::Answering(requests) if requests > 1 => Phase::Answering(requests - 1),
            _ => Phase::Idle(Instant::now()),
        });
    }
}

/// A stream that reports what arrives and gives up on a peer that does not read.
#[derive(Debug)]
pub(super) struct Watched {
    stream: TcpStream,
    activity: Arc<Activity>,
    /// Frames between requests are no request on HTTP/2, so only idling counts there.
    multiplexed: bool,
    write_timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Watched {
    /// Watches a stream.
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>, write_timeout: Duration) -> Self {
        Self { stream, activity, multiplexed: false, write_timeout, stalled: None }
    }

    /// Bytes after an answer begin the next head.
    fn arrived(&mut self, bytes: &[u8]) {
        // The first bytes of every HTTP/2 connection (RFC 9113 section 3.4); no method of HTTP/1 begins so.
        self.multiplexed |= bytes.starts_with(b"PRI * HTTP/2");
        if !self.multiplexed && !bytes.is_empty() {
            self.activity.change(|phase| match phase {
                Phase::Idle(_) => Phase::Arriving(Instant::now()),
                other => other,
            });
        }
    }

    fn paced<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let timeout = self.write_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        stalled.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.arrived(&buffer.filled()[before..]);
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.paced(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.paced(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
