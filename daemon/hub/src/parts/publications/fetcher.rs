//! Downloads files by SHA-256 over HTTPS, from HQ or any static server.
//!
//! - A partial download is stored and continued by a range request, also after a restart.
//! - A file that is larger than announced, or has another SHA-256, is discarded.
//! - Redirects are not followed: the announcement names the address.
//! - Each step has a time limit, so a server that trickles is given up.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use axum::http::{HeaderMap, Request, StatusCode, Uri, header};
use contract::Digest;
use http_body_util::{BodyExt, Empty};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use super::trust::Trust;

/// The time limit for a connection, a handshake, an answer or the next bytes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The time limit for a file. Partial downloads are kept.
const FILE: Duration = Duration::from_secs(600);

/// Why a download failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    /// The address is invalid.
    #[error("invalid address `{}`: https://HOST/PATH expected", .0.escape_debug())]
    Address(String),
    /// It can be retried.
    #[error("could not fetch {what} from {host}: {why}")]
    Trouble {
        /// The file.
        what: String,
        /// The server.
        host: String,
        /// The reason.
        why: String,
    },
    /// The disk failed.
    #[error("could not store a download in {}: {why}", path.display())]
    Disk {
        /// The path.
        path: PathBuf,
        /// The system's error.
        why: String,
    },
}

/// Downloads files.
pub(crate) struct Fetcher {
    trust: Trust,
    /// The directory of partial downloads.
    spool: PathBuf,
}

/// A server, and the connection to it.
pub(crate) struct Server<'f> {
    fetcher: &'f Fetcher,
    host: String,
    port: u16,
    path: String,
    connection: Option<SendRequest<Empty<Bytes>>>,
}

impl Fetcher {
    /// A fetcher with a directory for partial downloads.
    pub(super) fn new(trust: Trust, spool: PathBuf) -> Self {
        Self { trust, spool }
    }

    /// The server at an address.
    ///
    /// # Errors
    /// It is not an HTTPS address.
    pub(crate) fn server(&self, from: &str) -> Result<Server<'_>, FetchError> {
        let invalid = || FetchError::Address(from.to_owned());
        let uri: Uri = from.parse().map_err(|_| invalid())?;
        let (Some("https"), Some(authority), None) = (uri.scheme_str(), uri.authority(), uri.query()) else {
            return Err(invalid());
        };
        if authority.as_str().contains('@') {
            return Err(invalid());
        }
        let (host, port) = (authority.host().to_owned(), authority.port_u16().unwrap_or(443));
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Server { fetcher: self, host, port, path, connection: None })
    }

    /// Deletes all partial downloads.
    pub(crate) fn clear(&self) {
        if let Err(error) = fs::remove_dir_all(&self.spool)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %self.spool.display(), "could not delete partial downloads");
        }
    }
}

impl Server<'_> {
    /// Downloads a whole file. Blocks on the disk.
    ///
    /// # Errors
    /// The download failed.
    pub(crate) async fn get(&mut self, digest: Digest, bytes: u32) -> Result<Vec<u8>, FetchError> {
        let path = self.fetcher.spool.join(format!("{digest}.part"));
        let mut part = Part::open(&path, bytes as usize)?;
        if part.content.len() < bytes as usize {
            let got = timeout(FILE, self.go_on(digest, &mut part)).await;
            if let Err(why) = got.unwrap_or_else(|_| Err(format!("it took longer than {} s", FILE.as_secs()))) {
                self.connection = None;
                return Err(self.trouble(digest, why));
            }
        }
        let is_right = Digest::of(&part.content) == digest;
        part.remove()?;
        if is_right {
            return Ok(part.content);
        }
        self.connection = None;
        Err(self.trouble(digest, "the file has another SHA-256 than its name; it was discarded".into()))
    }

    fn trouble(&self, digest: Digest, why: String) -> FetchError {
        FetchError::Trouble { what: digest.to_string(), host: format!("{}:{}", self.host, self.port), why }
    }

    async fn go_on(&mut self, digest: Digest, part: &mut Part<'_>) -> Result<(), String> {
        let mut sender = match self.connection.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => self.connect().await?,
        };
        let has = part.content.len();
        let mut request = Request::get(format!("{}/{digest}", self.path))
            .header(header::HOST, format!("{}:{}", self.host, self.port))
            .header(header::ACCEPT_ENCODING, "identity");
        if has > 0 {
            request = request.header(header::RANGE, format!("bytes={has}-"));
        }
        let request = request.body(Empty::new()).map_err(|error| error.to_string())?;
        within("an answer", sender.ready()).await?.map_err(|error| error.to_string())?;
        let response = within("an answer", sender.send_request(request)).await?.map_err(|error| error.to_string())?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if begins_at(response.headers(), has) => {}
            StatusCode::OK => part.restart()?,
            status if status.is_redirection() => {
                return Err(format!("the server answered {status}; redirects are not followed"));
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                part.restart()?;
                return Err("the server has less of the file than was downloaded; it is downloaded again".into());
            }
            status => return Err(format!("the server answered {status}")),
        }
        copy(response.into_body(), part).await?;
        self.connection = Some(sender);
        Ok(())
    }

    async fn connect(&self) -> Result<SendRequest<Empty<Bytes>>, String> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let stream = within("a connection", TcpStream::connect((host, self.port))).await?;
        let stream = stream.map_err(|error| error.to_string())?;
        let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
        let connector = TlsConnector::from(self.fetcher.trust.tls());
        let stream = within("the TLS handshake", connector.connect(name, stream)).await?;
        let stream = TokioIo::new(stream.map_err(|error| error.to_string())?);
        let (sender, connection) = handshake(stream).await.map_err(|error| error.to_string())?;
        // Ends with the sender.
        tokio::spawn(connection);
        Ok(sender)
    }
}

