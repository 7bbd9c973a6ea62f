//! A register's client, written against the documented API: HTTPS with the store's `ca.pem` as root, one connection
//! that is kept, the same command under the same key until it is answered.
//!
//! | what comes back | what a register does |
//! | --- | --- |
//! | 2xx | it is answered |
//! | nothing, or 503 | the same again, for as long as its patience lasts |
//! | anything else | the hub refused; here that is a failed test |

use std::{net::SocketAddr, sync::Arc, thread, time::Duration};

use serde_json::{Value, json};
use ureq::{
    Agent,
    http::{Method, Request},
    tls::{Certificate, RootCerts, TlsConfig},
};

/// How long a register waits before it asks again.
const PAUSE: Duration = Duration::from_millis(20);

/// Where a hub is and whom to trust.
#[derive(Clone)]
pub struct Door {
    /// Where it listens.
    pub address: SocketAddr,
    /// The store's authority.
    pub authority: Certificate<'static>,
}

/// Who asks.
#[derive(Clone, Debug)]
enum Badge {
    Nobody,
    Token(String),
    Session(String),
}

/// A client with a connection of its own.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    base: String,
    badge: Badge,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its HTTP status.
    pub status: u16,
    /// Its JSON; null if it has none.
    pub body: Value,
    cookie: Option<String>,
}

impl Reply {
    /// The answer's JSON, if the hub did as asked.
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
    /// Patience ended. Whether it was done is not known.
    GaveUp,
    /// The hub refused, in its words.
    Refused(String),
}

impl Client {
    fn new(door: &Door, badge: Badge) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(std::slice::from_ref(&door.authority)))
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
        Self { agent: config.new_agent(), base: format!("https://{}", door.address), badge }
    }

    /// Somebody whom the hub does not know.
    pub fn nobody(door: &Door) -> Self {
        Self::new(door, Badge::Nobody)
    }

    /// Logs a person in with the store's console code.
    ///
    /// # Errors
    /// The hub refused, or gave no answer in time.
    pub fn log_in(door: &Door, code: &str) -> Result<Self, String> {
        let mut client = Self::new(door, Badge::Nobody);
        let reply = client.insist(&Method::POST, "/api/v1/session", None, &json!({ "code": code }).to_string())?;
        let cookie = reply.cookie.clone().and_then(|line| line.split(';').next().map(str::to_owned));
        reply.done()?;
        client.badge = Badge::Session(cookie.ok_or("no session came back")?);
        Ok(client)
    }

    /// Pairs a register: a person draws the code, the register types it in.
    ///
    /// # Errors
    /// The hub refused, or gave no answer in time.
    pub fn pair(console: &Self, door: &Door, register: &str) -> Result<Self, String> {
        let path = format!("/api/v1/registers/{register}/pairing-code");
        let drawn = console.insist(&Method::POST, &path, Some("pairing-code"), "")?.done()?;
        let mut client = Self::new(door, Badge::Nobody);
        let body = json!({ "code": drawn["code"] }).to_string();
        let paired = client.insist(&Method::POST, "/api/v1/pairing", None, &body)?.done()?;
        client.badge = Badge::Token(paired["token"].as_str().ok_or("no token came back")?.to_owned());
        Ok(client)
    }

    /// The cookie of a person's session.
    pub fn session(&self) -> Option<&str> {
        match &self.badge {
            Badge::Session(cookie) => Some(cookie),
            _ => None,
        }
    }

    /// The same register at another door: a hub that was started on another state of its disk.
    #[must_use]
    pub fn at(&self, door: &Door) -> Self {
        Self::new(door, self.badge.clone())
    }

    /// Sends a command until it is answered. After each failure `goes_on` decides whether to ask again.
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

    /// Sends something once and takes what comes.
    ///
    /// # Errors
    /// No answer came: what happened to the connection.
    pub fn once(&self, method: &Method, path: &str, key: Option<&str>, body: &str) -> Result<Reply, String> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        match &self.badge {
            Badge::Nobody => {}
            Badge::Token(token) => request = request.header("authorization", format!("Bearer {token}")),
            Badge::Session(cookie) => request = request.header("cookie", cookie),
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
        // The page is no JSON.
        Ok(Reply { status, body: serde_json::from_str(&text).unwrap_or(Value::Null), cookie })
    }

    /// Sends something that may be repeated until there is an answer, for half a minute.
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
