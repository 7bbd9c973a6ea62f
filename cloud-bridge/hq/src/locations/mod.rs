//! Locations, the claims for them, and the certificates of their hubs: the records behind `store-hub-provision`.
//!
//! This module stores; what is allowed is decided by the enrolment service (crate `provisioning`), which alone holds
//! the authority's keys. Everything that belongs together is one transaction, and whoever changes a location locks
//! its row first: of many requests for one location at once, one goes on and the others see its effect.
//!
//! | failure | effect |
//! | --- | --- |
//! | the database fails, or the process is killed | nothing of the transaction is stored; the question is repeated |
//! | the answer is lost | the repeated question gets the stored answer |

mod record;

use contract::{Digest, HubId};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Serialize, de::DeserializeOwned};

pub use self::record::{
    Act, Claim, Details, Exchange, HubConfig, Identity, Location, Purpose, Revoked, Standing, State,
};
use crate::{
    Ledger,
    database::{DatabaseError, Row, Transaction, Value, statement::statements, values},
    ledger::alarm::{self, Alarm},
};

statements! {
    /// Reads and locks a location.
    LOCK = "location/lock" + postgres;
    /// Locations, after one.
    PAGE = "location/page";
    /// Stores a location.
    PUT = "location/put";
    /// The newest claim of a location.
    CLAIM = "location/claim";
    /// Stores a claim.
    PUT_CLAIM = "location/put_claim";
    /// The certificates of a location.
    IDENTITIES = "location/identities";
    /// Revoked certificates that have not expired.
    REVOKED = "location/revoked";
    /// Stores a certificate.
    PUT_IDENTITY = "location/put_identity";
    /// Records an act.
    PUT_ACT = "location/put_act";
    /// The acts of a location.
    ACTS = "location/acts";
}

/// The number of locations read at once.
const AT_ONCE: i64 = 500;

/// A transaction that changes locations. Nothing is stored without [`Self::commit`].
pub struct Change(Transaction);

fn body<T: DeserializeOwned>(row: Row) -> Result<T, DatabaseError> {
    let (body,): (String,) = row.read()?;
    let bad =
        |error: serde_json::Error| DatabaseError::Column { column: 0, expected: "JSON", found: error.to_string() };
    serde_json::from_str(&body).map_err(bad)
}

fn json(record: &impl Serialize) -> Value {
    Value::Text(serde_json::to_string(record).unwrap_or_default())
}

/// A random name of 32 hexadecimal digits.
fn random() -> String {
    let mut bytes = [0; 16];
    // Names only have to differ: without random bytes a second one of the same millisecond is refused.
    let _ = SystemRandom::new().fill(&mut bytes);
    data_encoding::HEXLOWER.encode(&bytes)
}

impl Change {
    /// Begins.
    ///
    /// # Errors
    /// The database fails.
    pub async fn begin(ledger: &Ledger) -> Result<Self, DatabaseError> {
        ledger.database().transaction().await.map(Self)
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// The database fails.
    pub async fn commit(self) -> Result<(), DatabaseError> {
        self.0.commit().await
    }

    /// Locks and reads a location.
    ///
    /// # Errors
    /// The database fails.
    pub async fn location(&mut self, id: &HubId) -> Result<Option<Location>, DatabaseError> {
        self.0.query(&LOCK, values![id.as_str()]).await?.pop().map(body).transpose()
    }

    /// Stores a location.
    ///
    /// # Errors
    /// The database fails.
    pub async fn put(&mut self, location: &Location, now_ms: i64) -> Result<(), DatabaseError> {
        let row = values![location.id.as_str(), location.state.name(), json(location), now_ms];
        self.0.execute(&PUT, row).await.map(drop)
    }

    /// The newest claim of a location; earlier ones are void.
    ///
    /// # Errors
    /// The database fails.
    pub async fn claim(&mut self, location: &HubId) -> Result<Option<Claim>, DatabaseError> {
        self.0.query(&CLAIM, values![location.as_str()]).await?.pop().map(body).transpose()
    }

    /// Issues a claim, which voids earlier ones.
    ///
    /// # Errors
    /// The database fails.
    pub async fn issue(
        &mut self,
        location: &HubId,
        key: Digest,
        replaces: bool,
        (issued_ms, expires_ms): (i64, i64),
    ) -> Result<(), DatabaseError> {
        // Later than the former one, whatever the clock says: the newest counts.
        let former = self.claim(location).await?.map_or(i64::MIN, |claim| claim.issued_ms);
        let (location, issued_ms) = (location.clone(), issued_ms.max(former.saturating_add(1)));
        let claim = Claim { id: random(), location, key, replaces, issued_ms, expires_ms, wrong: 0, used: None };
        self.put_claim(&claim).await
    }

    /// Stores a claim.
    ///
    /// # Errors
    /// The database fails.
    pub async fn put_claim(&mut self, claim: &Claim) -> Result<(), DatabaseError> {
        let row = values![&claim.id, claim.location.as_str(), claim.issued_ms, json(claim)];
        self.0.execute(&PUT_CLAIM, row).await.map(drop)
    }

    /// The certificates of a location, oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn identities(&mut self, location: &HubId) -> Result<Vec<Identity>, DatabaseError> {
        let rows = self.0.query(&IDENTITIES, values![location.as_str()]).await?;
        rows.into_iter().map(body).collect()
    }

