//! A proxy between an MQTT client and the broker. It shows the client the broker's certificate and the broker the
//! client's, so that it reads the packets of an encrypted connection, and disturbs what it carries.
//!
//! | disturbance | what happens |
//! | --- | --- |
//! | cut | a packet is sent in part, and the connection ends |
//! | slow | packets wait |
//! | duplicate | a PUBLISH arrives again, at once or after later ones |
//! | reorder | a PUBLISH arrives after later ones |
//! | closed | every connection ends, and new ones are refused |
//! | trap | the connection stops at a PUBLISH on a topic, and the trap's owner hears of it |

use std::{
    fmt,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use fastrand::Rng;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, split},
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::watch,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::mqtt::{Framer, Packet};

/// How long a connection may take to be made.
const CONNECTED: Duration = Duration::from_secs(10);

/// A held packet waits no longer than this for later ones.
const HELD: Duration = Duration::from_millis(100);

/// The most packets that a held one waits for.
const LATER: u32 = 5;

/// How often packets are disturbed: one in this many, none for 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disturbance {
    /// Cut in the middle; the connection ends.
    pub cut: u32,
    /// Sent twice.
    pub duplicate: u32,
    /// Sent after later ones.
    pub reorder: u32,
    /// The longest wait before each.
    pub slow: Duration,
}

/// How many packets were disturbed.
#[derive(Debug, Default)]
pub struct Counts([AtomicU64; 3]);

impl Counts {
    /// Cut, duplicated, reordered.
    pub fn all(&self) -> [u64; 3] {
        [0, 1, 2].map(|kind| self.0[kind].load(Ordering::Relaxed))
    }

    fn add(&self, kind: usize) {
        self.0[kind].fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [cut, duplicated, reordered] = self.all();
        write!(f, "{cut} packets cut, {duplicated} duplicated, {reordered} reordered")
    }
}

