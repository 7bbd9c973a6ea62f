//! Publications, their receivers and states, and groups of hubs, in HQ's database.

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
    /// Stores a publication.
    INSERT = "publication/insert";
    /// Adds a receiving hub.
    TARGET = "publication/target" + postgres;
    /// The newest publications that hubs have not settled.
    UNSETTLED = "publication/unsettled";
    /// Stores a hub's state of a publication.
    HEARD = "publication/heard";
    /// The receiving hubs of a publication.
    TARGETS = "publication/targets";
    /// The current publication of each hub.
    CURRENT = "publication/current";
    /// The manifest of a publication.
    MANIFEST = "publication/manifest";
    /// The latest publications.
    LIST = "publication/list";
    /// A publication.
    ONE = "publication/one";
    /// The number of hubs in each state of the latest publications.
    PROGRESS = "publication/progress";
    /// The hubs of a group.
    GROUP = "publication/group";
    /// All groups.
    GROUPS = "publication/groups";
    /// Removes all hubs from a group.
    GROUP_CLEAR = "publication/group_clear";
    /// Adds a hub to a group.
    GROUP_ADD = "publication/group_add" + postgres;
    /// All hubs that have contacted HQ.
    HUBS = "publication/hubs";
    /// The hubs that were to have a publication of a kind, after one.
    HUBS_OF = "publication/hubs_of";
    /// The publications of a kind at hubs, newest first for each.
    AT_HUBS = "publication/at_hubs";
    /// The publications by which hubs work.
    ACTIVE = "publication/active";
}

/// The publications in a database.
#[derive(Clone)]
pub struct Publications(Database);

/// A publication in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Published {
    /// The kind.
    pub kind: PublicationKind,
    /// The version.
    pub version: u64,
    /// When it was created: milliseconds since 1970, UTC.
    pub made_at_ms: i64,
    /// When it takes effect.
    pub effective: Effective,
    /// The number of records.
    pub records: u64,
}

/// A receiving hub, and its last reported state of the publication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Target {
    /// The hub.
    pub hub: HubId,
    /// `fetching`, `waiting`, `active`, `former`, `refused` or `superseded`; none before its first report.
    pub state: Option<String>,
    /// When the state began, by the hub's clock.
    pub since_ms: Option<i64>,
    /// Why it is refused or not fetched yet.
    pub why: Option<String>,
    /// When HQ received the report.
    pub heard_at_ms: Option<i64>,
}

impl Target {
    /// Whether the hub has applied it, or never will.
    pub fn is_done(&self) -> bool {
        matches!(self.state.as_deref(), Some("active" | "former" | "refused" | "superseded"))
    }
}

/// A publication at a hub, as HQ knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtHub {
    /// Which hub.
    pub hub: HubId,
    /// Which publication.
    pub version: u64,
    /// As [`Target::state`].
    pub state: Option<String>,
    /// From when it counts.
    pub effective: Effective,
    /// When it was made: milliseconds since 1970, UTC.
    pub made_at_ms: i64,
}

/// An announcement that is to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) kind: PublicationKind,
    pub(super) version: u64,
    pub(super) hub: HubId,
    pub(super) document: String,
}

/// A publication being stored. Its version is reserved meanwhile.
pub(super) struct Publishing {
    transaction: Transaction,
    version: u64,
}

/// A name as it was written.
fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, DatabaseError> {
    let found = || format!("`{}`", text.escape_debug());
    text.parse().map_err(|_| DatabaseError::Column { column: 0, expected: "a name", found: found() })
}

