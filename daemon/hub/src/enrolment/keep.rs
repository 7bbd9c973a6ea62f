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
//! | power, before a closed location is wiped | the same question gets the same answer: see [`wipe`](super::wipe) |
//! | HQ refuses: revoked, or a clone | a fault is shown; selling goes on |
//! | the clock is wrong | HQ's answers are still understood, and the difference is shown |

use std::{sync::Arc, time::Duration};

use contract::{
    HubId,
    enrolment::{CheckIn, Order, Question, Renewal, Reply, Signed},
    topic,
};
use link::{Broker, Ends, Identity, Incoming};
use rcgen::KeyPair;
use tokio::{
    task::spawn_blocking,
    time::{Instant, timeout},
};

use super::{
    claim::{ENROLLED, Enrolled, opened, substituted},
    clearing,
    client::{self, Unanswered},
    course::Course,
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

/// The interval of looking whether something is to be done.
const LOOK: Duration = Duration::from_secs(1);

/// The time limit of the trial of a certificate.
const TRIAL_OF_CERTIFICATE: Duration = Duration::from_secs(30);

/// A difference of clocks that is reported.
const CLOCKS_DIFFER_MS: i64 = 120_000;

/// The last third of a certificate for the LAN.
const LAN_THIRD_S: i64 = 132 * 24 * 3_600;

/// The certificates that are being tried.
pub(super) const NEXT_IDENTITY: &str = "next-identity.pem";
pub(super) const NEXT_AUTHORITY: &str = "next-store-authority.pem";

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
#[derive(Debug, Default)]
pub(super) struct Found {
    order: Option<Order>,
    /// HQ knows that everything is sent: the box can be wiped.
    pub(super) is_over: bool,
    /// The question said that everything is sent.
    told_wiped: bool,
    faults: Vec<String>,
    /// The names in the certificate for the LAN.
    names: Vec<String>,
    /// HQ's time.
    at_ms: i64,
}

impl Keeper {
    async fn run(self) {
        let started = Instant::now();
        // Stores that got power back together do not ask at the same moment.
        let mut course = Course::from(started + Duration::from_millis(u64::from(std::process::id() % 2_000)));
        loop {
            tokio::time::sleep(LOOK).await;
            if let Err(why) = self.look_at_trial(started).await {
                self.hub.enrolment.found(vec![why]);
            }
            if let Some(Order::Wipe { stock_to }) = &course.order {
                match clearing::clear(&self.hub, stock_to.as_ref()).await {
                    Err(why) => self.hub.enrolment.found(vec![why]),
                    Ok(()) if self.has_sent_everything() => course.cleared(Instant::now()),
                    Ok(()) => {}
                }
            }
            if Instant::now() < course.next {
                continue;
            }
            match self.check_in(course.order.as_ref(), course.wiped).await {
                Ok(Found { is_over: true, .. }) => return self.hub.enrolment.end(Ending::Wipe),
                Ok(Found { order, faults, told_wiped, .. }) => {
                    self.hub.enrolment.found(faults);
                    course.answered(Instant::now(), order, told_wiped);
                }
                Err(why) => {
                    self.hub.enrolment.found(vec![why]);
                    course.failed(Instant::now());
                }
            }
        }
    }

    /// Works with the files off the runtime's threads, because each waits for the disk.
    async fn with_files<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let folder = self.folder.clone();
        spawn_blocking(move || work(&folder)).await.map_err(|error| format!("keeping the identity: {error}"))?
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
    async fn look_at_trial(&self, started: Instant) -> Result<(), String> {
        let Some(trial) = self.with_files(|folder| folder.json::<Trial>(TRIAL)).await? else { return Ok(()) };
        if trial.is_running() {
            let passed_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
            if self.is_connected() || !trial.was_connected && passed_ms > PATIENCE_MS {
                tracing::info!(version = trial.version, "keeping the new config");
                return self.with_files(move |folder| trial::keep(folder, &trial)).await;
            }
            if passed_ms > PATIENCE_MS {
                let why = "HQ was not connected within 10 minutes";
                self.with_files(move |folder| trial::take_back(folder, &trial, why)).await?;
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
        let is_ordered = order == Some(&Order::Renew);
        let (enrolled, question) = self.with_files(move |folder| question(folder, is_ordered, wiped)).await?;
        let service = self.hub.config.enrolment.as_ref().map_or(&enrolled.service, |enrolment| &enrolment.service);
        let reply = match client::ask(service, enrolled.root, "/check-ins", &question).await {
            Ok(reply) => reply,
            Err(refused @ Unanswered::Refused(_)) => {
                self.with_files(move |folder| refuse(folder, &question)).await?;
                return Err(refused.to_string());
            }
            Err(unreachable) => return Err(unreachable.to_string()),
        };
        let is_connected = self.is_connected();
        let mut found = self.with_files(move |folder| take(folder, &question, &reply, is_connected)).await?;
        if !found.is_over {
            let tried = self.try_next(std::mem::take(&mut found.names), found.at_ms).await;
            found.faults.extend(tried.err());
        }
        Ok(found)
    }

    /// Tries new certificates at the broker, and takes them over if it accepts them. Renews the one for the LAN.
    async fn try_next(&self, names: Vec<String>, at_ms: i64) -> Result<(), String> {
        let is_new = self.with_files(|folder| Ok(folder.read(NEXT_IDENTITY)?.is_some())).await?;
        if is_new && let Some(headquarters) = &self.hub.config.headquarters {
            self.try_at_broker(headquarters).await?;
        }
        let takes_over = is_new && self.hub.config.headquarters.is_some();
        self.with_files(move |folder| {
            if takes_over {
                // The store's authority first: the identity's file says that there is something to do.
                if folder.read(NEXT_AUTHORITY)?.is_some() {
                    folder.rename(NEXT_AUTHORITY, "store-authority.pem")?;
                }
                folder.rename(NEXT_IDENTITY, "identity.pem")?;
                tracing::info!("the broker accepts the renewed certificate; it replaces the former one");
            }
            let ends_s = link::identity::expires_at(&folder.path("hub.pem")).map_err(|error| error.to_string())?;
            if is_new || ends_s.saturating_sub(at_ms / 1_000) < LAN_THIRD_S {
                let authority = folder.need("store-authority.pem")?;
                let [authority_key, key] = ["store-authority.key", "hub.key"].map(|name| keys::key(folder, name));
                let lan = keys::for_the_lan(&authority, &authority_key?, &key?, &names, at_ms)?;
                folder.write("hub.pem", &lan)?;
            }
            Ok(())
        })
        .await
    }

    async fn try_at_broker(&self, headquarters: &Headquarters) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| format!("could not try the renewed certificate: {error}");
        let (with, hub) = (headquarters.clone(), self.hub.config.store.hub.clone());
        let ends = self.with_files(move |folder| ends(folder, &with, &hub)).await.map_err(|error| failed(&error))?;
        let (_link, mut incoming) = link::connect(ends);
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

/// The question of this check-in: the former one again, if it had no answer.
pub(super) fn question(folder: &Folder, is_ordered: bool, wiped: bool) -> Result<(Enrolled, Question), String> {
    let mut enrolled = read(folder)?;
    if let Some(question) = enrolled.pending.clone() {
        return Ok((enrolled, question));
    }
    let key = keys::key(folder, "identity.key")?;
    let expires_ms = link::identity::expires_at(&folder.path("identity.pem")).map_err(|error| error.to_string())?;
    let expires_ms = expires_ms.saturating_mul(1_000);
    let is_due = now_ms() >= expires_ms.saturating_sub(expires_ms.saturating_sub(enrolled.certified_at_ms) / 3);
    let renew = if is_ordered || is_due {
        let request = |key: &KeyPair| keys::request(key, &enrolled.location);
        let (identity, authority) = (request(&key)?, request(&keys::key(folder, "store-authority.key")?)?);
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
    let question = Question { proof: keys::sign(&key, &Signed::CheckIn.message(&body))?, body };
    enrolled.pending = Some(question.clone());
    folder.write_json(ENROLLED, &enrolled)?;
    Ok((enrolled, question))
}

fn read(folder: &Folder) -> Result<Enrolled, String> {
    folder.json(ENROLLED)?.ok_or_else(|| format!("{} is missing", folder.path(ENROLLED).display()))
}

/// HQ has refused a question, and not used it: the next one may be another. The last one of a closed location stays,
/// as HQ may have answered it before.
pub(super) fn refuse(folder: &Folder, question: &Question) -> Result<(), String> {
    if contract::enrolment::read::<CheckIn>(&question.body)?.wiped {
        return Ok(());
    }
    folder.write_json(ENROLLED, &Enrolled { pending: None, ..read(folder)? })
}

/// Takes over what HQ answered.
pub(super) fn take(folder: &Folder, question: &Question, reply: &Reply, is_connected: bool) -> Result<Found, String> {
    let mut enrolled = read(folder)?;
    let asked: CheckIn = contract::enrolment::read(&question.body)?;
    let (answer, _) = opened(reply, enrolled.root, &asked.nonce)?;
    let mut found = Found {
        order: answer.order.clone(),
        told_wiped: asked.wiped,
        at_ms: answer.answered_at_ms,
        ..Found::default()
    };
    if asked.wiped && !matches!(answer.order, Some(Order::Wipe { .. })) {
        // The question stays until the box is wiped: HQ has revoked it, and answers no other one.
        found.is_over = true;
        return Ok(found);
    }
    found.faults.extend(clocks(answer.answered_at_ms));
    if answer.order == Some(Order::Retired) {
        found.faults.push("another box is this location's hub now: switch this one off, or wipe it".into());
    }
    if let Some(refused) = &enrolled.refused_config {
        found.faults.push(format!("config {} of HQ was taken back: {}", refused.version, refused.why));
    }
    if let Some(certificates) = &answer.certificates {
        folder.write(NEXT_AUTHORITY, &certificates.store_authority)?;
        folder.write(NEXT_IDENTITY, &certificates.identity)?;
        enrolled.certified_at_ms = answer.answered_at_ms;
        enrolled.names = certificates.names.clone();
    }
    if let Some(config) = answer.config.filter(|_| folder.json::<Trial>(TRIAL).is_ok_and(|trial| trial.is_none())) {
        let toml = substituted(&config.toml, folder);
        match Config::parse(&toml) {
            Ok(_) => trial::begin(folder, (config.version, &toml), is_connected)?,
            Err(why) => {
                let (version, why) = (config.version, why.join("; "));
                enrolled.refused_config = Some(contract::enrolment::RefusedConfig { version, why });
            }
        }
    }
    (enrolled.join, enrolled.pending) = (answer.join, None);
    folder.write_json(ENROLLED, &enrolled)?;
    found.names = enrolled.names;
    Ok(found)
}

/// A connection to the broker with the renewed certificate.
fn ends(folder: &Folder, headquarters: &Headquarters, hub: &HubId) -> Result<Ends, String> {
    let authority = headquarters.authority.as_ref().ok_or("the config names no headquarters.authority")?;
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let roots = link::trust::roots_from_file(authority).map_err(|error| text(&error))?;
    let (certificate, key) = (folder.path(NEXT_IDENTITY), folder.path("identity.key"));
    let identity = Identity::open(&certificate, &key).map_err(|error| text(&error))?;
    let tls = link::client_config(roots, Some(Arc::new(identity))).map_err(|error| text(&error))?;
    let login = headquarters.login().map_err(|error| text(&error))?;
    Ok(Ends {
        broker: Broker { address: headquarters.broker.clone(), tls: Some(tls), login },
        client_id: format!("hub-{hub}-renewed"),
        subscribe: vec![topic::announcements(hub)],
        max_payload: 256 * 1024,
        will: None,
    })
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
