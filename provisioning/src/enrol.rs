//! What HQ decides about boxes: who becomes a location's hub, and who remains it.
//!
//! ```text
//! location:  planned --enrolment--> open --two boxes--> suspended --enrolment of a replacement--> open
//!                                   open --close--> closing --the hub has wiped its disk--> closed
//! claim:     issued --right proof--> used          issued --5 wrong proofs--> locked        issued --time--> expired
//! box:       enrolled --first check-in--> the hub; the boxes before it are revoked
//! ```
//!
//! Every question is one transaction that locks the location. A claim is used once; the same question again gets the
//! same answer, so a box that lost it repeats it, and a code that is replayed 50 times in parallel issues one
//! certificate.
//!
//! | failure | effect |
//! | --- | --- |
//! | the answer is lost | the box repeats its question and gets the same answer |
//! | HQ is killed | nothing, or everything, of the question is stored |
//! | a copy of a disk checks in | both boxes are revoked, an alarm is raised; both go on selling |
//! | a certificate expired while HQ was away | renewed by proof of the same key, 3 times a year without a person |

use contract::{
    Digest,
    enrolment::{
        Answer, Certificates, CheckIn, ClaimKey, ConfigDocument, Enrolment, Order, Question, Renewal, Reply, Signed,
        read,
    },
};
use hq::{
    DatabaseError, Ledger,
    ledger::alarm::{Alarm, Kind},
    locations::{Change, Exchange, Identity, Location, Purpose, Revoked, Standing, State},
};
use time::OffsetDateTime;

use crate::{
    authority::ProvisioningError,
    headquarters::{BadRequest, Headquarters, Requested},
};

/// The number of wrong proofs that lock a claim.
pub const TRIES: u32 = 5;

/// How often in a year an expired certificate is renewed without a person.
const RECOVERIES: usize = 3;

const YEAR_MS: i64 = 365 * 24 * 3_600 * 1_000;

/// Why a question was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It can't be read.
    #[error("unreadable question: {0}")]
    Unreadable(String),
    /// A certificate request is wrong.
    #[error(transparent)]
    Request(#[from] BadRequest),
    /// There is no claim, or the proof is wrong. Both look the same from outside.
    #[error("the claim code is wrong, or none was issued for {0}: check location and code, or issue a new claim")]
    Claim(contract::HubId),
    /// Too many wrong proofs.
    #[error("the claim for {0} is locked after {TRIES} wrong codes: issue a new claim")]
    Locked(contract::HubId),
    /// Too late.
    #[error("the claim for {0} has expired: issue a new claim")]
    Expired(contract::HubId),
    /// Another box has used it.
    #[error("the claim for {0} was used by another box: if that was not yours, revoke it and issue a new claim")]
    Used(contract::HubId),
    /// The location can't have a hub.
    #[error("location {location} is {state} and can't have a hub: add a new location")]
    Closed {
        /// The location.
        location: contract::HubId,
        /// `closing` or `closed`.
        state: &'static str,
    },
    /// No known key signed it.
    #[error("the signature is not by the hub of {0}")]
    Proof(contract::HubId),
    /// The hub is revoked.
    #[error("the hub of {location} is revoked: {why}; it keeps selling, replace it with a new claim")]
    Revoked {
        /// The location.
        location: contract::HubId,
        /// Why.
        why: String,
    },
    /// Two boxes are one location.
    #[error(
        "two boxes have the identity of {0}: a disk was copied, or a backup of it was restored; both are locked out, and \
         go on selling; replace one of them with a new claim"
    )]
    Cloned(contract::HubId),
    /// A renewal for another key.
    #[error("a renewal keeps the keys; replace the hub of {0} with a new claim")]
    OtherKey(contract::HubId),
    /// Expired too often.
    #[error(
        "the certificate of {0} expired more than {RECOVERIES} times within a year: a person must renew it, by \
         `store-hub-provision hub renew {0}`"
    )]
    Recovered(contract::HubId),
    /// The ledger failed.
    #[error("HQ's ledger does not answer: try again")]
    Ledger(#[from] DatabaseError),
    /// The authority failed.
    #[error("HQ could not sign: {0}")]
    Signing(#[from] ProvisioningError),
}

/// HQ's side of the conversation with boxes.
pub struct Desk<'d> {
    /// The ledger.
    pub ledger: &'d Ledger,
    /// The authority.
    pub headquarters: &'d Headquarters,
    /// The time.
    pub now: OffsetDateTime,
}

