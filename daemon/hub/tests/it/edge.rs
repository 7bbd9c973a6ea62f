//! The hub as a stranger on the LAN sees it, over TCP and TLS: strangers with too many connections, slow requests or
//! unread answers take nothing away from those who are signed in.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use hub::{config::Config, run};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream, UnixStream},
    sync::watch,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::common::CEREAL;

/// A hub that listens until this is dropped.
struct Listening {
    address: SocketAddr,
    metrics: SocketAddr,
    tls: Arc<ClientConfig>,
    directory: tempfile::TempDir,
    end: watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

fn write(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

impl Listening {
    async fn start() -> Self {
        Self::start_with("").await
    }

    /// With more settings of the listener.
    async fn start_with(listen: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["hub.test".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let certificate = write(directory.path(), "hub.pem", &made.cert.pem());
        let key = write(directory.path(), "hub.key", &made.signing_key.serialize_pem());
        let free_port = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (free, metrics) = (free_port(), free_port());
        let text = format!(
            "[store]\nhub = \"store-1\"\nname = \"Store 1\"\ncurrency = \"USD\"\ntime_zone = \"UTC\"\ndata = \"{}\"\n\
             engine = \"sqlite\"\n[listen]\naddress = \"{free}\"\ncertificate = \"{}\"\nkey = \"{}\"\n{listen}\
             [metrics]\naddress = \"{metrics}\"\n[[register]]\nname = \"till-1\"\n[[register]]\nname = \"till-2\"\n",
            directory.path().join("data").display(),
            certificate.display(),
            key.display()
        );
        let config = Config::read(&write(directory.path(), "hub.toml", &text)).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(made.cert.der().to_vec())).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = Arc::new(tls.with_root_certificates(roots).with_no_client_auth());
        let (end, ended) = watch::channel(false);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            let embedding = run::Embedding { end: Some(ended), ..run::Embedding::default() };
            runtime.block_on(run::run(config, embedding)).unwrap();
            runtime.shutdown_timeout(Duration::from_secs(2));
        });
        let hub = Self { address: free, metrics, tls, directory, end, thread: Some(thread) };
        let deadline = Instant::now() + Duration::from_secs(20);
        let code = hub.directory.path().join("data/console-code");
        while !code.exists() || TcpStream::connect(free).await.is_err() {
            assert!(Instant::now() < deadline, "the hub does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        hub
    }

    /// A connection from an address of this machine.
    async fn tcp(&self, from: [u8; 4]) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((IpAddr::from(from), 0).into()).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    async fn tls(&self, from: [u8; 4]) -> TlsStream<TcpStream> {
        let name = ServerName::try_from("hub.test").unwrap();
        TlsConnector::from(Arc::clone(&self.tls)).connect(name, self.tcp(from).await).await.unwrap()
    }

    /// Sends a request on a new connection.
    async fn ask(&self, from: [u8; 4], method: &str, path: &str, head: &str, body: &str) -> Reply {
        let mut stream = self.tls(from).await;
        ask_on(&mut stream, method, path, head, body).await
    }

    /// A person's cookie and a register's token, as header lines.
    async fn enter(&self, from: [u8; 4]) -> (String, String) {
        let code = std::fs::read_to_string(self.directory.path().join("data/console-code")).unwrap();
        let session = self.ask(from, "POST", "/api/v1/session", "", &json!({ "code": code }).to_string()).await;
        assert_eq!(session.status, 204, "{session:?}");
        let cookie = session.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        let cookie = format!("cookie: {}\r\n", cookie.split(';').next().unwrap());
        let key = "idempotency-key: drawing-1\r\n";
        let path = "/api/v1/registers/till-1/pairing-code";
        let drawn = self.ask(from, "POST", path, &format!("{cookie}{key}"), "").await;
        let code = json!({ "code": drawn.body["code"] }).to_string();
        let paired = self.ask(from, "POST", "/api/v1/pairing", "", &code).await;
        let token = format!("authorization: Bearer {}\r\n", paired.body["token"].as_str().unwrap());
        let load = format!("{cookie}idempotency-key: the-catalog\r\n");
        assert_eq!(self.ask(from, "POST", "/api/v1/items", &load, CEREAL).await.status, 200);
        (cookie, token)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.end.send_replace(true);
        drop(self.thread.take().map(std::thread::JoinHandle::join));
    }
}

#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: Value,
}

async fn ask_on(stream: &mut TlsStream<TcpStream>, method: &str, path: &str, head: &str, body: &str) -> Reply {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: hub.test\r\ncontent-type: application/json\r\ncontent-length: \
         {length}\r\n{head}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    reply(stream).await
}

async fn reply(stream: &mut TlsStream<TcpStream>) -> Reply {
    let mut bytes = Vec::new();
    let end = loop {
        let mut more = [0; 4096];
        let length = timeout(Duration::from_secs(30), stream.read(&mut more)).await.expect("no answer").unwrap();
        assert!(length > 0, "closed without an answer");
        bytes.extend(&more[..length]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |text| text.parse().unwrap());
    let mut body = bytes[end + 4..].to_vec();
    while body.len() < length {
        let mut more = [0; 4096];
        let got = stream.read(&mut more).await.unwrap();
        assert!(got > 0, "cut off");
        body.extend(&more[..got]);
    }
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head, body: serde_json::from_slice(&body).unwrap_or(Value::Null) }
}

/// Waits until the other end closes the connection; returns what it sent before.
async fn is_closed(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut rest = Vec::new();
    drop(timeout(Duration::from_secs(60), stream.read_to_end(&mut rest)).await.expect("still open"));
    rest
}

/// A WebSocket's ping (RFC 6455, section 5.2) without content.
const PING: [u8; 2] = [0x89, 0];

const TILL: [u8; 4] = [127, 0, 0, 2];

#[tokio::test(flavor = "multi_thread")]
async fn strangers_do_not_use_up_the_connections_of_a_register() {
    let hub = Listening::start().await;
    let (_, token) = hub.enter(TILL).await;
    let mut busy = hub.tls(TILL).await;
    assert_eq!(ask_on(&mut busy, "GET", "/api/v1/status", &token, "").await.status, 200);
    let (mut bare, mut unfinished) = (Vec::new(), Vec::new());
    for round in 0..20_u8 {
        for _ in 0..60 {
            bare.push(hub.tcp([127, 0, 1, round]).await);
        }
        let mut stream = hub.tls([127, 0, 2, round]).await;
        stream
            .write_all(b"POST /api/v1/session HTTP/1.1\r\nhost: hub.test\r\ncontent-length: 20\r\n\r\n{")
            .await
            .unwrap();
        unfinished.push(stream);
        let sale =
            json!({ "lines": [{ "sku": "818981" }], "tenders": [{ "tender": "cash", "amount": 369 }] }).to_string();
        let key = format!("{token}idempotency-key: sale-{round:06}\r\n");
        assert_eq!(hub.ask(TILL, "POST", "/api/v1/sales", &key, &sale).await.status, 200);
    }
    // Counted a moment after the answer.
    let counted = async {
        while ask_on(&mut busy, "GET", "/api/v1/status", &token, "").await.body["today"]["sales"] != 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), counted).await.expect("all are counted");
    is_closed(unfinished.last_mut().unwrap()).await;
    is_closed(&mut bare[0]).await;
    is_closed(bare.last_mut().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_disconnected() {
    let hub = Listening::start().await;
    let (_, token) = hub.enter(TILL).await;
    let mut stream = hub.tls(TILL).await;
    let request = format!("GET /api/v1/openapi.json HTTP/1.1\r\nhost: hub.test\r\n{token}\r\n");
    // Even if the client is signed in: more answers than any buffer holds.
    let sending = async {
        loop {
            if stream.write_all(request.as_bytes()).await.is_err() || stream.flush().await.is_err() {
                return;
            }
        }
    };
    timeout(Duration::from_secs(60), sending).await.expect("it still takes requests and waits for a reader");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_idle_connections_of_strangers_are_closed() {
    let hub = Listening::start().await;
    let (_, token) = hub.enter(TILL).await;
    let (mut till, mut stranger) = (hub.tls(TILL).await, hub.tls([127, 0, 0, 3]).await);
    assert_eq!(ask_on(&mut till, "GET", "/api/v1/status", &token, "").await.status, 200);
    assert_eq!(ask_on(&mut stranger, "GET", "/", "", "").await.status, 200);
    is_closed(&mut stranger).await;
    assert_eq!(ask_on(&mut till, "GET", "/api/v1/status", &token, "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_ends_with_its_token_and_a_ticket_is_valid_once() {
    let hub = Listening::start().await;
    let (cookie, token) = hub.enter(TILL).await;
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: \
         dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let key = format!("{token}idempotency-key: ticket-01\r\n");
    let drawn = hub.ask(TILL, "POST", "/api/v1/events/ticket", &key, "").await;
    let path = format!("/api/v1/events?ticket={}", drawn.body["ticket"].as_str().unwrap());
    let (mut by_ticket, mut by_token) = (hub.tls(TILL).await, hub.tls(TILL).await);
    let mut late = hub.tls(TILL).await;
    assert_eq!(ask_on(&mut by_ticket, "GET", &path, upgrade, "").await.status, 101);
    assert_eq!(ask_on(&mut late, "GET", &path, upgrade, "").await.status, 401, "good once");
    assert_eq!(ask_on(&mut by_token, "GET", "/api/v1/events", &format!("{token}{upgrade}"), "").await.status, 101);
    let key = format!("{cookie}idempotency-key: unpair-01\r\n");
    assert_eq!(hub.ask(TILL, "POST", "/api/v1/registers/till-1/unpair", &key, "").await.status, 204);
    for socket in [&mut by_ticket, &mut by_token] {
        let rest = is_closed(socket).await;
        // The first is sent when it opens.
        let pings = rest.windows(2).filter(|bytes| *bytes == PING).count();
        assert!(pings <= 1, "at once, not at the next ping: {rest:?}");
    }
    assert_eq!(hub.ask(TILL, "GET", "/api/v1/status", &token, "").await.status, 401);
    let (_, token) = hub.enter(TILL).await;
    assert_eq!(hub.ask(TILL, "POST", "/api/v1/registers/till-1/unpair", &key, "").await.status, 204);
    let status = hub.ask(TILL, "GET", "/api/v1/status", &token, "").await.status;
    assert_eq!(status, 200, "a repeat takes no new token away");

    // A person's WebSocket ends with the session.
    let mut console = hub.tls(TILL).await;
    let head = format!("{cookie}{upgrade}origin: https://hub.test\r\n");
    assert_eq!(ask_on(&mut console, "GET", "/api/v1/events", &head, "").await.status, 101);
    let key = format!("{cookie}idempotency-key: log-out-1\r\n");
    assert_eq!(hub.ask(TILL, "POST", "/api/v1/session/end", &key, "").await.status, 204);
    is_closed(&mut console).await;
    assert_eq!(hub.ask(TILL, "GET", "/api/v1/status", &cookie, "").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_only_slow_down_their_own_address() {
    let hub = Listening::start().await;
    let wrong = json!({ "code": "00000000" }).to_string();
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let refused = hub.ask([127, 0, 0, 9], "POST", "/api/v1/pairing", "", &wrong).await;
        assert_eq!(refused.status == 429, refused.head.contains("retry-after: "), "{}", refused.head);
        statuses.push(refused.status);
    }
    assert!(statuses[..5].iter().all(|status| *status == 401) && statuses.contains(&429), "{statuses:?}");
    // The person with the right code can log in and see who tried; registers can be paired.
    let (cookie, _) = hub.enter(TILL).await;
    let audit = hub.ask(TILL, "GET", "/api/v1/audit", &cookie, "").await.body;
    let acts: Vec<_> = audit.as_array().unwrap().iter().map(|entry| entry["act"].as_str().unwrap()).collect();
    assert_eq!(acts, ["items_loaded", "register_paired", "pairing_code_drawn", "logged_in", "codes_refused"]);
    assert_eq!(audit[4]["details"], json!({ "peer": "127.0.0.9", "code": "pairing", "times": 1 }));
    assert_eq!(audit[3]["details"], json!({ "peer": "127.0.0.2" }));
}

/// Sends a request without TLS and reads to the end.
async fn plain(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, path: &str) -> String {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: hub\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(Duration::from_secs(20), stream.read_to_string(&mut answer)).await.expect("no answer").unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn business_data_is_only_on_the_admin_socket() {
    let hub = Listening::start().await;
    let (_, token) = hub.enter(TILL).await;
    hub.ask(TILL, "GET", "/api/v1/sales/1-7", &token, "").await;
    hub.ask(TILL, "GET", "/api/v1/nothing-such", &token, "").await;
    let socket = hub.directory.path().join("data/hub.sock");
    let admin = async |path: &str| plain(UnixStream::connect(&socket).await.unwrap(), path).await;
    let lan = async |path: &str| plain(TcpStream::connect(hub.metrics).await.unwrap(), path).await;
    for metrics in [admin("/metrics").await, lan("/metrics").await] {
        for line in [
            "store_hub_http_requests_total{method=\"GET\",route=\"/api/v1/sales/{id}\",status=\"404\"} 1",
            "store_hub_http_requests_total{method=\"GET\",route=\"none\",status=\"404\"} 1",
            "store_hub_outbox_lag_events{stream=\"sales\"} 0",
            "store_hub_store_stopped 0",
            "store_hub_registers_paired 1",
            "# EOF",
        ] {
            assert!(metrics.lines().any(|have| have == line), "{line} is missing in {metrics}");
        }
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md")).unwrap();
        for name in metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()) {
            assert!(page.contains(&format!("`{name}`")), "docs/metrics.md does not explain {name}");
        }
    }
    for answer in [admin("/readyz").await, admin("/healthz").await, lan("/readyz").await, lan("/healthz").await] {
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert!(admin("/status").await.contains("\"store\":\"Store 1\""));
    for path in ["/status", "/backup", "/api/v1/status"] {
        assert!(lan(path).await.starts_with("HTTP/1.1 404"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_another_host_is_refused_as_any_other() {
    let hub = Listening::start().await;
    let mut stream = hub.tls(TILL).await;
    stream.write_all(b"GET /api/v1/status HTTP/1.1\r\nhost: evil.example\r\n\r\n").await.unwrap();
    let refused = reply(&mut stream).await;
    assert_eq!((refused.status, &refused.body["type"]), (400, &json!("/problems/host-unknown")));
    for header in ["store-hub-epoch: ", "store-hub-version: ", "cache-control: no-store"] {
        assert!(refused.head.contains(header), "{header} is missing in {}", refused.head);
    }
    let stranger = hub.ask(TILL, "GET", "/api/v1/status", "", "").await;
    assert!(stranger.status == 401 && stranger.head.contains("www-authenticate: Bearer"), "{stranger:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_host_keeps_others_out_of_the_metrics() {
    let hub = Listening::start().await;
    let connect = async |from: [u8; 4]| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((IpAddr::from(from), 0).into()).unwrap();
        socket.connect(hub.metrics).await.unwrap()
    };
    let mut bare = Vec::new();
    for _ in 0..100 {
        bare.push(connect([127, 0, 1, 1]).await);
    }
    assert!(plain(connect(TILL).await, "/readyz").await.starts_with("HTTP/1.1 200"));
}

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    store: hub::maintenance::Arguments,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_taken_while_the_hub_sells() {
    let hub = Listening::start().await;
    hub.enter(TILL).await;
    let (config, to) = (hub.directory.path().join("hub.toml"), hub.directory.path().join("backup"));
    let elsewhere = hub.directory.path().join("elsewhere");
    std::os::unix::fs::symlink(&elsewhere, hub.directory.path().join("backup.new")).unwrap();
    let arguments = ["store", "backup", "--to", to.to_str().unwrap(), "--config", config.to_str().unwrap()];
    let cli = <Cli as clap::Parser>::parse_from(arguments);
    tokio::task::spawn_blocking(move || hub::maintenance::run(&cli.store)).await.unwrap().unwrap();
    let file = std::fs::File::open(&to).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777, 0o600);
    assert!(store::backup::verify(file).unwrap().entries > 0);
    assert!(!elsewhere.exists(), "no link is followed");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_2_is_refused_unless_the_config_allows_it() {
    for (listen, is_allowed) in [("", false), ("allow_tls_1_2 = true\n", true)] {
        let hub = Listening::start_with(listen).await;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let old = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS12]);
        let certificate = CertificateDer::from_pem_file(hub.directory.path().join("hub.pem")).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let old = Arc::new(old.unwrap().with_root_certificates(roots).with_no_client_auth());
        let name = ServerName::try_from("hub.test").unwrap();
        let connected = TlsConnector::from(old).connect(name, hub.tcp(TILL).await).await;
        assert_eq!(connected.is_ok(), is_allowed, "{listen}: {:?}", connected.err());
        hub.tls(TILL).await;
    }
}
