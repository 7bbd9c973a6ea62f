//! Accepts and limits connections, and passes requests to the routes.
//!
//! - The number of connections is limited: see [`edge::places`]. Whoever has shown a valid API key has connections that
//!   strangers can't use up.
//! - The handshake and the head of the first request must arrive within [`Limits::patience`]; a connection may be idle
//!   for [`IDLE`].
//! - A client that does not read its answer for [`UNREAD`] is disconnected.
//! - A misbehaving connection affects no other.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    middleware::{self, Next},
    response::IntoResponse,
};
use edge::{Bounds, Connection, Limits, Places};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use link::Identity;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::{problem::FAULT, rates::Rates};

/// The limits on open connections; a holder is an API key.
const LIMITS: Limits = Limits {
    strangers: Bounds { all: 512, each: 128 },
    signed_in: Bounds { all: 1024, each: 256 },
    patience: Duration::from_secs(10),
};

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
            let peer = request.extensions().get().map(Connection::peer);
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
    let places = Places::new(LIMITS);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // Out of file descriptors, or the peer disconnected: neither ends the server.
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            _ = stop.changed() => return,
        };
        let connection = places.enter(peer.ip().into());
        let (acceptor, router) = (acceptor.clone(), router.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = talk(stream, acceptor, router, connection.clone()) => {}
                () = connection.closed() => {}
                () = connection.overdue() => {}
            }
        });
    }
}

/// Serves one connection to its end.
async fn talk(stream: TcpStream, acceptor: Option<TlsAcceptor>, router: Router, connection: Connection) {
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(UNREAD));
    let stream = Box::pin(stream);
    let ended = match acceptor {
        None => answer(stream, router, connection).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => answer(stream, router, connection).await,
            Err(_) => return,
        },
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    connection: Connection,
) -> hyper::Result<()> {
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        // Anybody may take long over an answer, such as a published file.
        connection.keep();
        request.extensions_mut().insert(connection.clone());
        router.clone().oneshot(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .await
}
