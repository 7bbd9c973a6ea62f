//! The client of the admin socket.

use std::{
    io::{self, Read},
    path::Path,
    time::Duration,
};

use axum::body::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, client, header};
use hyper_util::rt::TokioIo;
use tokio::{net::UnixStream, runtime::Runtime, time::timeout};

use super::{PATIENCE, path};

/// The time limit of a short answer. A hub that needs longer hangs.
const SHORT: Duration = Duration::from_secs(10);

/// The maximum size of a short answer.
const MOST: usize = 8 * 1024 * 1024;

/// Sends a request to the hub of a data directory; `None` if no hub is running.
async fn send(
    data: &Path,
    method: Method,
    route: &str,
    body: Vec<u8>,
    patience: Duration,
) -> Result<Option<Response<Incoming>>, String> {
    let path = path(data);
    let failed = |error: &dyn std::fmt::Display| format!("the hub's socket {}: {error}", path.display());
    let stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        // Also if the path is too long for a socket: a running hub still holds the store's lock.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::InvalidInput
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(failed(&error)),
    };
    let (mut sender, connection) =
        client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    tokio::spawn(connection);
    let request = Request::builder().method(method).uri(route).header(header::HOST, "hub");
    let request = request.header(header::CONTENT_TYPE, "application/json").body(Full::<Bytes>::from(body));
    let request = request.map_err(|error| failed(&error))?;
    let answer = timeout(patience, sender.send_request(request)).await;
    let answer = answer.map_err(|_| failed(&format!("no answer within {} s", patience.as_secs())))?;
    answer.map(Some).map_err(|error| failed(&error))
}

/// Asks the hub of a data directory for a short answer; `None` if no hub is running.
pub(in crate::maintenance) async fn ask(
    data: &Path,
    method: Method,
    route: &str,
) -> Result<Option<(StatusCode, Bytes)>, String> {
    let Some(answer) = send(data, method, route, Vec::new(), SHORT).await? else { return Ok(None) };
    short(route, answer).await.map(Some)
}

/// Sends items to the hub of a data directory; `None` if no hub is running.
pub(in crate::maintenance) async fn send_items(
    data: &Path,
    items: Vec<u8>,
) -> Result<Option<(StatusCode, Bytes)>, String> {
    let route = "/items";
    let Some(answer) = send(data, Method::POST, route, items, PATIENCE).await? else { return Ok(None) };
    short(route, answer).await.map(Some)
}

async fn short(route: &str, answer: Response<Incoming>) -> Result<(StatusCode, Bytes), String> {
    let status = answer.status();
    let body = timeout(SHORT, Limited::new(answer.into_body(), MOST).collect()).await;
    let body = body.map_err(|_| format!("the hub's answer to {route} broke off"))?;
    let body = body.map_err(|error| format!("the hub's answer to {route}: {error}"))?;
    Ok((status, body.to_bytes()))
}

/// A backup streamed by the hub.
pub(in crate::maintenance) struct BackupStream {
    runtime: Runtime,
    body: Incoming,
    left: Bytes,
}

impl Read for BackupStream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.left.is_empty() {
            let next = self.runtime.block_on(async { timeout(PATIENCE, self.body.frame()).await });
            match next.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))? {
                None => return Ok(0),
                Some(frame) => self.left = frame.map_err(io::Error::other)?.into_data().unwrap_or_default(),
            }
        }
        let length = self.left.len().min(bytes.len());
        bytes[..length].copy_from_slice(&self.left.split_to(length));
        Ok(length)
    }
}

/// Requests a backup from the hub of a data directory; `None` if no hub is running. Blocks.
pub(in crate::maintenance) fn ask_for_backup(data: &Path) -> Result<Option<BackupStream>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("could not start a runtime: {error}"))?;
    let Some(answer) = runtime.block_on(send(data, Method::POST, "/backup", Vec::new(), PATIENCE))? else {
        return Ok(None);
    };
    let (is_done, body) = (answer.status().is_success(), answer.into_body());
    let mut stream = BackupStream { runtime, body, left: Bytes::new() };
    if is_done {
        return Ok(Some(stream));
    }
    let mut why = String::new();
    let told = stream.by_ref().take(1000).read_to_string(&mut why);
    told.map_err(|error| format!("could not read the hub's answer: {error}"))?;
    Err(format!("the hub could not write a backup: {why}"))
}
