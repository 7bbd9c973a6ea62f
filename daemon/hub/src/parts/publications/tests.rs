//! A hub that fetches publications from a real HTTPS server that fails in every way.

use std::{
    collections::{HashMap, VecDeque},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use app::publications;
use commerce::{Item, Minor, Price, Unit};
use contract::{
    Digest,
    publication::{
        Announcement, Effective, Manifest, Purpose, Record, Segment, SigningKey, State, manifest::FORMAT, segment::cut,
    },
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde_json::value::to_raw_value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    runtime::Runtime,
};
use tokio_rustls::TlsAcceptor;

use crate::{Hub, clock::now_ms, config, run};

/// What the server does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It closes the connection after so many bytes of the body.
    BreaksOff(usize),
    /// It answers with so many bytes more than the file has.
    Longer,
    /// It answers with other bytes.
    Other,
    /// It sends elsewhere.
    Redirects,
    /// It does not know ranges.
    IgnoresRange,
    /// It closes the connection at once, and for ever.
    IsDown,
}

#[derive(Default)]
struct Served {
    files: HashMap<String, Vec<u8>>,
    /// By file; each once, in order. `IsDown` stays.
    faults: HashMap<String, VecDeque<Fault>>,
    /// Files that were asked for, and from where on.
    asked: Vec<(String, usize)>,
}

/// A server for as long as its runtime lives.
struct Server {
    served: Arc<Mutex<Served>>,
    tls: Arc<Mutex<Arc<ServerConfig>>>,
    from: String,
}

/// Writes an authority and a certificate that it signed; returns the TLS of a server with that certificate.
pub(crate) fn certificates(directory: &Path) -> ServerConfig {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let root = authority.self_signed(&key).unwrap();
    let issuer = Issuer::new(authority, key);
    let own = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".into()]).unwrap().signed_by(&own, &issuer).unwrap();
    for (name, text) in [("ca.pem", root.pem()), ("hub.pem", certificate.pem()), ("hub.key", own.serialize_pem())] {
        std::fs::write(directory.join(name), text).unwrap();
    }
    let chain = vec![CertificateDer::from_pem_slice(certificate.pem().as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(own.serialize_pem().as_bytes()).unwrap();
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}

impl Server {
    fn start(runtime: &Runtime, tls: ServerConfig) -> Self {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let from = format!("https://localhost:{}/publications", listener.local_addr().unwrap().port());
        let (served, tls) = (Arc::<Mutex<Served>>::default(), Arc::new(Mutex::new(Arc::new(tls))));
        let (of, acceptor) = (Arc::clone(&served), Arc::clone(&tls));
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, served) = (TlsAcceptor::from(Arc::clone(&*acceptor.lock().unwrap())), Arc::clone(&of));
                tokio::spawn(async move {
                    if let Ok(mut stream) = acceptor.accept(stream).await {
                        while answer(&mut stream, &served).await.is_some() {}
                        let _ = stream.shutdown().await;
                    }
                });
            }
        });
        Self { served, tls, from }
    }

    fn put(&self, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        self.served.lock().unwrap().files.insert(digest.to_string(), bytes.to_vec());
        digest
    }

    fn fault(&self, digest: Digest, fault: Fault) {
        self.served.lock().unwrap().faults.entry(digest.to_string()).or_default().push_back(fault);
    }

    fn take_asked(&self) -> Vec<(String, usize)> {
        std::mem::take(&mut self.served.lock().unwrap().asked)
    }
}

