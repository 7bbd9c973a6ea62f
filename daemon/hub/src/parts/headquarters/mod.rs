//! The connection to HQ: the store as the bridge's outbox and inbox.

mod askers;
mod inbox;

use std::{
    fs,
    future::Future,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use app::hq;
use bridge::{Backlog, Bridge, BridgeConfig, BridgeStatus, NotNow, Outbox, OutboxError, Span};
use commerce::Station;
use contract::{
    Answer, ChainLink, Epoch, Event, HubId, Placeholder, Positions, Question, Sequence, Stream, message::UNREADABLE,
    positions::Version, telemetry::Sample,
};
use link::{Broker, Login, TrustError};
use rustls::ClientConfig;
use serde_json::value::to_raw_value;
use store::{Store, StoreError};
use tokio::sync::watch;

use self::{askers::Askers, inbox::StoreInbox};
use super::{
    certificates::{Certificates, EVERY},
    publications::Announcements,
};
use crate::{
    config::{self, Config},
    parts::timekeeper::Timekeeper,
};

/// The hub's software and version, for HQ.
pub(crate) const SOFTWARE: &str = concat!("store-hub ", env!("CARGO_PKG_VERSION"));

/// The connection to HQ. A renewed authority or password is used within a minute, by a new connection.
pub(crate) struct Headquarters {
    line: Option<Arc<Line>>,
    askers: Askers,
}

/// The bridge and its parts.
struct Line {
    config: Config,
    store: Arc<Store>,
    timekeeper: Arc<Timekeeper>,
    certificates: Certificates,
    announcements: Option<Arc<Announcements>>,
    open: Mutex<Open>,
}

struct Open {
    bridge: Bridge,
    /// The files that it uses.
    files: Files,
    /// Why the current files can't be used.
    trouble: Option<String>,
}

/// The contents of the files in the config.
#[derive(PartialEq)]
struct Files {
    authority: Option<Vec<u8>>,
    login: Option<Login>,
}

impl Files {
    fn read(headquarters: &config::Headquarters) -> Result<Self, String> {
        let read = |path: &PathBuf| {
            fs::read(path)
                .map_err(|error| format!("headquarters.authority: could not read {}: {error}", path.display()))
        };
        Ok(Self { authority: headquarters.authority.as_ref().map(read).transpose()?, login: headquarters.login()? })
    }
}

impl Headquarters {
    /// Starts the bridge, if the config names a broker.
    ///
    /// # Errors
    /// A certificate, a key or the password file can't be used.
    pub(crate) fn start(
        config: &Config,
        store: Arc<Store>,
        timekeeper: Arc<Timekeeper>,
        certificates: &Certificates,
        announcements: Option<Arc<Announcements>>,
    ) -> Result<Self, String> {
        let Some(headquarters) = &config.headquarters else {
            return Ok(Self { line: None, askers: Askers::default() });
        };
        let files = Files::read(headquarters)?;
        if let Some(authority) = headquarters.authority.as_ref().filter(|_| headquarters.broker.tls) {
            let watched = certificates.watch_authority("headquarters.authority", authority.clone());
            watched.map_err(|error| format!("headquarters.authority: {error}"))?;
        }
        let bridge = bridge(config, headquarters, &files, &store, &timekeeper, certificates, announcements.clone())?;
        let open = Mutex::new(Open { bridge, files, trouble: None });
        let (config, certificates) = (config.clone(), certificates.clone());
        let line = Arc::new(Line { config, store, timekeeper, certificates, announcements, open });
        Ok(Self { line: Some(line), askers: Askers::default() })
    }

    /// Loads renewed files, every minute, while the hub runs.
    pub(crate) fn follow(&self) {
        let Some(line) = self.line.clone() else { return };
        tokio::spawn(async move {
            let mut every = tokio::time::interval(EVERY);
            loop {
                every.tick().await;
                let line = Arc::clone(&line);
                let _ = tokio::task::spawn_blocking(move || line.look()).await;
            }
        });
    }

    /// The state of the connection; `None` without HQ.
    pub(crate) fn status(&self) -> Option<watch::Receiver<BridgeStatus>> {
        self.line.as_ref().map(|line| line.open().bridge.status())
    }

    /// Adds a telemetry sample for HQ, if there is one. A new connection drops waiting samples.
    pub(crate) fn tell(&self, sample: Sample) {
        if let Some(line) = &self.line {
            line.open().bridge.samples().push(sample);
        }
    }

    /// Asks HQ for a register or the console. The refusal comes at once without a connection, in a store without HQ, or
    /// if too many of the asker's questions are waiting.
    pub(crate) async fn ask(&self, asker: &Station, question: Question, within: Duration) -> Result<Answer, NotNow> {
        let _waiting = self.askers.enter(asker).ok_or(NotNow::Busy)?;
        let ask = self.line.as_ref().map(|line| line.open().bridge.ask());
        ask.ok_or(NotNow::NotReached)?.ask(question, within).await
    }

    /// Waits for a connection, and asks HQ.
    pub(crate) async fn ask_once_connected(&self, question: Question, within: Duration) -> Result<Answer, NotNow> {
        let ask = self.line.as_ref().map(|line| line.open().bridge.ask());
        ask.ok_or(NotNow::NotReached)?.ask_once_reached(question, within).await
    }

    /// Why a renewed file can't be used.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.line.as_ref().and_then(|line| line.open().trouble.clone())
    }
}

