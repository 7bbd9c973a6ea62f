//! Publications, who is to have them, how they are there, and groups of hubs, in HQ's database.

use contract::{
    Digest, HubId, PublicationKind,
    publication::{Effective, Manifest, PublicationStates},
};
use serde::Serialize;

use crate::database::{
    Database, DatabaseError, Row, Transaction, Value,
    statement::statements,
    value::{FromValue, values},
};

statements! {
    /// The newest version of a kind.
    NEWEST = "publication/newest";
    /// A publication.
    INSERT = "publication/insert";
    /// A hub that is to have it.
    TARGET = "publication/target" + postgres;
    /// Newest publications of which hubs have not said what became of them.
    UNSETTLED = "publication/unsettled";
    /// What a hub said of one.
    HEARD = "publication/heard";
    /// The hubs of one.
    TARGETS = "publication/targets";
    /// What hubs are to have of a kind now.
    CURRENT = "publication/current";
    /// Its manifest.
    MANIFEST = "publication/manifest";
    /// The last ones.
    LIST = "publication/list";
    /// The hubs of a group.
    GROUP = "publication/group";
    /// All groups.
    GROUPS = "publication/groups";
    /// Takes all hubs out of a group.
    GROUP_CLEAR = "publication/group_clear";
    /// Puts a hub into a group.
    GROUP_ADD = "publication/group_add" + postgres;
    /// Every hub that has spoken to HQ.
    HUBS = "publication/hubs";
}

/// Publications in a database.
#[derive(Clone)]
pub struct Publications(Database);

/// A publication, for lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Published {
    /// What it is.
    pub kind: PublicationKind,
    /// Which.
    pub version: u64,
    /// When it was made: milliseconds since 1970, UTC.
    pub made_at_ms: i64,
    /// From when it counts.
    pub effective: Effective,
    /// How many records it has.
    pub records: u64,
}

/// A hub that is to have a publication, and what it said of it last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Target {
    /// Which hub.
    pub hub: HubId,
    /// `fetching`, `waiting`, `active`, `former`, `refused` or `superseded`; none before it has spoken.
    pub state: Option<String>,
    /// Since when, by the hub's clock.
    pub since_ms: Option<i64>,
    /// Why it is refused, or not there yet.
    pub why: Option<String>,
    /// When HQ heard that.
    pub heard_at_ms: Option<i64>,
}

impl Target {
    /// Whether the hub has applied it, or never will.
    pub fn is_done(&self) -> bool {
        matches!(self.state.as_deref(), Some("active" | "former" | "refused" | "superseded"))
    }
}

/// An announcement that is to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) kind: PublicationKind,
    pub(super) version: u64,
    pub(super) hub: HubId,
    pub(super) document: String,
}

/// A publication that is being noted. It has its version, which nobody else gets meanwhile.
pub(super) struct Publishing {
    transaction: Transaction,
    version: u64,
}

/// A name as it was written.
fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, DatabaseError> {
    let found = || format!("`{}`", text.escape_debug());
    text.parse().map_err(|_| DatabaseError::Column { column: 0, expected: "a name", found: found() })
}

impl Publishing {
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) async fn note(
        mut self,
        manifest: &Manifest,
        digest: Digest,
        bytes: u32,
        announcements: Vec<(HubId, String)>,
    ) -> Result<(), DatabaseError> {
        let Manifest { kind, made_at_ms, effective, records, .. } = manifest;
        let version = Value::unsigned("version", self.version)?;
        let effective = serde_json::to_string(effective).unwrap_or_default();
        let records = Value::unsigned("records", *records)?;
        let row = values![kind.as_str(), version.clone(), *made_at_ms, effective, digest.to_string(), bytes, records];
        self.transaction.execute(&INSERT, row).await?;
        let target = |(hub, document): (HubId, String)| values![kind.as_str(), version.clone(), hub.as_str(), document];
        self.transaction.execute_many(&TARGET, announcements.into_iter().map(target).collect()).await?;
        self.transaction.commit().await
    }
}

impl Publications {
    /// In a database.
    pub fn of(database: Database) -> Self {
        Self(database)
    }

    /// Begins to note the next publication of a kind.
    pub(super) async fn begin(&self, kind: &PublicationKind) -> Result<Publishing, DatabaseError> {
        let mut transaction = self.0.transaction().await?;
        let newest = one::<u64>(transaction.query(&NEWEST, values![kind.as_str()]).await?)?;
        Ok(Publishing { transaction, version: newest + 1 })
    }

    /// What is to be announced.
    pub(super) async fn unsettled(&self) -> Result<Vec<Outgoing>, DatabaseError> {
        let rows = self.0.read(&UNSETTLED, values![]).await?;
        let outgoing = |row: Row| {
            let (kind, version, hub, document): (String, u64, String, String) = row.read()?;
            Ok(Outgoing { kind: parsed(&kind)?, version, hub: parsed(&hub)?, document })
        };
        rows.into_iter().map(outgoing).collect()
    }