/// Answers a request; `None` to close the connection.
async fn answer(
    stream: &mut tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
    served: &Mutex<Served>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let name = head.split(' ').nth(1)?.strip_prefix("/publications/")?.to_owned();
    let range = head.split("range: bytes=").nth(1).and_then(|range| range.split('-').next()?.parse().ok());
    let (file, fault) = {
        let mut served = served.lock().unwrap();
        served.asked.push((name.clone(), range.unwrap_or(0)));
        let faults = served.faults.entry(name.clone()).or_default();
        let fault = if faults.front() == Some(&Fault::IsDown) { Some(Fault::IsDown) } else { faults.pop_front() };
        (served.files.get(&name).cloned(), fault)
    };
    let file = file?;
    let from = range.filter(|_| fault != Some(Fault::IgnoresRange)).unwrap_or(0);
    let mut body = file[from.min(file.len())..].to_vec();
    match fault {
        Some(Fault::IsDown) => return None,
        Some(Fault::Redirects) => {
            let elsewhere =
                "HTTP/1.1 302 Found\r\nlocation: https://elsewhere.example.com/\r\ncontent-length: 0\r\n\r\n";
            return stream.write_all(elsewhere.as_bytes()).await.ok();
        }
        Some(Fault::Longer) => body.extend([0; 1000]),
        Some(Fault::Other) => body.iter_mut().for_each(|byte| *byte ^= 1),
        _ => {}
    }
    let status = if range.is_some() && from > 0 {
        format!("206 Partial Content\r\ncontent-range: bytes {from}-{}/{}", file.len() - 1, file.len())
    } else {
        "200 OK".to_owned()
    };
    let length = body.len();
    if let Some(Fault::BreaksOff(after)) = fault {
        body.truncate(after);
    }
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), &body].concat()).await.ok()?;
    stream.flush().await.ok()?;
    (body.len() == length).then_some(())
}

/// HQ: its key, and what it publishes.
struct Headquarters {
    key: SigningKey,
    server: Server,
    directory: tempfile::TempDir,
    /// Of the server; ends with it.
    _runtime: Runtime,
}

fn items(count: u32, price: i64) -> Vec<Item> {
    let item = |sku: u32| Item {
        sku: format!("{sku:05}").parse().unwrap(),
        gtin: None,
        description: format!("Item {sku}"),
        department: "".into(),
        category: "".into(),
        brand: "".into(),
        package_size: "".into(),
        price: Price { minor: Minor::new(price).unwrap(), per: Unit::Each },
    };
    (0..count).map(item).collect()
}

fn segments(items: &[Item]) -> Vec<Segment> {
    cut(items.iter().map(|item| Record(item.sku.to_string(), to_raw_value(item).unwrap()))).unwrap()
}

impl Headquarters {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let server = Server::start(&runtime, certificates(directory.path()));
        Self { key: SigningKey::generate().unwrap().0, server, directory, _runtime: runtime }
    }

    /// Puts a publication to be fetched, signed by `key`, and gives its announcement.
    fn publish(&self, key: &SigningKey, version: u64, segments: &[Segment], effective_ms: i64) -> Announcement {
        let manifest = Manifest {
            format: FORMAT,
            kind: "catalog".parse().unwrap(),
            version,
            made_at_ms: 1,
            effective: Effective::At(effective_ms),
            may_shrink: false,
            records: segments.iter().map(|segment| u64::from(segment.entry.records)).sum(),
            segments: segments.iter().map(|segment| segment.entry.clone()).collect(),
        };
        let document = key.sign(Purpose::Manifest, &manifest).unwrap();
        for segment in segments {
            self.server.put(&segment.bytes);
        }
        Announcement {
            hub: "store-367".parse().unwrap(),
            kind: "catalog".parse().unwrap(),
            version,
            manifest: self.server.put(&document),
            bytes: u32::try_from(document.len()).unwrap(),
            effective: Effective::At(effective_ms),
            from: self.server.from.clone(),
            spread_s: 0,
        }
    }

    fn publish_items(&self, version: u64, items: &[Item], effective_ms: i64) -> Announcement {
        self.publish(&self.key, version, &segments(items), effective_ms)
    }

    /// A hub's life: from its start until `work` is done. Its state stays in the directory.
    fn life<T>(&self, work: impl AsyncFnOnce(Arc<Hub>) -> T) -> T {
        let path = |name: &str| self.directory.path().join(name).display().to_string();
        let more = format!(
            "[headquarters]\nbroker = \"mqtts://127.0.0.1:1\"\nauthority = \"{}\"\ncertificate = \"{}\"\nkey = \"{}\"\n\
             [publications]\nkey = \"{}\"\n",
            path("ca.pem"),
            path("hub.pem"),
            path("hub.key"),
            self.key.public()
        );
        let mut config = config::tests::with(&more);
        config.store.data = self.directory.path().join("data");
        config.devices.clear();
        config.register.iter_mut().for_each(|register| register.scanner = None);
        let runtime = Runtime::new().unwrap();
        let result = runtime.block_on(async {
            let hub = run::open(config).unwrap();
            work(hub).await
        });
        runtime.shutdown_timeout(Duration::from_secs(20));
        result
    }

    fn announce(&self, hub: &Hub, announcement: &Announcement) {
        announce_by(&self.key, hub, announcement);
    }
}

