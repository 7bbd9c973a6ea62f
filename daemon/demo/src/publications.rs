//! HQ's publications on the stage: the key, the files and their HTTPS server.

use std::{path::Path, sync::Arc};

use commerce::Item;
use contract::{
    HubId, PublicationKind,
    publication::{CATALOG, Effective, SigningKey, VerifyingKey},
};
use hq::{
    Ledger,
    publications::{Announcer, Order, Publications, items, objects::Objects, publish, routes},
};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use link::Broker;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

/// HQ's publications; its server ends with this value.
pub(crate) struct HqPublications {
    publications: Publications,
    objects: Objects,
    key: SigningKey,
    /// Where hubs fetch from.
    from: String,
    broker: Broker,
    serving: JoinHandle<()>,
}

impl Drop for HqPublications {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl HqPublications {
    /// Publishes from a directory and a ledger, by a new key. Its server shows the certificate of `identity`.
    ///
    /// # Errors
    /// What could not be made.
    pub(crate) async fn open(
        directory: &Path,
        identity: &Path,
        ledger: &Ledger,
        broker: Broker,
    ) -> Result<Self, String> {
        let files = directory.join("publications");
        let objects = Objects::open(&files).map_err(|error| error.to_string())?;
        let (key, _) = SigningKey::generate()?;
        let tls = TlsAcceptor::from(Arc::new(tls(identity)?));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let router = routes(&files);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, router) = (tls.clone(), router.clone());
                tokio::spawn(async move {
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let served =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
                    // A hub that hangs up is no fault.
                    let _ = served.await;
                });
            }
        });
        let from = format!("https://{address}/publications");
        Ok(Self { publications: Publications::of(ledger.database().clone()), objects, key, from, broker, serving })
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
        let order = Order {
            kind: kind()?,
            records: items::records(&catalog).map_err(|error| error.to_string())?,
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

fn tls(identity: &Path) -> Result<ServerConfig, String> {
    let chain = CertificateDer::pem_file_iter(identity.join("hub.pem")).map_err(|error| error.to_string())?;
    let chain: Result<Vec<_>, _> = chain.collect();
    let key = PrivateKeyDer::from_pem_file(identity.join("hub.key")).map_err(|error| error.to_string())?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain.map_err(|error| error.to_string())?, key);
    config.map_err(|error| error.to_string())
}
