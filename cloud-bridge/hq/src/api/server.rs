//! Accepts and limits connections, and passes requests to the routes.
//!
//! - At most [`ALL`] connections, and [`EACH`] per address; further ones are closed.
//! - The handshake and the head of a request must arrive within [`PATIENCE`]; a connection may be idle for [`IDLE`].
//! - A client that does not read its answer for [`UNREAD`] is disconnected.
//! - A misbehaving connection affects no other.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    middleware::{self, Next},
    response::IntoResponse,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use link::Identity;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::{
    problem::FAULT,
    rates::{Peer, Rates},
};

/// The maximum number of connections.
const ALL: usize = 1024;

/// The maximum number of connections per address.
const EACH: usize = 256;

/// The time limit for a handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time limit for the next request.
const IDLE: Duration = Duration::from_secs(60);

/// The time limit for reading an answer.
const UNREAD: Duration = Duration::from_secs(20);

/// TLS with an identity that may be renewed meanwhile.
///
/// # Errors
/// The TLS library refused the configuration.
pub fn tls(identity: Arc<Identity>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(identity);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Limits requests without an API key: their rate per address, and the size of their body in bytes.
pub fn for_strangers(router: Router, largest: usize) -> Router {
    let rates = Arc::new(Rates::default());
    router.layer(DefaultBodyLimit::max(largest)).layer(middleware::from_fn(move |request: Request, next: Next| {
        let rates = Arc::clone(&rates);
        async move {
            let peer = request.extensions().get::<Peer>().copied();
            let taken = peer.ok_or_else(|| FAULT.because("the request's origin is unknown"));
            match taken.and_then(|peer| rates.stranger(peer)) {
                Ok(()) => next.run(request).await,
                Err(problem) => problem.into_response(),
            }
        }
    }))
}

/// Serves until `stop` changes. Without TLS it serves plain HTTP.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let acceptor = tls.map(TlsAcceptor::from);
    let open = Arc::new(Open::default());
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => (stream, Peer::from(address.ip())),
                // Out of file descriptors, or the peer disconnected: neither ends the server.
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            _ = stop.changed() => return,
        };
        let Some(place) = open.enter(peer) else { continue };
        tokio::spawn(talk(stream, acceptor.clone(), router.clone(), peer, place));
    }
}

/// Serves one connection to its end.
async fn talk(stream: TcpStream, acceptor: Option<TlsAcceptor>, router: Router, peer: Peer, _place: Place) {
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(UNREAD));
    let stream = Box::pin(stream);
    let ended = match acceptor {
        None => answer(stream, router, peer).await,
        Some(acceptor) => match timeout(PATIENCE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => answer(stream, router, peer).await,
            Ok(Err(_)) | Err(_) => return,
        },
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    peer: Peer,
) -> hyper::Result<()> {
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

/// The open connections by address.
#[derive(Default)]
struct Open(Mutex<HashMap<Peer, usize>>);

impl Open {
    fn enter(self: &Arc<Self>, peer: Peer) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = counts.values().sum();
        let count = counts.get(&peer).copied().unwrap_or_default();
        if all >= ALL || count >= EACH {
            return None;
        }
        counts.insert(peer, count + 1);
        Some(Place { open: Arc::clone(self), peer })
    }
}

/// The place of a connection, freed on drop.
struct Place {
    open: Arc<Open>,
    peer: Peer,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(&self.peer) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&self.peer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn connections_are_limited_per_address_and_in_total_and_free_their_places() {
        let open = Arc::new(Open::default());
        let peer = |host: u8| Peer::from(IpAddr::from([10, 0, 0, host]));
        let enter = |host| (0..2 * ALL).map_while(|_| open.enter(peer(host))).collect::<Vec<_>>();
        let places: Vec<_> = (1..=5).map(enter).collect();
        assert_eq!(places.iter().map(Vec::len).collect::<Vec<_>>(), [EACH, EACH, EACH, EACH, 0]);
        drop(places);
        assert!(open.0.lock().unwrap().is_empty());
    }
}