    /// Notes what a hub says.
    pub(super) async fn heard(&self, states: &PublicationStates, at_ms: i64) -> Result<(), DatabaseError> {
        let mut transaction = self.0.transaction().await?;
        for state in &states.publications {
            let version = Value::unsigned("version", state.version)?;
            let (kind, hub, why) = (state.kind.as_str(), states.hub.as_str(), state.why.as_ref());
            let row = values![state.state.name(), state.since_ms, why, at_ms, kind, version, hub];
            transaction.execute(&HEARD, row).await?;
        }
        transaction.commit().await
    }

    /// The hubs of a publication, in order, and what they said last.
    ///
    /// # Errors
    /// The database.
    pub async fn targets(&self, kind: &PublicationKind, version: u64) -> Result<Vec<Target>, DatabaseError> {
        let version = Value::unsigned("version", version)?;
        let rows = self.0.read(&TARGETS, values![kind.as_str(), version]).await?;
        let target = |row: Row| {
            let (hub, state, since_ms, why, heard_at_ms): (String, _, _, _, _) = row.read()?;
            Ok(Target { hub: parsed(&hub)?, state, since_ms, why, heard_at_ms })
        };
        rows.into_iter().map(target).collect()
    }

    /// What each hub is to have of a kind now.
    pub(super) async fn current(&self, kind: &PublicationKind) -> Result<Vec<(HubId, u64)>, DatabaseError> {
        let rows = self.0.read(&CURRENT, values![kind.as_str()]).await?;
        rows.into_iter()
            .map(|row| row.read::<(String, u64)>().and_then(|(hub, version)| Ok((parsed(&hub)?, version))))
            .collect()
    }

    /// The name and the size of a manifest.
    pub(super) async fn manifest(&self, kind: &PublicationKind, version: u64) -> Result<(Digest, u32), DatabaseError> {
        let key = values![kind.as_str(), Value::unsigned("version", version)?];
        let row = self.0.read(&MANIFEST, key).await?.pop();
        let missing = || DatabaseError::Column {
            column: 0,
            expected: "a publication",
            found: format!("none of {kind} version {version}"),
        };
        let (digest, bytes): (String, u64) = row.ok_or_else(missing)?.read()?;
        let digest = Digest::try_from(digest).map_err(|found| DatabaseError::Column {
            column: 0,
            expected: "SHA-256",
            found,
        })?;
        Ok((digest, u32::try_from(bytes).map_err(|_| missing())?))
    }

    /// The last publications, newest first.
    ///
    /// # Errors
    /// The database.
    pub async fn list(&self, limit: u32) -> Result<Vec<Published>, DatabaseError> {
        let rows = self.0.read(&LIST, values![limit]).await?;
        let published = |row: Row| {
            let (kind, version, made_at_ms, effective, records): (String, _, _, String, _) = row.read()?;
            let invalid = |found: serde_json::Error| DatabaseError::Column {
                column: 3,
                expected: "a time",
                found: found.to_string(),
            };
            let effective = serde_json::from_str(&effective).map_err(invalid)?;
            Ok(Published { kind: parsed(&kind)?, version, made_at_ms, effective, records })
        };
        rows.into_iter().map(published).collect()
    }

    /// The hubs of a group, in order; none if there is no such group.
    ///
    /// # Errors
    /// The database.
    pub async fn group(&self, name: &str) -> Result<Vec<HubId>, DatabaseError> {
        hubs(self.0.read(&GROUP, values![name]).await?)
    }

    /// All groups with their hubs, in order.
    ///
    /// # Errors
    /// The database.
    pub async fn groups(&self) -> Result<Vec<(String, HubId)>, DatabaseError> {
        let rows = self.0.read(&GROUPS, values![]).await?;
        rows.into_iter()
            .map(|row| row.read::<(String, String)>().and_then(|(name, hub)| Ok((name, parsed(&hub)?))))
            .collect()
    }

    /// Makes hubs a group, in the place of what it was; without hubs the group ends.
    ///
    /// # Errors
    /// The database.
    pub async fn set_group(&self, name: &str, hubs: &[HubId]) -> Result<(), DatabaseError> {
        let mut transaction = self.0.transaction().await?;
        transaction.execute(&GROUP_CLEAR, values![name]).await?;
        let rows = hubs.iter().map(|hub| values![name, hub.as_str()]).collect();
        transaction.execute_many(&GROUP_ADD, rows).await?;
        transaction.commit().await
    }

    /// Every hub that has spoken to HQ, in order.
    ///
    /// # Errors
    /// The database.
    pub async fn hubs(&self) -> Result<Vec<HubId>, DatabaseError> {
        hubs(self.0.read(&HUBS, values![]).await?)
    }
}

fn hubs(rows: Vec<Row>) -> Result<Vec<HubId>, DatabaseError> {
    rows.into_iter().map(|row| row.read::<(String,)>().and_then(|(hub,)| parsed(&hub))).collect()
}

fn one<V: FromValue>(mut rows: Vec<Row>) -> Result<V, DatabaseError> {
    let nothing = DatabaseError::Column { column: 0, expected: V::EXPECTED, found: "no row".into() };
    rows.pop().ok_or(nothing)?.read::<(V,)>().map(|(value,)| value)
}