fn announce_by(key: &SigningKey, hub: &Hub, announcement: &Announcement) {
    let document = key.sign(Purpose::Announcement, announcement).unwrap();
    hub.publications.as_ref().unwrap().announcements.take(announcement.kind.clone(), document);
}

/// Waits until what HQ is told of publications is as it should be, the newest first.
async fn told(hub: &Hub, is_so: impl Fn(State, &str) -> bool) -> (State, String) {
    let mut states = hub.publications.as_ref().unwrap().announcements.states();
    let newest = async {
        loop {
            let newest = states.borrow_and_update().states.first().cloned();
            if let Some(newest) = newest {
                let why = newest.why.unwrap_or_default();
                if is_so(newest.state, &why) {
                    return (newest.state, why);
                }
            }
            states.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), newest).await.expect("HQ is not told")
}

/// Waits until an item is sold at a price.
async fn sold_at(hub: &Hub, sku: &str, price: i64) {
    let sku = sku.parse().unwrap();
    let sold = async {
        while hub.catalog.load().sku(&sku).map(|item| item.price.minor.get()) != Some(price) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), sold).await.expect("the item is not sold at its price");
}

#[test]
fn a_fetch_that_breaks_off_goes_on_where_it_was_also_after_a_restart() {
    let hq = Headquarters::new();
    let made = segments(&items(3_000, 7));
    let last = made.last().unwrap().entry.clone();
    let announcement = hq.publish(&hq.key, 1, &made, 1);
    hq.server.fault(last.digest, Fault::BreaksOff(100));
    hq.server.fault(last.digest, Fault::IsDown);
    hq.life(async |hub| {
        hq.announce(&hub, &announcement);
        told(&hub, |state, why| state == State::Fetching && why.contains("broke off after 100 of")).await;
        assert_eq!(hub.catalog.load().len(), 0, "nothing of it counts");
    });
    hq.server.served.lock().unwrap().faults.clear();
    hq.server.take_asked();
    hq.life(async |hub| {
        told(&hub, |state, _| state == State::Active).await;
        sold_at(&hub, "02999", 7).await;
        assert_eq!(hub.catalog.load().len(), 3_000);
    });
    assert_eq!(hq.server.take_asked(), [(last.digest.to_string(), 100)], "what is there is not fetched again");
    // The next one differs in a segment.
    let mut changed = items(3_000, 7);
    changed[1].price.minor = Minor::literal(9);
    let announcement = hq.publish_items(2, &changed, 1);
    hq.life(async |hub| {
        hq.announce(&hub, &announcement);
        sold_at(&hub, "00001", 9).await;
    });
    let asked = hq.server.take_asked();
    assert_eq!((asked.len(), &asked[0].0), (2, &announcement.manifest.to_string()), "{asked:?}");
}

#[test]
fn a_renewed_authority_is_trusted_without_a_restart() {
    let hq = Headquarters::new();
    hq.life(async |hub| {
        hq.announce(&hub, &hq.publish_items(1, &items(10, 1), 1));
        sold_at(&hub, "00009", 1).await;
        let renewed = tempfile::tempdir().unwrap();
        *hq.server.tls.lock().unwrap() = Arc::new(certificates(renewed.path()));
        hq.announce(&hub, &hq.publish_items(2, &items(10, 2), 1));
        told(&hub, |state, why| state == State::Fetching && why.contains("certificate")).await;
        let authority = hq.directory.path().join("ca.pem");
        std::fs::write(&authority, "no certificate").unwrap();
        hq.announce(&hub, &hq.publish_items(3, &items(10, 3), 1));
        told(&hub, |state, why| state == State::Fetching && why.contains("certificate")).await;
        std::fs::copy(renewed.path().join("ca.pem"), authority).unwrap();
        sold_at(&hub, "00009", 3).await;
    });
}

