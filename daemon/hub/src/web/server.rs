//! The TLS server on the LAN: accepts connections, limits them, and passes their requests to the routes.
//!
//! - TLS 1.3; 1.2 only if the config allows it.
//! - The number of connections is limited: see [`edge::places`].
//! - A handshake must be done within [`PATIENCE`], a stranger must sign in soon, and a signed-in connection may be idle
//!   for [`IDLE`].
//! - A client that does not read its answer for [`UNREAD`] is disconnected.
//! - An error on one connection does not affect others.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use edge::{Bounds, Connection, Limits, Places};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::{
    ServerConfig,
    version::{TLS12, TLS13},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::hosts::{Hosts, OtherHost};
use crate::{config::Listen, parts::certificates::Certificates};

/// The time limit of a handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// The limits on open connections; a holder is a register or the console.
const LIMITS: Limits = Limits {
    strangers: Bounds { all: 256, each: 64 },
    signed_in: Bounds { all: 768, each: 64 },
    patience: Duration::from_secs(15),
};

/// How long a signed-in connection may be idle.
const IDLE: Duration = Duration::from_secs(600);

/// How long a client may leave an answer unread.
const UNREAD: Duration = Duration::from_secs(20);

/// The hub's identity on the LAN.
pub(crate) struct Identity {
    tls: Arc<ServerConfig>,
    hosts: Hosts,
}

/// TLS with the config's certificate, which may be renewed while the hub runs.
///
/// # Errors
/// A file can't be read or is invalid; the message says which one and what to do.
pub(crate) fn tls(listen: &Listen, certificates: &Certificates) -> Result<Identity, String> {
    let identity = certificates
        .open("listen.certificate", &listen.certificate, &listen.key)
        .map_err(|error| format!("{error}; `store-hub-provision create-store` makes both files"))?;
    let hosts = Hosts::of(Arc::clone(&identity));
    let versions: &[_] = if listen.allow_tls_1_2 { &[&TLS13, &TLS12] } else { &[&TLS13] };
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_cert_resolver(identity);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity { tls: Arc::new(config), hosts })
}

/// Serves until `stop` changes, then accepts no new connections.
///
/// # Errors
/// The listener fails.
pub(crate) async fn serve(
    listener: TcpListener,
    Identity { tls, hosts }: Identity,
    router: Router,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let acceptor = TlsAcceptor::from(tls);
    let (places, hosts) = (Places::new(LIMITS), Arc::new(hosts));
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // No file descriptors are left, or the peer has already gone: neither must stop the hub.
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            _ = stop.changed() => return Ok(()),
        };
        let (acceptor, router, hosts) = (acceptor.clone(), router.clone(), Arc::clone(&hosts));
        let connection = places.enter(peer.ip().into());
        tokio::spawn(async move {
            tokio::select! {
                () = talk(stream, acceptor, router, hosts, connection.clone()) => {}
                () = connection.closed() => {}
                () = connection.overdue() => {}
            }
        });
    }
}

/// Serves one connection to its end.
async fn talk(stream: TcpStream, acceptor: TlsAcceptor, router: Router, hosts: Arc<Hosts>, connection: Connection) {
    // Answers are small, and clients wait for them.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(UNREAD));
    let Ok(Ok(stream)) = timeout(PATIENCE, acceptor.accept(Box::pin(stream))).await else { return };
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(connection.clone());
        if let Err(refusal) = hosts.require(request.uri(), request.version(), request.headers()) {
            request.extensions_mut().insert(OtherHost(refusal));
        }
        router.clone().oneshot(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection ended");
    }
}