/// When a publication counts, as it was written.
fn moment(json: &str) -> Result<Effective, DatabaseError> {
    serde_json::from_str(json).map_err(|error| DatabaseError::Column {
        column: 3,
        expected: "a time",
        found: error.to_string(),
    })
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
    /// The publications of a database.
    pub fn of(database: Database) -> Self {
        Self(database)
    }

    /// Begins to store the next publication of a kind.
    pub(super) async fn begin(&self, kind: &PublicationKind) -> Result<Publishing, DatabaseError> {
        let mut transaction = self.0.transaction().await?;
        let newest = one::<u64>(transaction.query(&NEWEST, values![kind.as_str()]).await?)?;
        Ok(Publishing { transaction, version: newest + 1 })
    }

    /// The announcements to send.
    pub(super) async fn unsettled(&self) -> Result<Vec<Outgoing>, DatabaseError> {
        let rows = self.0.read(&UNSETTLED, values![]).await?;
        let outgoing = |row: Row| {
            let (kind, version, hub, document): (String, u64, String, String) = row.read()?;
            Ok(Outgoing { kind: parsed(&kind)?, version, hub: parsed(&hub)?, document })
        };
        rows.into_iter().map(outgoing).collect()
    }

    /// The publications by which hubs between two names work, as they said last.
    ///
    /// # Errors
    /// The database.
    pub async fn active(&self, first: &str, last: &str) -> Result<Vec<(HubId, PublicationKind, u64)>, DatabaseError> {
        let rows = self.0.read(&ACTIVE, values![first, last]).await?;
        let active = |row: Row| {
            let (hub, kind, version): (String, String, u64) = row.read()?;
            Ok((parsed(&hub)?, parsed(&kind)?, version))
        };
        rows.into_iter().map(active).collect()
    }

    /// Notes what a hub says, unless it has said something later.
    ///
    /// # Errors
    /// The database.
    pub async fn heard(&self, states: &PublicationStates, at_ms: i64) -> Result<(), DatabaseError> {
        let epoch = Value::unsigned("epoch", states.epoch.0)?;
        let revision = Value::unsigned("revision", states.revision)?;
        let mut transaction = self.0.transaction().await?;
        for state in &states.publications {
            let version = Value::unsigned("version", state.version)?;
            let (kind, hub, why) = (state.kind.as_str(), states.hub.as_str(), state.why.as_ref());
            let name = state.state.name();
            let row = values![name, state.since_ms, why, at_ms, epoch.clone(), revision.clone(), kind, version, hub];
            transaction.execute(&HEARD, row).await?;
        }
        transaction.commit().await
    }

    /// The receiving hubs of a publication, in order, and their last reported states.
    ///
    /// # Errors
    /// The database failed.
    pub async fn targets(&self, kind: &PublicationKind, version: u64) -> Result<Vec<Target>, DatabaseError> {
        let version = Value::unsigned("version", version)?;
        let rows = self.0.read(&TARGETS, values![kind.as_str(), version]).await?;
        let target = |row: Row| {
            let (hub, state, since_ms, why, heard_at_ms): (String, _, _, _, _) = row.read()?;
            Ok(Target { hub: parsed(&hub)?, state, since_ms, why, heard_at_ms })
        };
        rows.into_iter().map(target).collect()
    }

    /// The current publication of a kind for each hub.
    pub(super) async fn current(&self, kind: &PublicationKind) -> Result<Vec<(HubId, u64)>, DatabaseError> {
        let rows = self.0.read(&CURRENT, values![kind.as_str()]).await?;
        rows.into_iter()
            .map(|row| row.read::<(String, u64)>().and_then(|(hub, version)| Ok((parsed(&hub)?, version))))
            .collect()
    }

    /// The hubs that were to have a publication of a kind, by name, after one.
    ///
    /// # Errors
    /// The database.
    pub async fn hubs_of(&self, kind: &PublicationKind, after: &str, limit: i64) -> Result<Vec<HubId>, DatabaseError> {
        hubs(self.0.read(&HUBS_OF, values![kind.as_str(), after, limit]).await?)
    }

    /// The publications of a kind at hubs between two names, newest first for each hub.
    ///
    /// # Errors
    /// The database.
    pub async fn at_hubs(
        &self,
        kind: &PublicationKind,
        (first, last): (&HubId, &HubId),
    ) -> Result<Vec<AtHub>, DatabaseError> {
        let rows = self.0.read(&AT_HUBS, values![kind.as_str(), first.as_str(), last.as_str()]).await?;
        let at_hub = |row: Row| {
            let (hub, version, state, effective, made_at_ms): (String, _, _, String, _) = row.read()?;
            Ok(AtHub { hub: parsed(&hub)?, version, state, effective: moment(&effective)?, made_at_ms })
        };
        rows.into_iter().map(at_hub).collect()
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

    /// The latest publications, newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list(&self, limit: u32) -> Result<Vec<Published>, DatabaseError> {
        self.0.read(&LIST, values![limit]).await?.into_iter().map(published).collect()
    }

    /// A publication, if it exists.
    ///
    /// # Errors
    /// The database failed.
    pub async fn one(&self, kind: &PublicationKind, version: u64) -> Result<Option<Published>, DatabaseError> {
        // No publication has a version that does not fit into a column.
        let Ok(version) = Value::unsigned("version", version) else { return Ok(None) };
        self.0.read(&ONE, values![kind.as_str(), version]).await?.pop().map(published).transpose()
    }

    /// The latest publications with the number of hubs in each state; `unknown` before a hub's first report.
    ///
    /// # Errors
    /// The database failed.
    pub async fn progress(&self, limit: u32) -> Result<Vec<(PublicationKind, u64, String, u64)>, DatabaseError> {
        let progress = |row: Row| {
            let (kind, version, state, hubs): (String, u64, String, u64) = row.read()?;
            Ok((parsed(&kind)?, version, state, hubs))
        };
        self.0.read(&PROGRESS, values![limit]).await?.into_iter().map(progress).collect()
    }

    /// The hubs of a group, in order; none if it does not exist.
    ///
    /// # Errors
    /// The database failed.
    pub async fn group(&self, name: &str) -> Result<Vec<HubId>, DatabaseError> {
        hubs(self.0.read(&GROUP, values![name]).await?)
    }

    /// All groups with their hubs, in order.
    ///
    /// # Errors
    /// The database failed.
    pub async fn groups(&self) -> Result<Vec<(String, HubId)>, DatabaseError> {
        let rows = self.0.read(&GROUPS, values![]).await?;
        rows.into_iter()
            .map(|row| row.read::<(String, String)>().and_then(|(name, hub)| Ok((name, parsed(&hub)?))))
            .collect()
    }

    /// Sets the hubs of a group, replacing earlier ones; without hubs the group is deleted.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_group(&self, name: &str, hubs: &[HubId]) -> Result<(), DatabaseError> {
        let mut transaction = self.0.transaction().await?;
        transaction.execute(&GROUP_CLEAR, values![name]).await?;
        let rows = hubs.iter().map(|hub| values![name, hub.as_str()]).collect();
        transaction.execute_many(&GROUP_ADD, rows).await?;
        transaction.commit().await
    }

    /// All hubs that have contacted HQ, in order.
    ///
    /// # Errors
    /// The database failed.
    pub async fn hubs(&self) -> Result<Vec<HubId>, DatabaseError> {
        hubs(self.0.read(&HUBS, values![]).await?)
    }
}

fn published(row: Row) -> Result<Published, DatabaseError> {
    let (kind, version, made_at_ms, effective, records): (String, _, _, String, _) = row.read()?;
    Ok(Published { kind: parsed(&kind)?, version, made_at_ms, effective: moment(&effective)?, records })
}

fn hubs(rows: Vec<Row>) -> Result<Vec<HubId>, DatabaseError> {
    rows.into_iter().map(|row| row.read::<(String,)>().and_then(|(hub,)| parsed(&hub))).collect()
}

fn one<V: FromValue>(mut rows: Vec<Row>) -> Result<V, DatabaseError> {
    let nothing = DatabaseError::Column { column: 0, expected: V::EXPECTED, found: "no row".into() };
    rows.pop().ok_or(nothing)?.read::<(V,)>().map(|(value,)| value)
}
