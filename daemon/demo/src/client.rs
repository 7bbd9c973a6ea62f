//! A client of the LAN API over TLS, as a register's program would have.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::StreamExt;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
    header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, SET_COOKIE},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use serde_json::Value;
use tokio::{
    net::TcpStream,
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::client::IntoClientRequest};

/// How long a client retries while the hub is restarting or busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// The longest pause that an answer can ask for, in seconds.
const MOST_TO_WAIT_S: u64 = 60;

/// The time limit of a request; card payments wait for the customer.
const ANSWER: Duration = Duration::from_secs(110);

/// The hub's address and its trusted authority.
#[derive(Clone)]
pub(crate) struct Endpoint {
    /// The address.
    pub(crate) address: SocketAddr,
    tls: Arc<ClientConfig>,
}

impl Endpoint {
    /// An endpoint whose certificate the authority has signed.
    ///
    /// # Errors
    /// The authority's certificate is invalid.
    pub(crate) fn new(address: SocketAddr, authority_pem: &str) -> Result<Self, String> {
        Ok(Self { address, tls: trust(authority_pem)? })
    }

    async fn open(&self) -> Result<TlsStream<TcpStream>, String> {
        let opening = async {
            let stream = TcpStream::connect(self.address).await.map_err(|error| error.to_string())?;
            stream.set_nodelay(true).map_err(|error| error.to_string())?;
            let name = ServerName::IpAddress(self.address.ip().into());
            TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await.map_err(|error| error.to_string())
        };
        timeout(Duration::from_secs(10), opening).await.map_err(|_| "no answer".to_owned())?
    }
}

/// A TLS configuration that trusts one authority.
///
/// # Errors
/// The certificate is invalid.
pub(crate) fn trust(authority_pem: &str) -> Result<Arc<ClientConfig>, String> {
    let roots = link::trust::roots_from_pem(authority_pem);
    roots.and_then(|roots| link::client_config(roots, None)).map_err(|error| error.to_string())
}

/// The credentials of a client.
#[derive(Clone)]
enum Credentials {
    Nobody,
    Token(String),
    Session(String),
}

/// A client with one connection, which is opened again when it breaks.
pub(crate) struct Client {
    endpoint: Endpoint,
    credentials: Credentials,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// An answer.
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: StatusCode,
    /// The JSON body; null if there is none.
    pub(crate) body: Value,
    cookie: Option<String>,
}

impl Reply {
    /// The body of a successful answer.
    ///
    /// # Errors
    /// The problem's type and detail.
    pub(crate) fn done(self) -> Result<Value, String> {
        if self.status.is_success() {
            Ok(self.body)
        } else {
            Err(format!("{} ({})", self.problem("detail"), self.problem("type")))
        }
    }

    /// A field of the problem.
    pub(crate) fn problem(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or("unreadable answer").to_owned()
    }
}

impl Client {
    /// Logs in as a person.
    ///
    /// # Errors
    /// The code is wrong, or the hub does not answer.
    pub(crate) async fn log_in(endpoint: Endpoint, code: &str) -> Result<Self, String> {
        let mut client = Self { endpoint, credentials: Credentials::Nobody, connection: None };
        let reply = client.send(Method::POST, "/api/v1/session", None, &serde_json::json!({ "code": code })).await?;
        let cookie = reply.cookie.clone();
        reply.done()?;
        client.credentials = Credentials::Session(cookie.ok_or("the answer has no session")?);
        Ok(client)
    }

    /// Pairs a register with a code drawn at the console.
    ///
    /// # Errors
    /// The hub refuses or does not answer.
    pub(crate) async fn pair(endpoint: Endpoint, code: &str) -> Result<Self, String> {
        let mut client = Self { endpoint, credentials: Credentials::Nobody, connection: None };
        let paired =
            client.send(Method::POST, "/api/v1/pairing", None, &serde_json::json!({ "code": code })).await?.done()?;
        client.credentials = Credentials::Token(paired["token"].as_str().ok_or("the answer has no token")?.to_owned());
        Ok(client)
    }

    /// A client of HQ's API.
    pub(crate) fn with_key(endpoint: Endpoint, key: String) -> Self {
        Self { endpoint, credentials: Credentials::Token(key), connection: None }
    }

    /// Another client with the same credentials.
    pub(crate) fn twin(&self) -> Self {
        Self { endpoint: self.endpoint.clone(), credentials: self.credentials.clone(), connection: None }
    }

