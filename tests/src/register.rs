//! A register's client, written against the documented API: HTTPS with the store's `ca.pem` as root, one kept
//! connection, and commands repeated under the same key until they are answered.
//!
//! | answer | what the register does |
//! | --- | --- |
//! | 2xx | done |
//! | none, or 503 | sends the same command again, as long as its patience lasts |
//! | anything else | refused, which fails the test here |

use std::{net::SocketAddr, sync::Arc, thread, time::Duration};

use serde_json::{Value, json};
use ureq::{
    Agent,
    http::{Method, Request},
    tls::{Certificate, RootCerts, TlsConfig},
};

/// The pause before a command is repeated.
const PAUSE: Duration = Duration::from_millis(20);

/// The hub's address and the trusted authority.
#[derive(Clone)]
pub struct Endpoint {
    /// The address.
    pub address: SocketAddr,
    /// The store's authority.
    pub authority: Certificate<'static>,
}

/// The credentials of a client.
#[derive(Clone, Debug)]
enum Credentials {
    Nobody,
    Token(String),
    Session(String),
}

/// A client with its own connection.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    base: String,
    credentials: Credentials,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body; null if there is none.
    pub body: Value,
    cookie: Option<String>,
}

impl Reply {
    /// The body of a successful answer.
    ///
    /// # Errors
    /// The problem.
    pub fn done(self) -> Result<Value, String> {
        if (200..300).contains(&self.status) { Ok(self.body) } else { Err(format!("{}: {}", self.status, self.body)) }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// The client gave up; the outcome is unknown.
    GaveUp,
    /// The hub refused, with the problem.
    Refused(String),
}

impl Client {
    fn new(endpoint: &Endpoint, credentials: Credentials) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(std::slice::from_ref(&endpoint.authority)))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .https_only(true)
            .http_status_as_error(false)
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .timeout_global(Some(Duration::from_secs(20)))
            .build();
        Self { agent: config.new_agent(), base: format!("https://{}", endpoint.address), credentials }
    }

    /// A client without credentials.
    pub fn nobody(endpoint: &Endpoint) -> Self {
        Self::new(endpoint, Credentials::Nobody)
    }

    /// Logs a person in with the store's console code.
    ///
    /// # Errors
    /// The hub refused, or gave no answer in time.
    pub fn log_in(endpoint: &Endpoint, code: &str) -> Result<Self, String> {
        let mut client = Self::new(endpoint, Credentials::Nobody);
        let reply = client.insist(&Method::POST, "/api/v1/session", None, &json!({ "code": code }).to_string())?;
        let cookie = reply.cookie.clone().and_then(|line| line.split(';').next().map(str::to_owned));
        reply.done()?;
        client.credentials = Credentials::Session(cookie.ok_or("the answer has no session")?);
        Ok(client)
    }

    /// Pairs a register: a person draws the code, the register exchanges it for a token.
    ///
    /// # Errors
    /// The hub refused, or gave no answer in time.
    pub fn pair(console: &Self, endpoint: &Endpoint, register: &str) -> Result<Self, String> {
        let path = format!("/api/v1/registers/{register}/pairing-code");
        let drawn = console.insist(&Method::POST, &path, Some("pairing-code"), "")?.done()?;
        let mut client = Self::new(endpoint, Credentials::Nobody);
        let body = json!({ "code": drawn["code"] }).to_string();
        let paired = client.insist(&Method::POST, "/api/v1/pairing", None, &body)?.done()?;
        client.credentials = Credentials::Token(paired["token"].as_str().ok_or("the answer has no token")?.to_owned());
        Ok(client)
    }

    /// The cookie of a person's session.
    pub fn session(&self) -> Option<&str> {
        match &self.credentials {
            Credentials::Session(cookie) => Some(cookie),
            _ => None,
        }
    }

    /// The same client for another address: a hub started on another state of its disk.
    #[must_use]
    pub fn at(&self, endpoint: &Endpoint) -> Self {
        Self::new(endpoint, self.credentials.clone())
    }

    /// Sends a command until it is answered. After each failure `goes_on` decides whether to repeat it.
    ///
    /// # Errors
    /// No answer.
    pub fn command(
        &self,
        path: &str,
        key: &str,
        body: &str,
        mut goes_on: impl FnMut() -> bool,
    ) -> Result<Value, NoAnswer> {
        loop {
            match self.once(&Method::POST, path, Some(key), body) {
                Ok(reply) if reply.status != 503 => return reply.done().map_err(NoAnswer::Refused),
                _ if goes_on() => thread::sleep(PAUSE),
                _ => return Err(NoAnswer::GaveUp),
            }
        }
    }

    /// Reads.
    ///
    /// # Errors
    /// The hub refused, or gave no answer in time.
    pub fn get(&self, path: &str) -> Result<Value, String> {
        self.insist(&Method::GET, path, None, "")?.done()
    }

    /// Sends a request once.
    ///
    /// # Errors
    /// There was no answer; the error says what happened to the connection.
    pub fn once(&self, method: &Method, path: &str, key: Option<&str>, body: &str) -> Result<Reply, String> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        match &self.credentials {
            Credentials::Nobody => {}
            Credentials::Token(token) => request = request.header("authorization", format!("Bearer {token}")),
            Credentials::Session(cookie) => request = request.header("cookie", cookie),
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.header("content-type", "application/json");
        let failed = |error: &dyn std::fmt::Display| format!("{method} {path}: {error}");
        let answer = if *method == Method::GET {
            self.agent.run(request.body(()).map_err(|error| failed(&error))?)
        } else {
            self.agent.run(request.body(body.to_owned()).map_err(|error| failed(&error))?)
        };
        let mut answer = answer.map_err(|error| failed(&error))?;
        let cookie = answer.headers().get("set-cookie").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = answer.status().as_u16();
        let text = answer.body_mut().read_to_string().map_err(|error| failed(&error))?;
        // Pages are not JSON.
        Ok(Reply { status, body: serde_json::from_str(&text).unwrap_or(Value::Null), cookie })
    }

    /// Repeats a request until it is answered, for half a minute.
    fn insist(&self, method: &Method, path: &str, key: Option<&str>, body: &str) -> Result<Reply, String> {
        let mut tries = 0;
        loop {
            match self.once(method, path, key, body) {
                Ok(reply) if reply.status != 503 => return Ok(reply),
                Ok(reply) if tries > 1_500 => return Ok(reply),
                Err(why) if tries > 1_500 => return Err(why),
                _ => thread::sleep(PAUSE),
            }
            tries += 1;
        }
    }
}
