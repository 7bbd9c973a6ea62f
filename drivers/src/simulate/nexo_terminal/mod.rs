//! A card terminal that speaks nexo Retailer over HTTPS, with books that outlive its connections and restarts.
//!
//! Its seal and its messages are written independently of the driver's: CBC block by block, JSON by hand.
//!
//! | the connection is lost | effect |
//! | --- | --- |
//! | before the request was taken | nothing happens |
//! | while the customer pays | the payment goes on; it is in progress for some inquiries, then booked |
//! | after the booking | the payment is kept, and an inquiry repeats its answer |

mod seal;
mod session;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

use self::seal::Seal;
use super::BookedState;

/// A transaction in the terminal's books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NexoBooked {
    /// The hub's id.
    pub service_id: String,
    /// Minor units.
    pub minor: u64,
    /// The state.
    pub state: BookedState,
}

/// A point where the connection can be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NexoPoint {
    /// The request arrived and was dropped.
    Requested,
    /// The request was taken; the customer has not paid yet.
    Taken,
    /// It is booked; no byte of the answer was sent.
    Booked,
    /// Half of the answer was sent.
    HalfAnswered,
    /// The answer was sent.
    Answered,
}

impl NexoPoint {
    /// All points in order.
    pub const ALL: [Self; 5] = [Self::Requested, Self::Taken, Self::Booked, Self::HalfAnswered, Self::Answered];
}

/// What customer, bank and terminal do. The defaults approve at once.
#[derive(Clone, Debug, Default)]
pub struct NexoScript {
    /// The error condition of the next transaction, such as `Refusal` or `WrongPIN`.
    pub decline: Option<String>,
    /// The amount that the next payment is approved for, in minor units.
    pub partial: Option<u64>,
    /// Approves half of the next payment.
    pub approves_half: bool,
    /// Approves without the bank.
    pub offline: bool,
    /// Restarts when it has taken the next payment, and forgets it.
    pub reboot_next: bool,
    /// How long customer and bank take.
    pub think: Duration,
    /// Waits for an abort.
    pub wait_for_abort: bool,
    /// Approves although it was aborted: the abort came too late.
    pub approve_after_abort: bool,
    /// Cuts the connection of the next transaction, or of the closing of the day.
    pub cut_at: Option<NexoPoint>,
    /// For how many inquiries a transaction whose connection was cut is still in progress.
    pub in_progress_for: u32,
    /// Busy with another till.
    pub busy: bool,
    /// Takes connections and answers nothing.
    pub mute: bool,
    /// Sends a complete card number wherever possible.
    pub full_pan: bool,
    /// Answers with a broken seal.
    pub break_seal: bool,
    /// Answers a transaction with the answer to the one before.
    pub repeat_earlier: bool,
}

/// A transaction that goes on without its connection.
struct Unfinished {
    category: String,
    service_id: String,
    request: Value,
    inquiries: u32,
}

#[derive(Default)]
struct State {
    script: NexoScript,
    books: Vec<NexoBooked>,
    /// The answers that it remembers: category, id, body.
    answers: Vec<(String, String, Value)>,
    unfinished: Option<Unfinished>,
    logged_in: bool,
    /// The first transaction of the day in the books.
    day: usize,
}

impl State {
    fn restart(&mut self) {
        self.answers.clear();
        self.unfinished = None;
        self.logged_in = false;
    }
}

struct Shared {
    state: Mutex<State>,
    aborted: Notify,
    seal: Seal,
    poi_id: String,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Restarts if it is to do so now.
    fn restarts(&self) -> bool {
        let mut state = self.state();
        let restarts = std::mem::take(&mut state.script.reboot_next);
        if restarts {
            state.restart();
        }
        restarts
    }
}

/// A simulated terminal.
pub struct SimulatedNexoTerminal {
    address: SocketAddr,
    authority: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl SimulatedNexoTerminal {
    /// The terminal's id.
    pub const POI_ID: &'static str = "V400m-123456789";
    /// The passphrase of its key, which is named `hub`, version 1.
    pub const PASSPHRASE: &'static str = "p@ssw0rd123456";

    /// Starts a terminal, on a free port if the port is 0.
    ///
    /// # Errors
    /// The port is taken, or no certificate can be made.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let (authority, tls) = certificate(Self::POI_ID).map_err(io::Error::other)?;
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            aborted: Notify::new(),
            seal: Seal::of(Self::PASSPHRASE),
            poi_id: Self::POI_ID.into(),
        });
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            // Dropped with the task: the terminal then hangs up.
            let mut sessions = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, acceptor) = (Arc::clone(&serving), acceptor.clone());
                sessions.spawn(async move {
                    let _ = stream.set_nodelay(true);
                    // An error ends the connection.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _ = session::serve(stream, &shared).await;
                    }
                });
                while sessions.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, authority, shared, task })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of the authority that signed the terminal's, in PEM format.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Changes what customer, bank and terminal do.
    pub fn script(&self, change: impl FnOnce(&mut NexoScript)) {
        change(&mut self.shared.state().script);
    }

    /// The books: what customers were really charged.
    pub fn books(&self) -> Vec<NexoBooked> {
        self.shared.state().books.clone()
    }

    /// The number of payments that are charged and not reversed.
    pub fn charges(&self) -> usize {
        self.shared.state().books.iter().filter(|booked| booked.state == BookedState::Charged).count()
    }

    /// Restarts: it forgets its answers and the payment in progress, and keeps its books.
    pub fn reboot(&self) {
        self.shared.state().restart();
    }

    /// Books a charge or refund as if a payment request with this id had arrived, and its answer was lost.
    pub fn book(&self, service_id: &str, minor: u64, state: BookedState) {
        session::book(&mut self.shared.state(), service_id, minor, state);
    }
}

impl Drop for SimulatedNexoTerminal {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A terminal's certificate, named by its common name alone, and the authority that signed it.
fn certificate(poi_id: &str) -> Result<(String, ServerConfig), String> {
    let failed = |error: rcgen::Error| error.to_string();
    let key = rcgen::KeyPair::generate().map_err(failed)?;
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).map_err(failed)?;
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = parameters.self_signed(&key).map_err(failed)?;
    let issuer = rcgen::Issuer::new(parameters, key);
    let terminal_key = rcgen::KeyPair::generate().map_err(failed)?;
    let mut terminal = rcgen::CertificateParams::new(Vec::new()).map_err(failed)?;
    terminal.distinguished_name.push(rcgen::DnType::CommonName, format!("{poi_id}.test.terminal.adyen.com"));
    let signed = terminal.signed_by(&terminal_key, &issuer).map_err(failed)?;
    let private = PrivateKeyDer::Pkcs8(terminal_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![signed.der().clone()], private))
        .map_err(|error| error.to_string())?;
    Ok((authority.pem(), config))
}
