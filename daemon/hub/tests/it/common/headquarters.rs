//! HQ: a broker and its ingest, in this process.

use std::net::SocketAddr;

use hq::{Exported, Ingest, MemoryLedger};
use link::Broker;
use mqtt5::broker::{
    BrokerConfig, MqttBroker,
    config::{StorageBackend, StorageConfig},
};
use tokio::task::JoinHandle;

/// HQ; ends with this value.
pub(crate) struct Headquarters {
    /// What it knows.
    pub(crate) ledger: MemoryLedger,
    /// Where its export lies.
    pub(crate) directory: tempfile::TempDir,
    address: SocketAddr,
    serving: JoinHandle<()>,
    _ingest: Ingest,
}

impl Headquarters {
    pub(crate) async fn start() -> Self {
        let mut config = BrokerConfig::new().with_bind_addresses(vec!["127.0.0.1:0".parse().unwrap()]);
        config.storage_config = StorageConfig::new().with_backend(StorageBackend::Memory).with_persistence(false);
        config.auth_config.allow_anonymous = true;
        let mut broker = MqttBroker::with_config(config).await.unwrap();
        let address = broker.local_addr().unwrap();
        let serving = tokio::spawn(async move { broker.run().await.unwrap() });
        let ledger = MemoryLedger::default();
        let broker = Broker { address: format!("mqtt://{address}").parse().unwrap(), tls: None, login: None };
        let directory = tempfile::tempdir().unwrap();
        let exported = Exported::new(ledger.clone(), &directory.path().join("sales.jsonl")).unwrap();
        Self { ledger, directory, address, serving, _ingest: Ingest::start(broker, exported) }
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