/// What a proxy does now.
#[derive(Default)]
struct State {
    disturbance: Disturbance,
    is_closed: bool,
    trap: Option<(&'static str, mpsc::Sender<()>)>,
}

/// A running proxy.
pub struct Proxy {
    /// Where clients connect.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    cut: watch::Sender<()>,
}

/// What each connection needs.
#[derive(Clone)]
struct Ends {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
    broker: SocketAddr,
    state: Arc<Mutex<State>>,
    counts: Arc<Counts>,
}

impl Proxy {
    /// Starts a proxy that shows clients the certificate in the directory `broker_identity`, and the broker that in
    /// `client_identity`.
    ///
    /// # Errors
    /// A certificate can't be read.
    pub fn start(
        runtime: &Handle,
        broker: SocketAddr,
        broker_identity: &Path,
        client_identity: &Path,
        counts: Arc<Counts>,
        dice: Rng,
    ) -> Result<Self, String> {
        let state = Arc::new(Mutex::new(State::default()));
        let ends = Ends {
            acceptor: TlsAcceptor::from(Arc::new(server(broker_identity, client_identity)?)),
            connector: TlsConnector::from(Arc::new(client(broker_identity, client_identity)?)),
            broker,
            state: Arc::clone(&state),
            counts,
        };
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let (cut, cuts) = watch::channel(());
        runtime.spawn(serve(listener, ends, cuts, dice));
        Ok(Self { address, state, cut })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the disturbance from now on.
    pub fn disturb(&self, change: impl FnOnce(&mut Disturbance)) {
        change(&mut self.state().disturbance);
    }

    /// Ends every connection.
    pub fn cut(&self) {
        self.cut.send_replace(());
    }

    /// Ends every connection and refuses new ones until it is [calm](Self::calm).
    pub fn close(&self) {
        self.state().is_closed = true;
        self.cut();
    }

    /// Stops the connection on which the client next publishes on a topic with this end, before the broker has the
    /// packet; the receiver hears of it.
    pub fn trap(&self, topic: &'static str) -> mpsc::Receiver<()> {
        let (told, caught) = mpsc::channel();
        self.state().trap = Some((topic, told));
        caught
    }

    /// Carries everything, undisturbed.
    pub fn calm(&self) {
        *self.state() = State::default();
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(directory: &Path) -> Result<Identity, String> {
    let failed = |error: rustls::pki_types::pem::Error| format!("{}: {error}", directory.display());
    let chain = CertificateDer::pem_file_iter(directory.join("hub.pem")).map_err(failed)?;
    let key = PrivateKeyDer::from_pem_file(directory.join("hub.key")).map_err(failed)?;
    Ok((chain.collect::<Result<_, _>>().map_err(failed)?, key))
}

fn roots(directory: &Path) -> Result<Arc<RootCertStore>, String> {
    let mut roots = RootCertStore::empty();
    let path = directory.join("ca.pem");
    for certificate in CertificateDer::pem_file_iter(&path).map_err(|error| error.to_string())? {
        let added = roots.add(certificate.map_err(|error| error.to_string())?);
        added.map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(Arc::new(roots))
}

fn server(broker: &Path, of_client: &Path) -> Result<ServerConfig, String> {
    let text = |error: &dyn fmt::Display| error.to_string();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(of_client)?, provider()).build();
    let (chain, key) = identity(broker)?;
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| text(&error))?
        .with_client_cert_verifier(verifier.map_err(|error| text(&error))?)
        .with_single_cert(chain, key)
        .map_err(|error| text(&error))
}

fn client(broker: &Path, of_client: &Path) -> Result<ClientConfig, String> {
    let (chain, key) = identity(of_client)?;
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots(broker)?)
        .with_client_auth_cert(chain, key)
        .map_err(|error| error.to_string())
}

async fn serve(listener: TcpListener, ends: Ends, cuts: watch::Receiver<()>, mut dice: Rng) {
    while let Ok((near, _)) = listener.accept().await {
        let (ends, mut cuts, dice) = (ends.clone(), cuts.clone(), dice.fork());
        if ends.state.lock().unwrap_or_else(PoisonError::into_inner).is_closed {
            continue;
        }
        cuts.mark_unchanged();
        tokio::spawn(async move {
            tokio::select! {
                // Whatever ends it, both ends are dropped.
                _ = carry(near, ends, dice) => {}
                _ = cuts.changed() => {}
            }
        });
    }
}

async fn carry(near: TcpStream, ends: Ends, mut dice: Rng) -> std::io::Result<()> {
    let connected = timeout(CONNECTED, async {
        let near = ends.acceptor.accept(near).await?;
        let far = TcpStream::connect(ends.broker).await?;
        let name = ServerName::IpAddress(ends.broker.ip().into());
        Ok::<_, std::io::Error>((near, ends.connector.connect(name, far).await?))
    });
    let (near, far) = connected.await??;
    let ((from_client, to_client), (from_broker, to_broker)) = (split(near), split(far));
    let (up, down) = (dice.fork(), dice.fork());
    tokio::select! {
        ended = pump(from_client, to_broker, &ends, Lane::new(up), true) => ended,
        ended = pump(from_broker, to_client, &ends, Lane::new(down), false) => ended,
    }
}

/// Carries one direction until the connection ends.
async fn pump(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    ends: &Ends,
    mut lane: Lane,
    is_up: bool,
) -> std::io::Result<()> {
    let (mut framer, mut bytes) = (Framer::default(), vec![0; 16_384]);
    loop {
        let count = if lane.is_holding() {
            match timeout(HELD, from.read(&mut bytes)).await {
                Ok(count) => count?,
                Err(_) => {
                    for packet in lane.release() {
                        to.write_all(&packet.0).await?;
                    }
                    to.flush().await?;
                    continue;
                }
            }
        } else {
            from.read(&mut bytes).await?
        };
        if count == 0 {
            return to.shutdown().await;
        }
        framer.feed(&bytes[..count]);
        while let Some(packet) = framer.packet().map_err(std::io::Error::other)? {
            if is_up && is_trapped(&ends.state, &packet) {
                return std::future::pending().await;
            }
            let disturbance = ends.state.lock().unwrap_or_else(PoisonError::into_inner).disturbance;
            for step in lane.pass(packet, disturbance, &ends.counts) {
                match step {
                    Step::Wait(pause) => sleep(pause).await,
                    Step::Send(packet) => to.write_all(&packet.0).await?,
                    Step::Cut(part) => {
                        to.write_all(&part).await?;
                        return to.flush().await;
                    }
                }
            }
            to.flush().await?;
        }
    }
}

/// Whether a trap waits for a packet; it catches one.
fn is_trapped(state: &Mutex<State>, packet: &Packet) -> bool {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((end, told)) = &state.trap else { return false };
    if !packet.topic().is_some_and(|topic| topic.ends_with(end)) {
        return false;
    }
    let _ = told.send(());
    state.trap = None;
    true
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Wait(Duration),
    Send(Packet),
    /// Send a part of a packet, and end the connection.
    Cut(Vec<u8>),
}

/// One direction of a connection: decides what happens to each packet.
struct Lane {
    dice: Rng,
    /// Packets that wait until this many others have passed.
    held: Vec<(u32, Packet)>,
}

impl Lane {
    fn new(dice: Rng) -> Self {
        Self { dice, held: Vec::new() }
    }

    fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    fn release(&mut self) -> impl Iterator<Item = Packet> {
        std::mem::take(&mut self.held).into_iter().map(|(_, packet)| packet)
    }

    fn hits(&mut self, one_of: u32) -> bool {
        one_of > 0 && self.dice.u32(..one_of) == 0
    }

    fn pass(&mut self, packet: Packet, disturbance: Disturbance, counts: &Counts) -> Vec<Step> {
        let mut steps = Vec::new();
        if !disturbance.slow.is_zero() {
            let micros = u64::try_from(disturbance.slow.as_micros()).unwrap_or(u64::MAX);
            steps.push(Step::Wait(Duration::from_micros(self.dice.u64(..micros.max(1)))));
        }
        if self.hits(disturbance.cut) {
            counts.add(0);
            let part = self.dice.usize(..packet.0.len());
            steps.push(Step::Cut(packet.0[..part].to_vec()));
            return steps;
        }
        // What waited longest comes last.
        for (left, _) in &mut self.held {
            *left -= 1;
        }
        let due: Vec<_> = self.held.extract_if(.., |(left, _)| *left == 0).collect();
        if packet.is_publish() && self.hits(disturbance.reorder) {
            counts.add(2);
            self.held.push((self.dice.u32(1..=LATER), packet));
        } else if let Some(copy) = packet.copy().filter(|_| self.hits(disturbance.duplicate)) {
            counts.add(1);
            steps.push(Step::Send(packet));
            match self.dice.u32(..=LATER) {
                0 => steps.push(Step::Send(copy)),
                later => self.held.push((later, copy)),
            }
        } else {
            steps.push(Step::Send(packet));
        }
        steps.extend(due.into_iter().map(|(_, packet)| Step::Send(packet)));
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(number: u8) -> Packet {
        Packet(vec![0b0011_0010, 8, 0, 1, b'a', 0, number, 0, b'x', number])
    }

    /// What arrives of 100 messages, and how often something was disturbed.
    fn carried(disturbance: Disturbance) -> (Vec<u8>, [u64; 3]) {
        let (mut lane, counts) = (Lane::new(Rng::with_seed(7)), Counts::default());
        let mut arrived = Vec::new();
        for number in 0..100 {
            for step in lane.pass(publish(number), disturbance, &counts) {
                match step {
                    Step::Send(packet) => arrived.extend(packet.0.last()),
                    Step::Wait(pause) => assert!(pause < disturbance.slow),
                    Step::Cut(part) => {
                        assert!(part.len() < 10);
                        return (arrived, counts.all());
                    }
                }
            }
        }
        arrived.extend(lane.release().filter_map(|packet| packet.0.last().copied()));
        (arrived, counts.all())
    }

    #[test]
    fn an_undisturbed_lane_changes_nothing() {
        assert_eq!(carried(Disturbance::default()), ((0..100).collect(), [0; 3]));
    }

    #[test]
    fn a_reordering_lane_carries_everything_once_in_another_order() {
        let (mut arrived, counts) = carried(Disturbance { reorder: 3, ..Disturbance::default() });
        assert!(counts[2] > 10 && !arrived.is_sorted());
        arrived.sort_unstable();
        assert_eq!(arrived, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_duplicating_lane_carries_everything_at_least_once() {
        let slow = Duration::from_millis(2);
        let (mut arrived, counts) = carried(Disturbance { duplicate: 3, slow, ..Disturbance::default() });
        assert_eq!(arrived.len() as u64, 100 + counts[1]);
        arrived.sort_unstable();
        arrived.dedup();
        assert!(counts[1] > 10);
        assert_eq!(arrived, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_cut_lane_ends_within_a_packet() {
        let (arrived, counts) = carried(Disturbance { cut: 20, ..Disturbance::default() });
        assert!(arrived.len() < 100 && counts == [1, 0, 0]);
    }
}
