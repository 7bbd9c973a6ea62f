//! The admin socket of a running hub: HTTP over the Unix socket `hub.sock` in the data directory, for everybody who can
//! read that directory. With `[metrics] address` in the config, some read-only routes are also served on the LAN.
//!
//! | route | answer | on the LAN |
//! | --- | --- | --- |
//! | `GET /metrics` | the metrics, as OpenMetrics text | yes |
//! | `GET /healthz` | 200 while the process answers | yes |
//! | `GET /readyz` | 200 while the store accepts sales; else 503 with the reason | yes |
//! | `GET /status` | the status, as shown on the console | no |
//! | `POST /heartbeat` | 200 once a commit is durable | no |
//! | `GET /busy` | why the hub should not be restarted now, as a JSON list of texts | no |
//! | `POST /backup` | a backup of the whole store, as bytes | no |
//! | `POST /items` | items of a catalog are loaded | no |
//!
//! | failure | effect |
//! | --- | --- |
//! | the client disconnects, or does not read for [`PATIENCE`] | the backup is aborted; the store continues to sell |
//! | the hub is stopped meanwhile | it does not wait: the backup ends without its end marker |
//! | the backup fails halfway | the answer is cut off, and the client rejects it |
//! | the hub was killed and its socket is left | connecting fails; the next hub removes it |

mod client;

use std::{
    convert::Infallible,
    fs,
    io::{self, BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
pub(super) use client::{ask, ask_for_backup, send_items};
use edge::{Bounds, Limits, Places};
use futures_util::stream;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use store::{Room, Store};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::{Semaphore, mpsc},
    time::sleep,
};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

use super::{busy, import};
use crate::{
    hub::Hub,
    status::{Status, metrics},
};

/// The time-out for a silent client.
const PATIENCE: Duration = Duration::from_secs(60);

/// The maximum number of clients of the socket.
const ASKERS: usize = 8;

/// The limits for clients on the LAN.
const MONITORS: Bounds = Bounds { all: 32, each: 4 };

/// The limits of the listener on the LAN, where nobody signs in.
const LAN: Limits = Limits { strangers: MONITORS, signed_in: MONITORS, patience: PATIENCE };

/// Bytes of a backup per chunk.
const CHUNK: usize = 64 * 1024;

/// Chunks that may wait for the client.
const WAITING: usize = 8;

fn path(data: &Path) -> PathBuf {
    data.join("hub.sock")
}

/// Read-only routes without business data.
fn public_router() -> Router<Arc<Hub>> {
    Router::new()
        .route("/metrics", get(metrics_text))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
}

async fn metrics_text(State(hub): State<Arc<Hub>>) -> Response {
    match tokio::task::spawn_blocking(move || metrics::text(&hub)).await {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn readyz(State(hub): State<Arc<Hub>>) -> Response {
    let stopped = hub.store.stopped().map(|why| format!("store stopped: {why}\n"));
    let is_full = hub.store.disk().room == Room::Full;
    match stopped.or_else(|| is_full.then(|| "disk full: sales cannot be stored; free up space\n".to_owned())) {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, why).into_response(),
    }
}

async fn status(State(hub): State<Arc<Hub>>) -> Response {
    match Status::read(hub).await {
        Ok(status) => Json(status).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn heartbeat(State(hub): State<Arc<Hub>>) -> Response {
    match hub.beat().await {
        Ok(()) => "durable\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

async fn busy(State(hub): State<Arc<Hub>>) -> Response {
    match tokio::task::spawn_blocking(move || busy::reasons(&hub)).await {
        Ok(Ok(reasons)) => Json(reasons).into_response(),
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn backup(State(hub): State<Arc<Hub>>) -> Response {
    let (chunks, mut written) = mpsc::channel(WAITING);
    let store = Arc::clone(&hub.store);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = write_backup(&store, &chunks) {
            // The client has disconnected.
            let _ = chunks.blocking_send(Err(error));
        }
    });
    // The first chunk shows whether the backup has started.
    match written.recv().await {
        Some(Ok(first)) => {
            let rest = stream::poll_fn(move |context| written.poll_recv(context));
            let first = stream::once(std::future::ready(Ok::<_, io::Error>(first)));
            Body::from_stream(futures_util::StreamExt::chain(first, rest)).into_response()
        }
        Some(Err(error)) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn write_backup(store: &Store, chunks: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    let mut output = BufWriter::with_capacity(CHUNK, Chunks(chunks));
    let done = store.backup(&mut output).map_err(|error| io::Error::other(error.to_string()))?;
    output.flush()?;
    tracing::info!(entries = done.entries, segments = done.segments, "wrote a backup");
    Ok(())
}

/// A writer that sends chunks.
struct Chunks<'s>(&'s mpsc::Sender<io::Result<Bytes>>);

impl Write for Chunks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the client disconnected");
        self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens the admin socket.
///
/// # Errors
/// It can't be created; the hub sells all the same.
pub(crate) fn open(hub: &Arc<Hub>) -> io::Result<()> {
    let path = path(&hub.config.store.data);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    let router = public_router().route("/status", get(status)).route("/backup", post(backup));
    let router =
        router.route("/heartbeat", post(heartbeat)).route("/busy", get(busy)).route("/items", post(import::load));
    let router = router.with_state(Arc::clone(hub));
    tokio::spawn(serve_socket(router, listener));
    Ok(())
}

/// Serves the metrics on the LAN.
pub(crate) fn publish(hub: &Arc<Hub>, listener: TcpListener) {
    let router = public_router().with_state(Arc::clone(hub));
    tokio::spawn(serve_lan(router, listener));
}

/// Serves the admin socket: a few clients at a time, and the others wait.
async fn serve_socket(router: Router, listener: UnixListener) {
    let room = Arc::new(Semaphore::new(ASKERS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let router = router.clone();
        tokio::spawn(async move {
            let _place = place;
            talk(stream, router).await;
        });
    }
}

/// Serves the LAN. A new connection is never refused: of too many, the oldest of the host with the most is closed.
async fn serve_lan(router: Router, listener: TcpListener) {
    let places = Places::new(LAN);
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (router, connection) = (router.clone(), places.enter(peer.ip().into()));
        tokio::spawn(async move {
            tokio::select! {
                () = talk(stream, router) => {}
                () = connection.closed() => {}
            }
        });
    }
}

/// Answers one request of a client.
async fn talk(stream: impl AsyncRead + AsyncWrite + Send + 'static, router: Router) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(PATIENCE));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move {
            // One request per connection, so that a place is soon free again.
            let mut response = router.oneshot(request).await?;
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            Ok::<_, Infallible>(response)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(5))
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "admin request failed");
    }
}
