//! The running hub keeps its identity: it checks in with HQ at its start and every hour.
//!
//! - Certificates are renewed when two thirds of their life are over by the hub's clock, or when HQ orders it. A new
//!   one is tried on a connection to the broker before the former is replaced; meanwhile both are on the disk.
//! - The certificate for the LAN is renewed here, by the store's authority, without HQ.
//! - A new config is checked, and tried at the next start: see [`trial`]. The hub starts again by itself when no
//!   terminal is busy: open baskets outlast that, and registers repeat what they asked.
//! - When HQ closes the location, the hub clears it ([`clearing`]), and ends and is wiped once HQ has every event.
//!
//! | failure | effect |
//! | --- | --- |
//! | HQ is away | tried again after 5 s to an hour; selling goes on, also with an expired certificate |
//! | power, between question and answer | the same question is sent again |
//! | power, while certificates are replaced | the new ones are tried again at the next start |
//! | HQ refuses: revoked, or a clone | a fault is shown; selling goes on |
//! | the clock is wrong | HQ's answers are still understood, and the difference is shown |

use std::{sync::Arc, time::Duration};

use contract::{
    enrolment::{CheckIn, Order, Question, Renewal, Signed},
    topic,
};
use link::{Broker, Ends, Identity, Incoming};
use rcgen::KeyPair;
use tokio::time::timeout;

use super::{
    claim::{CONFIG, ENROLLED, Enrolled, opened, substituted},
    clearing,
    client::{self, Unanswered},
    folder::Folder,
    keys,
    trial::{self, PATIENCE_MS, TRIAL, Trial},
};
use crate::{
    clock::now_ms,
    config::{Config, Headquarters},
    hub::Hub,
    parts::enrolment::Ending,
};

/// The interval of check-ins.
const EVERY: Duration = Duration::from_secs(3_600);

/// The interval of looking whether something is to be done.
const LOOK: Duration = Duration::from_secs(1);

/// The first pause after a failure.
const RETRY: Duration = Duration::from_secs(5);

/// The time limit of the trial of a certificate.
const TRIAL_OF_CERTIFICATE: Duration = Duration::from_secs(30);

/// A difference of clocks that is reported.
const CLOCKS_DIFFER_MS: i64 = 120_000;

/// The last third of a certificate for the LAN.
const LAN_THIRD_S: i64 = 132 * 24 * 3_600;

/// A file that is being tried.
const NEXT_IDENTITY: &str = "next-identity.pem";
const NEXT_AUTHORITY: &str = "next-store-authority.pem";

/// Keeps the hub's identity while it runs.
pub(crate) fn start(hub: &Arc<Hub>) {
    let Some(enrolment) = &hub.config.enrolment else { return };
    let keeper = Keeper { hub: Arc::clone(hub), folder: Folder::at(&enrolment.state) };
    tokio::spawn(keeper.run());
}

struct Keeper {
    hub: Arc<Hub>,
    folder: Folder,
}

/// What a check-in found.
#[derive(Default)]
struct Found {
    order: Option<Order>,
    /// Whether HQ knows that everything is sent and will be wiped.
    wiped: bool,
    faults: Vec<String>,
}

impl Keeper {
    async fn run(self) {
        let started = tokio::time::Instant::now();
        // Stores that got power back together do not ask at the same moment.
        let mut next = started + Duration::from_millis(u64::from(std::process::id() % 2_000));
        let (mut pause, mut order, mut wiped) = (RETRY, None, false);
        loop {
            tokio::time::sleep(LOOK).await;
            if let Err(why) = self.look_at_trial(started).await {
                self.hub.enrolment.found(vec![why]);
            }
            if let Some(Order::Wipe { stock_to }) = &order {
                match clearing::clear(&self.hub, stock_to.as_ref()).await {
                    Err(why) => self.hub.enrolment.found(vec![why]),
                    Ok(()) if self.has_sent_everything() => (wiped, next) = (true, tokio::time::Instant::now()),
                    Ok(()) => {}
                }
            }
            if tokio::time::Instant::now() < next {
                continue;
            }
            match self.check_in(order.as_ref(), wiped).await {
                Ok(Found { order: ordered, wiped: is_told, faults }) => {
                    self.hub.enrolment.found(faults);
                    if is_told && !matches!(ordered, Some(Order::Wipe { .. })) {
                        return self.hub.enrolment.end(Ending::Wipe);
                    }
                    // An ordered renewal begins at once.
                    let is_due = ordered == Some(Order::Renew) && order != ordered;
                    let wait = if is_due { Duration::ZERO } else { EVERY };
                    (next, pause, order) = (tokio::time::Instant::now() + wait, RETRY, ordered);
                }
                Err(why) => {
                    self.hub.enrolment.found(vec![why]);
                    next = tokio::time::Instant::now() + pause;
                    pause = (pause * 2).min(EVERY);
                }
            }
        }
    }