    /// Sends a command with its idempotency key, and repeats it while the hub is restarting or busy, or asks
    /// for fewer requests.
    ///
    /// # Errors
    /// The hub does not answer.
    pub(crate) async fn command(&mut self, path: &str, key: &str, body: &Value) -> Result<Reply, String> {
        self.send(Method::POST, path, Some(key), body).await
    }

    /// Reads once without retries, to find out whether the hub answers.
    ///
    /// # Errors
    /// It does not answer or refuses.
    pub(crate) async fn try_get(&mut self, path: &str) -> Result<Value, String> {
        self.try_send(&Method::GET, path, None, &Value::Null).await?.done()
    }

    /// Reads, with retries.
    ///
    /// # Errors
    /// The hub does not answer.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Reply, String> {
        self.send(Method::GET, path, None, &Value::Null).await
    }

    async fn send(&mut self, method: Method, path: &str, key: Option<&str>, body: &Value) -> Result<Reply, String> {
        let began = Instant::now();
        let mut pause = Duration::from_millis(20);
        loop {
            let why = match timeout(ANSWER, self.try_send(&method, path, key, body)).await {
                Ok(Ok(reply)) if reply.status == StatusCode::SERVICE_UNAVAILABLE => reply.problem("detail"),
                Ok(Ok(reply)) if reply.status == StatusCode::TOO_MANY_REQUESTS => {
                    pause = Duration::from_secs(reply.body["retry_after_s"].as_u64().unwrap_or(1).min(MOST_TO_WAIT_S));
                    reply.problem("detail")
                }
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(why)) => why,
                Err(_) => "no answer in time".to_owned(),
            };
            self.connection = None;
            if began.elapsed() > PATIENCE {
                return Err(format!("{method} {path}: {why}"));
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    async fn try_send(
        &mut self,
        method: &Method,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Result<Reply, String> {
        let connection = match &mut self.connection {
            Some(connection) if !connection.is_closed() => connection,
            closed => {
                let (sender, connection) =
                    handshake(TokioIo::new(self.endpoint.open().await?)).await.map_err(|error| error.to_string())?;
                tokio::spawn(connection);
                closed.insert(sender)
            }
        };
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.endpoint.address.to_string());
        match &self.credentials {
            Credentials::Nobody => {}
            Credentials::Token(token) => request = request.header(AUTHORIZATION, format!("Bearer {token}")),
            Credentials::Session(cookie) => request = request.header(COOKIE, cookie),
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let bytes = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let request = request
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(bytes))
            .map_err(|error| error.to_string())?;
        connection.ready().await.map_err(|error| error.to_string())?;
        let response = connection.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        let cookie = response.headers().get(SET_COOKIE).and_then(|value| value.to_str().ok());
        let cookie = cookie.and_then(|value| value.split(';').next()).map(str::to_owned);
        let bytes = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).map_err(|error| error.to_string())?
        };
        Ok(Reply { status, body, cookie })
    }

    /// Listens to a register's events; connects again whenever the connection breaks.
    pub(crate) fn listen(&self) -> mpsc::Receiver<(std::time::Instant, Value)> {
        let (tell, events) = mpsc::channel(1024);
        let (endpoint, credentials) = (self.endpoint.clone(), self.credentials.clone());
        tokio::spawn(async move {
            while !tell.is_closed() {
                if let Ok(mut socket) = connect_socket(&endpoint, &credentials).await {
                    while let Some(Ok(message)) = socket.next().await {
                        let at = std::time::Instant::now();
                        let Ok(text) = message.into_text() else { continue };
                        if let Ok(event) = serde_json::from_str(&text)
                            && tell.send((at, event)).await.is_err()
                        {
                            return;
                        }
                    }
                }
                sleep(Duration::from_millis(50)).await;
            }
        });
        events
    }
}

async fn connect_socket(
    endpoint: &Endpoint,
    credentials: &Credentials,
) -> Result<WebSocketStream<TlsStream<TcpStream>>, String> {
    let url = format!("wss://{}/api/v1/events", endpoint.address);
    let mut request = url.into_client_request().map_err(|error| error.to_string())?;
    if let Credentials::Token(token) = credentials {
        let value = format!("Bearer {token}").parse().map_err(|_| "invalid token".to_owned())?;
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    let (socket, _) = client_async(request, endpoint.open().await?).await.map_err(|error| error.to_string())?;
    Ok(socket)
}
