//! HQ: a broker and its ingest, in this process.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use hq::{Access, Address, Ingest, Leases, Ledger, Publisher, Queues};
use link::Broker;
use mqtt5::broker::{
    BrokerConfig, MqttBroker,
    config::{StorageBackend, StorageConfig},
};
use tokio::task::JoinHandle;

/// HQ; ends with this value.
pub(crate) struct Headquarters {
    /// What it knows.
    pub(crate) ledger: Ledger,
    /// Where its ledger lies.
    pub(crate) directory: tempfile::TempDir,
    address: SocketAddr,
    serving: JoinHandle<()>,
    _ingest: Ingest,
    _publisher: Publisher,
    _leases: Leases,
}

impl Headquarters {
    pub(crate) async fn start() -> Self {
        let mut config = BrokerConfig::new().with_bind_addresses(vec!["127.0.0.1:0".parse().unwrap()]);
        config.storage_config = StorageConfig::new().with_backend(StorageBackend::Memory).with_persistence(false);
        config.auth_config.allow_anonymous = true;
        let mut broker = MqttBroker::with_config(config).await.unwrap();
        let address = broker.local_addr().unwrap();
        let serving = tokio::spawn(async move { broker.run().await.unwrap() });
        let broker = Broker { address: format!("mqtt://{address}").parse().unwrap(), tls: None, login: None };
        let directory = tempfile::tempdir().unwrap();
        let file = Address::File(directory.path().join("hq.db"));
        let ledger = Ledger::open(&file, &Access::default()).await.unwrap();
        let leases = Leases::start(ledger.clone(), "1".into());
        let publisher = Publisher::start(broker.clone(), Queues::of(&ledger), &leases);
        let ingest = Ingest::start(broker, ledger.clone(), &leases);
        Self { ledger, directory, address, serving, _ingest: ingest, _publisher: publisher, _leases: leases }
    }

    /// Waits until HQ has so many sales.
    pub(crate) async fn wait_for_sales(&self, sales: u64) {
        let began = Instant::now();
        while self.ledger.summary().await.unwrap().sales != sales {
            assert!(began.elapsed() < Duration::from_secs(60), "HQ does not have {sales} sales");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A hub's section of its config.
    pub(crate) fn config(&self) -> String {
        format!("[headquarters]\nbroker = \"mqtt://{}\"\n", self.address)
    }
}

impl Drop for Headquarters {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