impl Line {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks the files. If they have changed and can be used, a new bridge uses them.
    fn look(&self) {
        let Some(headquarters) = &self.config.headquarters else { return };
        let renewed = Files::read(headquarters).and_then(|files| {
            if files == self.open().files {
                return Ok(None);
            }
            let Self { config, store, timekeeper, certificates, announcements, .. } = self;
            let announcements = announcements.clone();
            let bridge = bridge(config, headquarters, &files, store, timekeeper, certificates, announcements)?;
            Ok(Some((bridge, files)))
        });
        let mut open = self.open();
        match renewed {
            Ok(None) => open.trouble = None,
            Ok(Some((bridge, files))) => {
                tracing::info!("loaded a renewed authority or password for the broker; reconnecting");
                *open = Open { bridge, files, trouble: None };
            }
            Err(error) => {
                let trouble = format!("{error}; the old one stays in use until this is fixed");
                if open.trouble.as_ref() != Some(&trouble) {
                    tracing::error!(%trouble, "could not load a renewed authority or password for the broker");
                    open.trouble = Some(trouble);
                }
            }
        }
    }
}

/// Starts a bridge that uses the files.
fn bridge(
    config: &Config,
    headquarters: &config::Headquarters,
    files: &Files,
    store: &Arc<Store>,
    timekeeper: &Arc<Timekeeper>,
    certificates: &Certificates,
    announcements: Option<Arc<Announcements>>,
) -> Result<Bridge, String> {
    let tls = match &files.authority {
        Some(authority) if headquarters.broker.tls => {
            Some(tls(config, headquarters, "headquarters.authority", authority, certificates)?)
        }
        _ => None,
    };
    let broker = Broker { address: headquarters.broker.clone(), tls, login: files.login.clone() };
    let bridge = BridgeConfig { broker, software: SOFTWARE.into() };
    let inbox = StoreInbox { store: Arc::clone(store), timekeeper: Arc::clone(timekeeper), announcements };
    let outbox =
        StoreOutbox { hub: config.store.hub.clone(), store: Arc::clone(store), timekeeper: Arc::clone(timekeeper) };
    Ok(bridge::start(bridge, Arc::new(outbox), Arc::new(inbox)))
}

/// TLS for HQ's servers: trusts the authority of a config field, and presents the certificate that the config has for
/// HQ, or else the one of `[listen]`.
pub(super) fn tls(
    config: &Config,
    headquarters: &config::Headquarters,
    authority_field: &'static str,
    authority: &[u8],
    certificates: &Certificates,
) -> Result<Arc<ClientConfig>, String> {
    let (field, certificate, key) = match (&headquarters.certificate, &headquarters.key) {
        (Some(certificate), Some(key)) => ("headquarters.certificate", certificate, key),
        _ => ("listen.certificate", &config.listen.certificate, &config.listen.key),
    };
    let identity = certificates.open(field, certificate, key)?;
    let failed = |error: TrustError| format!("{authority_field}: {error}");
    let roots = link::trust::roots_from_pem(&String::from_utf8_lossy(authority)).map_err(failed)?;
    link::client_config(roots, Some(identity)).map_err(failed)
}

/// The store as the bridge's outbox. A restored store continues its own numbers; HQ counts each epoch from 1.
struct StoreOutbox {
    hub: HubId,
    store: Arc<Store>,
    timekeeper: Arc<Timekeeper>,
}

fn failed(error: impl std::fmt::Display) -> OutboxError {
    OutboxError(error.to_string())
}

impl Outbox for StoreOutbox {
    fn hub(&self) -> HubId {
        self.hub.clone()
    }