    fn is_connected(&self) -> bool {
        self.hub.headquarters.status().is_some_and(|status| status.borrow().connected)
    }

    fn has_sent_everything(&self) -> bool {
        self.hub.headquarters.status().is_some_and(|status| {
            let status = status.borrow();
            status.connected && status.lag == 0
        })
    }

    /// Keeps a tried config or takes it back, and starts again if a new one waits.
    async fn look_at_trial(&self, started: tokio::time::Instant) -> Result<(), String> {
        let Some(trial) = self.folder.json::<Trial>(TRIAL)? else { return Ok(()) };
        if trial.is_running() {
            let passed_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
            if self.is_connected() || !trial.was_connected && passed_ms > PATIENCE_MS {
                tracing::info!(version = trial.version, "keeping the new config");
                return trial::keep(&self.folder, &trial);
            }
            if passed_ms > PATIENCE_MS {
                trial::take_back(&self.folder, &trial, "HQ was not connected within 10 minutes")?;
                self.hub.enrolment.end(Ending::Restart);
            }
            return Ok(());
        }
        if self.hub.terminals.are_free() {
            tracing::info!(version = trial.version, "starting again with a new config");
            self.hub.enrolment.end(Ending::Restart);
        }
        Ok(())
    }

    async fn check_in(&self, order: Option<&Order>, wiped: bool) -> Result<Found, String> {
        let mut enrolled: Enrolled = self.folder.json(ENROLLED)?.ok_or("enrolled.json is missing")?;
        let key = keys::key(&self.folder, "identity.key")?;
        let question = match enrolled.pending.clone() {
            Some(question) => question,
            None => {
                let question = self.question(&enrolled, &key, order, wiped)?;
                enrolled.pending = Some(question.clone());
                self.folder.write_json(ENROLLED, &enrolled)?;
                question
            }
        };
        let asked: CheckIn = contract::enrolment::read(&question.body)?;
        let service = self.hub.config.enrolment.as_ref().map_or(&enrolled.service, |enrolment| &enrolment.service);
        let reply = match client::ask(service, enrolled.root, "/check-ins", &question).await {
            Ok(reply) => reply,
            Err(refused @ Unanswered::Refused(_)) => {
                // HQ has not used the question: the next one may be another.
                enrolled.pending = None;
                self.folder.write_json(ENROLLED, &enrolled)?;
                return Err(refused.to_string());
            }
            Err(unreachable) => return Err(unreachable.to_string()),
        };
        let (answer, _) = opened(&reply, enrolled.root, &asked.nonce)?;
        let mut found = Found { order: answer.order.clone(), wiped: asked.wiped, faults: Vec::new() };
        found.faults.extend(clocks(answer.answered_at_ms));
        if answer.order == Some(Order::Retired) {
            found.faults.push("another box is this location's hub now: switch this one off, or wipe it".into());
        }
        if let Some(refused) = &enrolled.refused_config {
            found.faults.push(format!("config {} of HQ was taken back: {}", refused.version, refused.why));
        }
        if let Some(certificates) = &answer.certificates {
            self.folder.write(NEXT_AUTHORITY, &certificates.store_authority)?;
            self.folder.write(NEXT_IDENTITY, &certificates.identity)?;
            enrolled.certified_at_ms = answer.answered_at_ms;
            enrolled.names = certificates.names.clone();
        }
        if let Some(config) =
            answer.config.filter(|_| self.folder.json::<Trial>(TRIAL).is_ok_and(|trial| trial.is_none()))
        {
            let toml = substituted(&config.toml, &self.folder);
            match Config::parse(&toml) {
                Ok(_) => trial::begin(&self.folder, (config.version, &toml), self.is_connected())?,
                Err(why) => {
                    let (version, why) = (config.version, why.join("; "));
                    enrolled.refused_config = Some(contract::enrolment::RefusedConfig { version, why });
                }
            }
        }
        (enrolled.join, enrolled.pending) = (answer.join, None);
        self.folder.write_json(ENROLLED, &enrolled)?;
        found.faults.extend(self.try_next(&enrolled, answer.answered_at_ms).await.err());
        Ok(found)
    }

    fn question(
        &self,
        enrolled: &Enrolled,
        key: &KeyPair,
        order: Option<&Order>,
        wiped: bool,
    ) -> Result<Question, String> {
        let expires_ms =
            link::identity::expires_at(&self.folder.path("identity.pem")).map_err(|error| error.to_string())?;
        let expires_ms = expires_ms.saturating_mul(1_000);
        let is_due = now_ms() >= expires_ms.saturating_sub(expires_ms.saturating_sub(enrolled.certified_at_ms) / 3);
        let renew = if order == Some(&Order::Renew) || is_due {
            let request = |key: &KeyPair| keys::request(key, &enrolled.location);
            let (identity, authority) = (request(key)?, request(&keys::key(&self.folder, "store-authority.key")?)?);
            Some(Renewal { identity, store_authority: authority })
        } else {
            None
        };
        let asked = CheckIn {
            location: enrolled.location.clone(),
            nonce: keys::random()?,
            join: enrolled.join,
            sent_at_ms: now_ms(),
            software: concat!("store-hub ", env!("CARGO_PKG_VERSION")).to_owned(),
            config: enrolled.config,
            refused_config: enrolled.refused_config.clone(),
            renew,
            wiped,
        };
        let body = serde_json::to_string(&asked).map_err(|error| error.to_string())?;
        Ok(Question { proof: keys::sign(key, &Signed::CheckIn.message(&body))?, body })
    }