impl Desk<'_> {
    fn now_ms(&self) -> i64 {
        i64::try_from(self.now.unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
    }

    /// Enrols a box.
    ///
    /// # Errors
    /// The claim is not proven, or was used by another box.
    pub async fn enrol(&self, question: &Question) -> Result<Reply, Refused> {
        let now_ms = self.now_ms();
        let asked: Enrolment = read(&question.body).map_err(Refused::Unreadable)?;
        let id = asked.location.clone();
        let mut change = Change::begin(self.ledger).await?;
        let location = change.location(&id).await?;
        let claim = change.claim(&id).await?;
        let Some((mut location, mut claim)) = location.zip(claim) else { return Err(Refused::Claim(id)) };
        if claim.wrong >= TRIES {
            return Err(Refused::Locked(id));
        }
        if !ClaimKey(claim.key.0).is_proven(&question.body, &question.proof) {
            claim.wrong += 1;
            change.put_claim(&claim).await?;
            let act = if claim.wrong >= TRIES { "claim_locked" } else { "claim_refused" };
            change.record(&id, act, &format!("wrong code, try {}", claim.wrong), now_ms).await?;
            change.commit().await?;
            return Err(if claim.wrong >= TRIES { Refused::Locked(id) } else { Refused::Claim(id) });
        }
        let digest = Digest::of(question.body.as_bytes());
        if let Some(used) = claim.used {
            return if used.question == digest { reply(&used) } else { Err(Refused::Used(id)) };
        }
        if claim.expires_ms <= now_ms {
            return Err(Refused::Expired(id));
        }
        if matches!(location.state, State::Closing | State::Closed) {
            return Err(Refused::Closed { location: id, state: location.state.name() });
        }
        let identity = Headquarters::requested(&asked.identity, &id)?;
        let store_authority = Headquarters::requested(&asked.store_authority, &id)?;
        location.generation += 1;
        (location.state, location.join) = (State::Open, 1);
        (location.config.used, location.config.refused) = (location.config.version, None);
        let certificates = self.certify(&mut change, &location, &identity, &store_authority).await?;
        let config = ConfigDocument { version: location.config.version, toml: location.config.toml.clone() };
        let answer = Answer {
            location: id.clone(),
            nonce: asked.nonce,
            join: 1,
            answered_at_ms: now_ms,
            certificates: Some(certificates),
            config: Some(config),
            order: None,
        };
        let reply = self.headquarters.reply(&answer)?;
        claim.used = Some(exchange(digest, &reply));
        location.last = None;
        change.put_claim(&claim).await?;
        change.put(&location, now_ms).await?;
        let mut detail = format!("box {}, {}", location.generation, asked.software);
        if !asked.devices.is_empty() {
            detail += &format!(", plugged in: {}", asked.devices.join("; "));
        }
        change.record(&id, "enrolled", &detail.chars().take(1_000).collect::<String>(), now_ms).await?;
        change.commit().await?;
        Ok(reply)
    }

    /// Signs both certificates and stores them.
    async fn certify(
        &self,
        change: &mut Change,
        location: &Location,
        identity: &Requested,
        store_authority: &Requested,
    ) -> Result<Certificates, Refused> {
        let names = &location.details.names;
        let hub = self.headquarters.identity(identity, &location.id, self.now)?;
        let store = self.headquarters.store_authority(store_authority, &location.id, names, self.now)?;
        let issued = [(&hub, identity, Purpose::Hub), (&store, store_authority, Purpose::StoreAuthority)];
        for (issued, requested, purpose) in issued {
            let identity = Identity {
                serial: issued.serial.clone(),
                location: location.id.clone(),
                generation: location.generation,
                purpose,
                public_key: requested.public_key.clone(),
                issued_ms: self.now_ms(),
                not_after_ms: issued.not_after_ms,
                standing: Standing::Current,
                revoked: None,
            };
            change.put_identity(&identity).await?;
        }
        Ok(Certificates { identity: hub.chain, store_authority: store.chain, names: names.clone() })
    }

    /// Answers a hub that checks in.
    ///
    /// # Errors
    /// It is not the location's hub, or not the only one.
    pub async fn check_in(&self, question: &Question) -> Result<Reply, Refused> {
        let asked: CheckIn = read(&question.body).map_err(Refused::Unreadable)?;
        let id = asked.location.clone();
        let mut change = Change::begin(self.ledger).await?;
        let location = change.location(&id).await?.ok_or_else(|| Refused::Proof(id.clone()))?;
        let identities = change.identities(&id).await?;
        let signed = |identity: &&Identity| {
            let key = data_encoding::HEXLOWER.decode(identity.public_key.as_bytes()).unwrap_or_default();
            identity.purpose == Purpose::Hub && Signed::CheckIn.is_by(&key, &question.body, &question.proof)
        };
        let signer = identities.iter().rev().find(signed).cloned().ok_or_else(|| Refused::Proof(id.clone()))?;
        if signer.generation < location.generation {
            // Another box has enrolled. Until it has checked in, this one may go on.
            let order = (signer.standing == Standing::Revoked).then_some(Order::Retired);
            return Ok(self.headquarters.reply(&self.answer(&asked, asked.join, order))?);
        }
        let digest = Digest::of(question.body.as_bytes());
        if let Some(last) = location.last.as_ref().filter(|last| last.question == digest) {
            return reply(last);
        }
        if location.state == State::Suspended {
            return Err(Refused::Cloned(id));
        }
        if let Some(revoked) = signer.revoked {
            return Err(Refused::Revoked { location: id, why: revoked.why });
        }
        if asked.join != location.join {
            let detail = format!("join number {} instead of {}", asked.join, location.join);
            self.suspend(change, location, &identities, &detail).await?;
            return Err(Refused::Cloned(id));
        }
        self.welcome(change, (location, identities, signer), &asked, digest).await
    }

    /// Answers the location's hub, in the order of its join numbers.
    async fn welcome(
        &self,
        mut change: Change,
        (mut location, identities, signer): (Location, Vec<Identity>, Identity),
        asked: &CheckIn,
        digest: Digest,
    ) -> Result<Reply, Refused> {
        let (now_ms, id) = (self.now_ms(), location.id.clone());
        if location.last.is_none() {
            // The new box works: those before it are done.
            let former = identities.iter().filter(|identity| identity.generation < location.generation);
            self.revoke(&mut change, former, "another box took its place").await?;
        }
        location.join += 1;
        location.checked_in_ms = Some(now_ms);
        location.config.used = asked.config;
        location.config.refused =
            asked.refused_config.as_ref().map(|refused| refused.why.chars().take(1_000).collect());
        let has_refused =
            asked.refused_config.as_ref().is_some_and(|refused| refused.version == location.config.version);
        let mut order = (location.renew || is_due(&signer, now_ms)).then_some(Order::Renew);
        let mut certificates = None;
        if let Some(renewal) = &asked.renew {
            certificates = Some(self.renew(&mut change, &mut location, (&identities, &signer), renewal).await?);
            (order, location.renew) = (None, false);
        }
        if location.state == State::Closing {
            order = Some(Order::Wipe { stock_to: location.stock_to.clone() });
            if asked.wiped {
                (location.state, order) = (State::Closed, None);
                self.revoke(&mut change, identities.iter(), "the location is closed").await?;
                change.record(&id, "closed", "the hub has sent everything and wipes its disk", now_ms).await?;
            }
        }
        let mut answer = self.answer(asked, location.join, order);
        answer.certificates = certificates;
        if location.config.version > asked.config && !has_refused {
            let (version, toml) = (location.config.version, location.config.toml.clone());
            answer.config = Some(ConfigDocument { version, toml });
        }
        let reply = self.headquarters.reply(&answer)?;
        location.last = Some(exchange(digest, &reply));
        change.put(&location, now_ms).await?;
        change.commit().await?;
        Ok(reply)
    }

    async fn renew(
        &self,
        change: &mut Change,
        location: &mut Location,
        (identities, signer): (&[Identity], &Identity),
        renewal: &Renewal,
    ) -> Result<Certificates, Refused> {
        let (now_ms, id) = (self.now_ms(), location.id.clone());
        let identity = Headquarters::requested(&renewal.identity, &id)?;
        let store_authority = Headquarters::requested(&renewal.store_authority, &id)?;
        let generation = location.generation;
        let of_box =
            |purpose: Purpose| identities.iter().filter(move |it| (it.generation, it.purpose) == (generation, purpose));
        let same = |purpose: Purpose, key: &str| of_box(purpose).all(|identity| identity.public_key == key);
        if identity.public_key != signer.public_key || !same(Purpose::StoreAuthority, &store_authority.public_key) {
            return Err(Refused::OtherKey(id));
        }
        let newest = of_box(Purpose::Hub).map(|identity| identity.not_after_ms).max();
        for former in of_box(Purpose::Hub).chain(of_box(Purpose::StoreAuthority)) {
            if former.standing == Standing::Current {
                change.put_identity(&Identity { standing: Standing::Former, ..former.clone() }).await?;
            }
        }
        let mut act = "renewed";
        if newest.is_some_and(|not_after_ms| not_after_ms <= now_ms) && !location.renew {
            location.recovered_ms.retain(|at_ms| *at_ms > now_ms - YEAR_MS);
            if location.recovered_ms.len() >= RECOVERIES {
                return Err(Refused::Recovered(id));
            }
            location.recovered_ms.push(now_ms);
            act = "renewed_after_expiry";
        }
        change.record(&id, act, &format!("box {}", location.generation), now_ms).await?;
        self.certify(change, location, &identity, &store_authority).await
    }

    async fn suspend(
        &self,
        mut change: Change,
        mut location: Location,
        identities: &[Identity],
        detail: &str,
    ) -> Result<(), Refused> {
        let now_ms = self.now_ms();
        location.state = State::Suspended;
        self.revoke(&mut change, identities.iter(), "two boxes had its identity").await?;
        change.put(&location, now_ms).await?;
        change.record(&location.id, "suspended", detail, now_ms).await?;
        let what = "two boxes have its identity; both are locked out: replace one of them".to_owned();
        change.raise(&Alarm::new(&location.id, Kind::Clone, location.generation.to_string(), what, now_ms)).await?;
        change.commit().await?;
        Ok(())
    }

    async fn revoke(
        &self,
        change: &mut Change,
        identities: impl Iterator<Item = &Identity>,
        why: &str,
    ) -> Result<(), DatabaseError> {
        for identity in identities.filter(|identity| identity.standing != Standing::Revoked) {
            let revoked = Some(Revoked { at_ms: self.now_ms(), why: why.to_owned() });
            change.put_identity(&Identity { standing: Standing::Revoked, revoked, ..identity.clone() }).await?;
        }
        Ok(())
    }

    /// Revokes the hub of a location.
    ///
    /// # Errors
    /// The ledger fails.
    pub async fn revoke_hub(&self, id: &contract::HubId, why: &str) -> Result<bool, Refused> {
        let mut change = Change::begin(self.ledger).await?;
        if change.location(id).await?.is_none() {
            return Ok(false);
        }
        let identities = change.identities(id).await?;
        self.revoke(&mut change, identities.iter(), why).await?;
        change.record(id, "revoked", why, self.now_ms()).await?;
        change.commit().await?;
        Ok(true)
    }

    fn answer(&self, asked: &CheckIn, join: u64, order: Option<Order>) -> Answer {
        Answer {
            location: asked.location.clone(),
            nonce: asked.nonce.clone(),
            join,
            answered_at_ms: self.now_ms(),
            certificates: None,
            config: None,
            order,
        }
    }
}

/// Whether two thirds of a certificate's life are over.
fn is_due(identity: &Identity, now_ms: i64) -> bool {
    let life = identity.not_after_ms.saturating_sub(identity.issued_ms);
    now_ms >= identity.not_after_ms.saturating_sub(life / 3)
}

fn exchange(question: Digest, reply: &Reply) -> Exchange {
    Exchange { question, reply: serde_json::to_string(reply).unwrap_or_default() }
}

fn reply(exchange: &Exchange) -> Result<Reply, Refused> {
    serde_json::from_str(&exchange.reply).map_err(|error| Refused::Unreadable(format!("stored answer: {error}")))
}

#[cfg(test)]
mod tests;