    /// Stores a certificate.
    ///
    /// # Errors
    /// The database fails.
    pub async fn put_identity(&mut self, identity: &Identity) -> Result<(), DatabaseError> {
        let Identity { serial, location, standing, not_after_ms, issued_ms, .. } = identity;
        let row = values![serial, location.as_str(), standing.name(), *not_after_ms, *issued_ms, json(identity)];
        self.0.execute(&PUT_IDENTITY, row).await.map(drop)
    }

    /// Revoked certificates that have not expired.
    ///
    /// # Errors
    /// The database fails.
    pub async fn revoked(&mut self, now_ms: i64) -> Result<Vec<Identity>, DatabaseError> {
        self.0.query(&REVOKED, values![now_ms]).await?.into_iter().map(body).collect()
    }

    /// Records an act.
    ///
    /// # Errors
    /// The database fails.
    pub async fn record(
        &mut self,
        location: &HubId,
        act: &str,
        detail: &str,
        now_ms: i64,
    ) -> Result<(), DatabaseError> {
        self.0.execute(&PUT_ACT, values![now_ms, random(), location.as_str(), act, detail]).await.map(drop)
    }

    /// Raises an alarm.
    ///
    /// # Errors
    /// The database fails.
    pub async fn raise(&mut self, alarm: &Alarm) -> Result<(), DatabaseError> {
        alarm::raise(&mut self.0, alarm).await
    }
}

impl Ledger {
    /// All locations, by name.
    ///
    /// # Errors
    /// The database fails.
    pub async fn locations(&self) -> Result<Vec<Location>, DatabaseError> {
        let mut all: Vec<Location> = Vec::new();
        loop {
            let after = all.last().map_or("", |location| location.id.as_str()).to_owned();
            let page = self.database().read(&PAGE, values![after, AT_ONCE]).await?;
            if page.is_empty() {
                return Ok(all);
            }
            for row in page {
                all.push(body(row)?);
            }
        }
    }

    /// What was done with a location and its identities, oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn location_acts(&self, location: &HubId) -> Result<Vec<Act>, DatabaseError> {
        let act = |row: Row| {
            let (at_ms, location, act, detail) = row.read()?;
            Ok(Act { at_ms, location, act, detail })
        };
        self.database().read(&ACTS, values![location.as_str()]).await?.into_iter().map(act).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fresh, on_each_engine};

    on_each_engine! {
        records_read_back_and_the_newest_claim_counts
    }

    fn location(id: &HubId) -> Location {
        let details = Details {
            name: "Store 1".into(),
            address: None,
            time_zone: "Europe/Berlin".into(),
            currency: "EUR".to_owned().try_into().unwrap(),
            tax_region: Some("DE".into()),
            hours: Some("mon-sat 08:00-20:00".into()),
            names: vec!["store-1.example.com".into(), "10.0.0.2".into()],
            listen: "0.0.0.0:8443".into(),
            lanes: String::new(),
            until: None,
        };
        details.check().unwrap();
        let config = HubConfig { version: 1, toml: String::new(), used: 0, refused: None };
        Location::new(id.clone(), details, config)
    }

    async fn records_read_back_and_the_newest_claim_counts(fresh: Fresh) {
        let ledger = Ledger::on(fresh.database.clone());
        let [one, other]: [HubId; 2] = ["store-1", "store-2"].map(|id| id.parse().unwrap());
        let mut change = Change::begin(&ledger).await.unwrap();
        let (first, mut second) = (location(&one), location(&other));
        change.put(&second, 1).await.unwrap();
        change.put(&first, 1).await.unwrap();
        second.state = State::Open;
        change.put(&second, 2).await.unwrap();
        change.issue(&one, Digest::of(b"1"), false, (1, 10)).await.unwrap();
        change.issue(&one, Digest::of(b"2"), true, (2, 10)).await.unwrap();
        change.record(&one, "claim_issued", "replace", 2).await.unwrap();
        change.commit().await.unwrap();
        assert_eq!(ledger.locations().await.unwrap(), [first.clone(), second]);
        let mut change = Change::begin(&ledger).await.unwrap();
        assert_eq!(change.location(&one).await.unwrap(), Some(first));
        let claim = change.claim(&one).await.unwrap().unwrap();
        assert_eq!((claim.key, claim.replaces), (Digest::of(b"2"), true));
        assert_eq!(change.claim(&other).await.unwrap(), None);
        drop(change);
        assert_eq!(ledger.location_acts(&one).await.unwrap()[0].act, "claim_issued");
    }

    #[test]
    fn a_wrong_value_of_a_location_is_named() {
        let good = location(&"store-1".parse().unwrap()).details;
        let wrong = |change: &dyn Fn(&mut Details)| {
            let mut details = good.clone();
            change(&mut details);
            details.check().unwrap_err()
        };
        assert!(wrong(&|it| it.name = String::new()).contains("name"));
        assert!(wrong(&|it| it.time_zone = "Mars/Olympus".into()).contains("Mars/Olympus"));
        assert!(wrong(&|it| it.hours = Some("always".into())).contains("always"));
        assert!(wrong(&|it| it.names.clear()).contains("host name"));
        assert!(wrong(&|it| it.names.push("a_b".into())).contains("a_b"));
        assert!(wrong(&|it| it.names.push("10.0.0.2".into())).contains("twice"));
        assert!(wrong(&|it| it.listen = "8443".into()).contains("8443"));
    }
}
