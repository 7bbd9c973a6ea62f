//! HQ's publications on the stage: the key and the files. [`HqServer`](crate::hq_server::HqServer) serves them.

use std::{net::SocketAddr, path::Path};

use commerce::Item;
use contract::{
    HubId, PublicationKind,
    publication::{CATALOG, Effective, PRICES, SigningKey, VerifyingKey},
};
use hq::{
    Ledger,
    publications::{Announcer, Order, Publications, items, kinds::Records, objects::Objects, publish},
};
use link::Broker;

/// A small price book.
const OFFERS: &str = include_str!("data/offers.ndjson");

/// HQ's publications.
pub(crate) struct HqPublications {
    publications: Publications,
    objects: Objects,
    key: SigningKey,
    /// Where hubs fetch from.
    from: String,
    broker: Broker,
}

impl HqPublications {
    /// Publishes files of a directory and a ledger, by a new key; hubs fetch them from `server`.
    ///
    /// # Errors
    /// What could not be made.
    pub(crate) fn open(files: &Path, ledger: &Ledger, server: SocketAddr, broker: Broker) -> Result<Self, String> {
        let objects = Objects::open(files).map_err(|error| error.to_string())?;
        let (key, _) = SigningKey::generate()?;
        let from = format!("https://{server}/publications");
        Ok(Self { publications: Publications::of(ledger.database().clone()), objects, key, from, broker })
    }

    /// What hubs trust.
    pub(crate) fn key(&self) -> VerifyingKey {
        self.key.public()
    }

    /// Publishes a catalog to a hub, for at once. It is announced by [`Self::announce`].
    ///
    /// # Errors
    /// It can't be published.
    pub(crate) async fn publish(&self, hub: &HubId, catalog: &[Item]) -> Result<u64, String> {
        let catalog = catalog.iter().map(|item| (item.sku.to_string(), item.clone())).collect();
        let records = items::records(&catalog).map_err(|error| error.to_string())?;
        self.publish_records(hub, kind()?, records).await
    }

    /// Publishes the demo's offers to a hub in the same way.
    ///
    /// # Errors
    /// They can't be published.
    pub(crate) async fn publish_offers(&self, hub: &HubId) -> Result<(), String> {
        let read = |line: &str| serde_json::from_str(line).map_err(|error| format!("offers.ndjson: {error}"));
        let lines = OFFERS.lines().filter(|line| !line.starts_with('#'));
        let records = lines.enumerate().map(|(place, line)| Ok((format!("{place:03}"), read(line)?)));
        let records = records.collect::<Result<_, String>>()?;
        self.publish_records(hub, PRICES.parse::<PublicationKind>()?, records).await.map(drop)
    }

    async fn publish_records(&self, hub: &HubId, kind: PublicationKind, records: Records) -> Result<u64, String> {
        let order = Order {
            kind,
            records,
            hubs: vec![hub.clone()],
            effective: Effective::At(0),
            may_shrink: false,
            from: self.from.clone(),
            spread_s: 0,
            made_at_ms: 0,
        };
        let made = publish(&self.publications, &self.objects, &self.key, order).await;
        made.map(|made| made.version).map_err(|error| error.to_string())
    }

    /// Announces what is published, for as long as the value lives.
    pub(crate) fn announce(&self) -> Announcer {
        Announcer::start(self.broker.clone(), self.publications.clone())
    }

    /// Whether a hub sells by a version.
    ///
    /// # Errors
    /// It refused it.
    pub(crate) async fn is_active(&self, version: u64) -> Result<bool, String> {
        let targets = self.publications.targets(&kind()?, version).await.map_err(|error| error.to_string())?;
        match targets.iter().find(|target| target.state.as_deref() == Some("refused")) {
            Some(target) => Err(format!("{} refused the catalog: {:?}", target.hub, target.why)),
            None => Ok(targets.iter().all(|target| target.state.as_deref() == Some("active"))),
        }
    }
}

fn kind() -> Result<PublicationKind, String> {
    CATALOG.parse()
}