    /// Tries new certificates at the broker, and takes them over if it accepts them. Renews the one for the LAN.
    async fn try_next(&self, enrolled: &Enrolled, at_ms: i64) -> Result<(), String> {
        let is_new = self.folder.read(NEXT_IDENTITY)?.is_some();
        if is_new && let Some(headquarters) = &self.hub.config.headquarters {
            self.try_at_broker(headquarters).await?;
            // The store's authority first: the identity's file says that there is something to do.
            if self.folder.read(NEXT_AUTHORITY)?.is_some() {
                self.folder.rename(NEXT_AUTHORITY, "store-authority.pem")?;
            }
            self.folder.rename(NEXT_IDENTITY, "identity.pem")?;
            tracing::info!("the broker accepts the renewed certificate; it replaces the former one");
        }
        let ends_s = link::identity::expires_at(&self.folder.path("hub.pem")).map_err(|error| error.to_string())?;
        if is_new || ends_s.saturating_sub(at_ms / 1_000) < LAN_THIRD_S {
            let (authority, names) = (self.folder.need("store-authority.pem")?, &enrolled.names);
            let [authority_key, key] = ["store-authority.key", "hub.key"].map(|name| keys::key(&self.folder, name));
            let lan = keys::for_the_lan(&authority, &authority_key?, &key?, names, at_ms)?;
            self.folder.write("hub.pem", &lan)?;
        }
        Ok(())
    }

    async fn try_at_broker(&self, headquarters: &Headquarters) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| format!("could not try the renewed certificate: {error}");
        let authority = headquarters.authority.as_ref().ok_or_else(|| failed(&"no headquarters.authority"))?;
        let roots = link::trust::roots_from_file(authority).map_err(|error| failed(&error))?;
        let (certificate, key) = (self.folder.path(NEXT_IDENTITY), self.folder.path("identity.key"));
        let identity = Identity::open(&certificate, &key).map_err(|error| failed(&error))?;
        let tls = link::client_config(roots, Some(Arc::new(identity))).map_err(|error| failed(&error))?;
        let hub = &self.hub.config.store.hub;
        let login = headquarters.login().map_err(|error| failed(&error))?;
        let (_link, mut incoming) = link::connect(Ends {
            broker: Broker { address: headquarters.broker.clone(), tls: Some(tls), login },
            client_id: format!("hub-{hub}-renewed"),
            subscribe: vec![topic::announcements(hub)],
            max_payload: 256 * 1024,
            will: None,
        });
        let tried = timeout(TRIAL_OF_CERTIFICATE, async {
            loop {
                match incoming.recv().await {
                    Some(Incoming::Ready) => return Ok(()),
                    Some(Incoming::Closed(error)) => return Err(failed(&error)),
                    Some(_) => {}
                    None => return Err(failed(&"the connection ended")),
                }
            }
        });
        tried.await.unwrap_or_else(|_| Err(failed(&"the broker does not answer")))
    }
}

/// A difference between the hub's clock and HQ's, for people.
pub(super) fn clocks(at_hq_ms: i64) -> Option<String> {
    let differ_ms = now_ms().saturating_sub(at_hq_ms);
    (differ_ms.saturating_abs() > CLOCKS_DIFFER_MS).then(|| {
        let way = if differ_ms < 0 { "behind" } else { "ahead of" };
        let minutes = differ_ms.saturating_abs() / 60_000;
        format!("the clock is {minutes} minutes {way} HQ's: set it, and check the box's battery and its time server")
    })
}

/// Wipes a closed location: its keys first, then its data.
pub(crate) fn wipe(config: &Config) -> Result<(), String> {
    let Some(enrolment) = &config.enrolment else { return Ok(()) };
    let folder = Folder::at(&enrolment.state);
    let names =
        ["identity.key", "store-authority.key", "hub.key", ENROLLED, CONFIG, TRIAL, NEXT_IDENTITY, NEXT_AUTHORITY];
    for name in names.into_iter().chain(["identity.pem", "store-authority.pem", "hub.pem", "hq-root.pem"]) {
        folder.remove(name)?;
    }
    let data = &config.store.data;
    std::fs::remove_dir_all(data).map_err(|error| format!("could not wipe {}: {error}", data.display()))
}