async fn within<T>(what: &str, work: impl Future<Output = T>) -> Result<T, String> {
    timeout(PATIENCE, work).await.map_err(|_| format!("{what} took longer than {} s", PATIENCE.as_secs()))
}

/// Whether the range of an answer begins as requested.
fn begins_at(headers: &HeaderMap, has: usize) -> bool {
    let range = headers.get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    range
        .and_then(|range| range.strip_prefix("bytes ")?.split_once('-'))
        .is_some_and(|(first, _)| first.parse() == Ok(has))
}

async fn copy(mut body: Incoming, part: &mut Part<'_>) -> Result<(), String> {
    loop {
        match within("the next bytes", body.frame()).await? {
            None if part.content.len() == part.most => return Ok(()),
            None => return Err(format!("it broke off after {} of {} bytes", part.content.len(), part.most)),
            Some(Err(error)) => {
                return Err(format!("it broke off after {} of {} bytes: {error}", part.content.len(), part.most));
            }
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    part.append(&bytes)?;
                }
            }
        }
    }
}

/// A partial download.
struct Part<'p> {
    path: &'p Path,
    file: File,
    content: Vec<u8>,
    most: usize,
}

impl<'p> Part<'p> {
    fn open(path: &'p Path, most: usize) -> Result<Self, FetchError> {
        let failed = |error: io::Error| FetchError::Disk { path: path.to_owned(), why: error.to_string() };
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(failed)?;
        }
        let is_short = fs::metadata(path).is_ok_and(|metadata| metadata.len() <= most as u64);
        let content = if is_short { fs::read(path).map_err(failed)? } else { Vec::new() };
        let file = OpenOptions::new().create(true).write(true).truncate(false).open(path).map_err(failed)?;
        let mut part = Self { path, file, content, most };
        if !is_short {
            part.restart().map_err(|why| FetchError::Disk { path: path.to_owned(), why })?;
        }
        Ok(part)
    }

    fn restart(&mut self) -> Result<(), String> {
        self.content.clear();
        self.file.set_len(0).map_err(|error| error.to_string())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), String> {
        let most = self.most;
        if self.content.len() + bytes.len() > most {
            self.restart()?;
            return Err(format!("the file is larger than the announced {most} bytes; it was discarded"));
        }
        let at = self.content.len() as u64;
        let written = io::Seek::seek(&mut self.file, io::SeekFrom::Start(at)).and_then(|_| self.file.write_all(bytes));
        written.map_err(|error| format!("{}: {error}", self.path.display()))?;
        self.content.extend_from_slice(bytes);
        Ok(())
    }

    fn remove(&self) -> Result<(), FetchError> {
        let failed = |error: io::Error| FetchError::Disk { path: self.path.to_owned(), why: error.to_string() };
        fs::remove_file(self.path).map_err(failed)
    }
}