#[test]
fn a_publication_counts_from_its_time_on_also_over_a_restart() {
    let hq = Headquarters::new();
    let effective_ms = now_ms() + 4_000;
    let announcement = hq.publish_items(1, &items(10, 7), effective_ms);
    hq.life(async |hub| {
        hq.announce(&hub, &announcement);
        told(&hub, |state, _| state == State::Waiting).await;
    });
    hq.life(async |hub| {
        told(&hub, |state, _| state == State::Active).await;
        sold_at(&hub, "00009", 7).await;
        let all = publications::list(&hub.store).unwrap();
        assert!(all[0].since_ms >= effective_ms, "{} before {effective_ms}", all[0].since_ms);
        // What the broker kept comes again, and changes nothing.
        hq.announce(&hub, &announcement);
    });
    assert_eq!(hq.server.take_asked().len(), 2);
}

#[test]
fn a_publication_must_be_signed_by_hq_for_this_hub() {
    let hq = Headquarters::new();
    let other = SigningKey::generate().unwrap().0;
    let good = hq.publish_items(9, &items(10, 7), 1);
    let elsewhere = Announcement { hub: "store-1".parse().unwrap(), version: 20, ..good.clone() };
    let forged = hq.publish(&other, 8, &segments(&items(10, 1)), 1);
    hq.life(async |hub| {
        announce_by(&other, &hub, &Announcement { version: 30, ..good.clone() });
        hq.announce(&hub, &elsewhere);
        hq.announce(&hub, &forged);
        let (_, why) = told(&hub, |state, _| state == State::Refused).await;
        assert!(why.contains("the manifest is not signed by"), "{why}");
        hq.announce(&hub, &good);
        sold_at(&hub, "00009", 7).await;
        let versions: Vec<_> = publications::list(&hub.store).unwrap();
        let versions: Vec<_> = versions.iter().map(|publication| publication.announcement.version).collect();
        assert_eq!(versions, [9, 8]);
    });
}

#[test]
fn a_faulty_server_changes_nothing_and_is_tried_again() {
    let hq = Headquarters::new();
    for (version, fault, expected) in [
        (1, Fault::Longer, "larger than the announced"),
        (2, Fault::Other, "another SHA-256 than its name"),
        (3, Fault::Redirects, "redirects are not followed"),
    ] {
        let price = i64::try_from(version).unwrap();
        let made = segments(&items(10, price));
        let announcement = hq.publish(&hq.key, version, &made, 1);
        hq.server.fault(made[0].entry.digest, fault);
        hq.life(async |hub| {
            hq.announce(&hub, &announcement);
            told(&hub, |state, why| state == State::Fetching && why.contains(expected)).await;
            sold_at(&hub, "00009", price).await;
        });
    }
    // A server without ranges: it is fetched from the beginning.
    let made = segments(&items(10, 4));
    let announcement = hq.publish(&hq.key, 4, &made, 1);
    hq.server.fault(made[0].entry.digest, Fault::BreaksOff(10));
    hq.server.fault(made[0].entry.digest, Fault::IgnoresRange);
    hq.life(async |hub| {
        hq.announce(&hub, &announcement);
        sold_at(&hub, "00009", 4).await;
    });
}

#[test]
fn a_bad_publication_is_refused_with_its_reason() {
    let hq = Headquarters::new();
    let mut negative = items(10, 7);
    negative[3].price.minor = Minor::literal(-1);
    let cut_off = segments(&items(10, 7));
    let mut wrong = cut_off.clone();
    wrong[0].entry.plain += 1;
    let other_version = Announcement { version: 4, ..hq.publish_items(3, &items(10, 7), 1) };
    let plain_http = Announcement { from: "http://localhost/".into(), ..hq.publish_items(5, &items(10, 7), 1) };
    hq.life(async |hub| {
        for (announcement, expected) in [
            (hq.publish_items(1, &negative, 1), "item 00003: the price -1"),
            (hq.publish(&hq.key, 2, &wrong, 1), "bytes after decompression"),
            (other_version, "the manifest is for catalog version 3"),
            (plain_http, "invalid address `http://localhost/`"),
        ] {
            hq.announce(&hub, &announcement);
            let (_, why) = told(&hub, |state, why| state == State::Refused && why.contains(expected)).await;
            assert!(!why.is_empty());
        }
        assert_eq!(hub.catalog.load().len(), 0);
    });
}
