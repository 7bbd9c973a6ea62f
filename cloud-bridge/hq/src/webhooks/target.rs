//! The address of a webhook, and the request to it.
//!
//! Addresses come from API clients, and this program runs inside the company's network. So an address must be HTTPS and
//! public, unless [`Reach::Anywhere`] allows others. The name is resolved once, all its addresses are checked, and the
//! connection uses exactly these addresses. Redirects are not followed. Only the status of the answer is used.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use axum::body::Body;
use hyper::{Method, Request, Uri, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// The maximum length of an address, in bytes.
const LONGEST: usize = 2_000;

/// The time limit for connecting.
const CONNECT: Duration = Duration::from_secs(5);

/// The time limit for a delivery.
const DELIVER: Duration = Duration::from_secs(15);

/// The maximum number of addresses of a name that are tried.
const TRIED: usize = 3;

/// The allowed addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// HTTPS to public addresses.
    Public,
    /// Also plain HTTP and internal addresses.
    Anywhere,
}

/// The address of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    uri: Uri,
    host: String,
    port: u16,
    is_tls: bool,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid =
            |why: &str| format!("invalid webhook address `{}`: {why}", text.chars().take(100).collect::<String>());
        if text.len() > LONGEST {
            return Err(invalid("too long"));
        }
        let uri: Uri = text.parse().map_err(|_| invalid("not a URL, such as https://shop.example.com/hooks"))?;
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(invalid("it must begin with https://")),
        };
        let authority = uri.authority().ok_or_else(|| invalid("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(invalid("it must not contain a user or a password"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(invalid("it has no host"));
        }
        let port = authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        Ok(Self { uri, host, port, is_tls })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

impl Target {
    /// Checks the address without resolving its name.
    ///
    /// # Errors
    /// The address is not allowed.
    pub(crate) fn check(&self, reach: Reach) -> Result<(), String> {
        if reach == Reach::Anywhere {
            return Ok(());
        }
        if !self.is_tls {
            return Err(format!("`{self}` is not https"));
        }
        match self.host.parse() {
            Ok(address) if !is_public(address) => Err(not_public(&self.host, address)),
            _ => Ok(()),
        }
    }

    async fn addresses(&self, reach: Reach) -> Result<Vec<SocketAddr>, String> {
        self.check(reach)?;
        let found = timeout(CONNECT, lookup_host((self.host.as_str(), self.port))).await;
        let found = found.map_err(|_| format!("could not resolve `{}` in time", self.host))?;
        let found: Vec<_> =
            found.map_err(|error| format!("could not resolve `{}`: {error}", self.host))?.take(32).collect();
        match found.iter().find(|address| reach == Reach::Public && !is_public(address.ip())) {
            Some(address) => Err(not_public(&self.host, address.ip())),
            None => Ok(found),
        }
    }
}

fn not_public(host: &str, address: IpAddr) -> String {
    format!("`{host}` is {address}, which is not a public address")
}

/// Whether an address is public: not private, of this machine, or for a special use (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => {
            let [first, second, ..] = address.segments();
            // Global unicast, except for documentation, 6to4 and Teredo, which contain IPv4 addresses.
            first & 0xe000 == 0x2000 && first != 0x2002 && !(first == 0x2001 && (second == 0 || second == 0xdb8))
        }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || a >= 224
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && b & 0xfe == 18))
}

/// Sends messages.
#[derive(Clone)]
pub struct Sender {
    reach: Reach,
    tls: Arc<ClientConfig>,
}

/// A message to send.
pub(super) struct Message<'m> {
    pub(super) id: &'m str,
    /// Seconds since 1970, UTC.
    pub(super) timestamp: i64,
    pub(super) signature: &'m str,
    pub(super) body: &'m str,
}

impl Sender {
    /// A sender with a TLS configuration.
    pub fn new(reach: Reach, tls: Arc<ClientConfig>) -> Self {
        Self { reach, tls }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// It was not accepted; the error says why.
    pub(super) async fn send(&self, target: &Target, message: &Message<'_>) -> Result<(), String> {
        let delivered = timeout(DELIVER, self.send_in(target, message)).await;
        delivered.unwrap_or_else(|_| Err(format!("no answer within {} s", DELIVER.as_secs())))
    }

    async fn send_in(&self, target: &Target, message: &Message<'_>) -> Result<(), String> {
        let stream = connect(&target.addresses(self.reach).await?).await?;
        if !target.is_tls {
            return exchange(stream, target, message).await;
        }
        let name = ServerName::try_from(target.host.clone()).map_err(|error| error.to_string())?;
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        exchange(stream.map_err(|error| format!("TLS: {error}"))?, target, message).await
    }
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, String> {
    let mut why = "its name has no address".to_owned();
    for address in addresses.iter().take(TRIED) {
        match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => why = format!("{address}: {error}"),
            Err(_) => why = format!("{address}: no connection within {} s", CONNECT.as_secs()),
        }
    }
    Err(why)
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    target: &Target,
    message: &Message<'_>,
) -> Result<(), String> {
    let said = |error: hyper::Error| format!("the connection broke: {error}");
    let (mut client, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(said)?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(target.uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(header::HOST, target.uri.authority().map_or("", |authority| authority.as_str()))
        .header(header::USER_AGENT, concat!("store-hub-hq/", env!("CARGO_PKG_VERSION")))
        .header(header::CONTENT_TYPE, "application/json")
        .header("webhook-id", message.id)
        .header("webhook-timestamp", message.timestamp)
        .header("webhook-signature", message.signature)
        .body(Body::from(message.body.to_owned()))
        .map_err(|error| error.to_string())?;
    // The connection is driven here and dropped after the answer's head: the body is not read.
    let status = tokio::select! {
        answer = client.send_request(request) => answer.map_err(said)?.status(),
        ended = connection => return Err(ended.err().map_or_else(|| "the connection ended".to_owned(), said)),
    };
    if status.is_success() {
        Ok(())
    } else if status.is_redirection() {
        Err(format!("answered {status}; redirects are not followed"))
    } else {
        Err(format!("answered {status}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_to_a_host_without_a_user() {
        let target = |text: &str| text.parse::<Target>();
        let good = target("https://shop.example.com/hooks?a=1").unwrap();
        assert_eq!((good.host.as_str(), good.port, good.is_tls), ("shop.example.com", 443, true));
        assert_eq!(target("https://[2606:4700::1]:8443/").unwrap().host, "2606:4700::1");
        let long = format!("https://shop.example.com/{}", "x".repeat(LONGEST));
        for wrong in ["", "shop.example.com", "ftp://a/", "https://u:p@a/", "https:///a", "https://a b/", &long] {
            assert!(target(wrong).is_err(), "{wrong}");
        }
        assert!(target("http://shop.example.com/").unwrap().check(Reach::Public).is_err());
        assert!(target("http://127.0.0.1:1/").unwrap().check(Reach::Anywhere).is_ok());
    }

    #[test]
    fn internal_addresses_are_refused_in_every_notation() {
        let inside = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.0.8",
            "198.18.0.1",
            "203.0.113.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001::1",
            "2001:db8::1",
            "ff02::1",
        ];
        for address in inside {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["1.1.1.1", "100.128.0.1", "198.20.0.1", "2606:4700::1111", "2001:4860:4860::8888"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_with_an_internal_address_is_refused_before_anything_is_sent() {
        let target: Target = "https://localhost:9/".parse().unwrap();
        let refused = target.addresses(Reach::Public).await.unwrap_err();
        assert!(refused.contains("not a public address"), "{refused}");
        assert!(!target.addresses(Reach::Anywhere).await.unwrap().is_empty());
    }
}
