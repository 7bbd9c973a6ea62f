//! TLS on the LAN: accepts connections, bounds them, and hands their requests to the routes.
//!
//! - At most [`CONNECTIONS`] at once; past it new ones wait in the system's queue.
//! - A handshake and the head of a request must come within [`PATIENCE`].
//! - A connection that misbehaves ends alone.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::{config::Listen, parts::certificates::Certificates};

/// Connections at once.
const CONNECTIONS: usize = 1024;

/// How long a client may take for a handshake, and for the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// TLS by the certificate that the config names, which may be renewed while the hub runs.
///
/// # Errors
/// A file can't be read, or is not what it should be: which one, and what to do.
pub(crate) fn tls(listen: &Listen, certificates: &Certificates) -> Result<Arc<ServerConfig>, String> {
    let identity = certificates
        .open("listen.certificate", &listen.certificate, &listen.key)
        .map_err(|error| format!("{error}; `store-hub-provision create-store` makes both files"))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_cert_resolver(identity);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Serves until `stop` changes; then takes no new connections.
///
/// # Errors
/// The listener fails for good.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    router: Router,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let acceptor = TlsAcceptor::from(tls);
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return Ok(()) };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Out of descriptors, or the peer is gone already: neither ends the hub.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            _ = stop.changed() => return Ok(()),
        };
        let (acceptor, router) = (acceptor.clone(), router.clone());
        tokio::spawn(async move {
            let _place = place;
            // Answers are small and waited for.
            let _ = stream.set_nodelay(true);
            let Ok(Ok(stream)) = timeout(PATIENCE, acceptor.accept(stream)).await else { return };
            let service = service_fn(move |request: hyper::Request<Incoming>| router.clone().oneshot(request));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .max_buf_size(64 * 1024)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended");
            }
        });
    }
}