    fn epoch(&self) -> Epoch {
        Epoch(self.store.epoch())
    }

    fn streams(&self) -> Vec<Stream> {
        Stream::up().into()
    }

    fn span(&self, stream: &Stream) -> Result<Span, OutboxError> {
        let span = self.store.outbox_span(stream.as_str()).map_err(failed)?;
        let first_kept = span.first_kept.max(span.base + 1);
        Ok(Span {
            first_kept: Sequence(first_kept - span.base),
            last: Sequence(span.last - span.base),
            acknowledged: Sequence(span.acknowledged.saturating_sub(span.base)),
        })
    }

    fn read(
        &self,
        stream: &Stream,
        from: Sequence,
        max_events: usize,
        max_bytes: usize,
    ) -> Result<Vec<Event>, OutboxError> {
        let mut events = Vec::new();
        let mut bytes = 0;
        let base = self.store.outbox_span(stream.as_str()).map_err(failed)?.base;
        for entry in self.store.outbox(stream.as_str(), base + from.0, max_events).map_err(failed)? {
            let (kind, body) = match hq::body(&self.store, &entry) {
                Ok(body) => (entry.kind.clone(), body),
                Err(error @ StoreError::Corrupt { .. }) => {
                    // HQ keeps it for a person: an unreadable sale must not block all later ones.
                    let sequence = entry.sequence;
                    tracing::error!(%stream, sequence, %error, "record is damaged; sending HQ a placeholder");
                    let (kind, subject) = (entry.kind.clone(), Some(entry.subject.clone()));
                    let told = Placeholder { kind, subject, why: error.to_string() };
                    (UNREADABLE.to_owned(), to_raw_value(&told).map_err(failed)?)
                }
                Err(error) => return Err(failed(error)),
            };
            tracing::debug!(%stream, sequence = entry.sequence - base, subject = entry.subject, "event read for HQ");
            bytes += body.get().len();
            events.push(Event {
                sequence: Sequence(entry.sequence - base),
                kind,
                occurred_at_ms: entry.occurred_at_ms,
                body,
            });
            if bytes >= max_bytes {
                break;
            }
        }
        Ok(events)
    }

    fn link(&self, stream: &Stream, sequence: Sequence) -> Result<Option<ChainLink>, OutboxError> {
        let base = self.store.outbox_span(stream.as_str()).map_err(failed)?.base;
        let link = self.store.outbox_link(stream.as_str(), base + sequence.0).map_err(failed)?;
        Ok(link.map(ChainLink))
    }

    fn positions(&self, backlog: &[Backlog]) -> Result<Vec<Positions>, OutboxError> {
        let bases = |stream: Stream| Ok::<_, StoreError>(self.store.outbox_span(stream.as_str())?.base);
        let (sales, stock) = (bases(Stream::sales()).map_err(failed)?, bases(Stream::stock()).map_err(failed)?);
        let base = |stream: &Stream| if *stream == Stream::sales() { sales } else { stock };
        // Orders and cash move no stock: the movements of orders are in the other streams.
        let moves_stock = |stream: &Stream| [Stream::sales(), Stream::stock()].contains(stream);
        let entries = backlog
            .iter()
            .filter(|backlog| moves_stock(&backlog.stream))
            .map(|Backlog { stream, from, last }| (stream.clone(), base(stream) + from.0..=base(stream) + last.0));
        let snapshots = hq::current_positions(&self.store, entries.collect()).map_err(failed)?;
        let at_ms = self.timekeeper.read().now_ms;
        let told = snapshots.into_iter().map(|snapshot| Positions {
            hub: self.hub(),
            epoch: self.epoch(),
            at_ms,
            version: Version {
                sales: Sequence(snapshot.sales.saturating_sub(sales)),
                stock: Sequence(snapshot.stock.saturating_sub(stock)),
            },
            lines: snapshot.lines,
        });
        Ok(told.collect())
    }

    fn acknowledged(
        &self,
        stream: Stream,
        up_to: Sequence,
    ) -> Pin<Box<dyn Future<Output = Result<(), OutboxError>> + Send + '_>> {
        Box::pin(async move {
            let base = self.store.outbox_span(stream.as_str()).map_err(failed)?.base;
            self.store.acknowledge_outbox(stream.as_str(), base + up_to.0).await.map_err(failed)
        })
    }

    fn stopped(&self) -> Option<String> {
        self.store.stopped()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.store.committed()
    }
}

#[cfg(test)]
mod tests;
